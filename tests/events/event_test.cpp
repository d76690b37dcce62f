#include "events/event.hpp"

#include "tests/events/sample.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/unknown_field_set.h>

using namespace tidemark::events;
namespace v1 = tidemark::v1;

namespace {

// A record as the log would give it back. `payload` must outlive it.
RecordView record_of(std::string_view stream_kind, std::uint16_t type, std::string_view payload) {
    RecordView record;
    record.header = sample::record_header();
    record.header.stream_kind = stream_kind;
    record.header.type = type;
    record.header.schema_version = schema_version_of(stream_kind);
    record.payload = payload;
    return record;
}

std::string refusal(const RecordView& record) {
    const auto payload = decode_payload(record);
    return payload ? "decoded" : payload.error().what;
}

std::string sale_won() {
    v1::SaleEvent event;
    event.mutable_sale_won()->mutable_amount()->set_minor(4200);
    return event.SerializeAsString();
}

// As it was written when the field `urgent` was there.
std::string need(bool urgent) {
    v1::CustomerEvent event;
    event.mutable_customer_need_recorded()->set_text("faster answers");
    auto& unknown = *event.GetReflection()->MutableUnknownFields(event.mutable_customer_need_recorded());
    if (urgent) unknown.AddVarint(4, 1);
    return event.SerializeAsString();
}

}  // namespace

TEST_CASE("an event decodes to the message of its kind", "[event]") {
    const std::string payload = sale_won();
    const Payload decoded = decode_payload(record_of("sale", 7, payload)).value();
    CHECK(std::get<v1::SaleEvent>(decoded).sale_won().amount().minor() == 4200);
}

TEST_CASE("rejections and unchanged commands decode by the kind of the record", "[event]") {
    v1::Rejection rejection;
    rejection.set_code("SaleAlreadyClosed");
    std::string payload = rejection.SerializeAsString();
    RecordView record = record_of("sale", 0, payload);
    record.header.kind = RecordKind::rejection;
    CHECK(std::get<v1::Rejection>(decode_payload(record).value()).code() == "SaleAlreadyClosed");

    v1::Unchanged unchanged;
    unchanged.set_command("WinSale");
    payload = unchanged.SerializeAsString();
    record = record_of("sale", 0, payload);
    record.header.kind = RecordKind::unchanged;
    CHECK(std::get<v1::Unchanged>(decode_payload(record).value()).command() == "WinSale");
}

TEST_CASE("a reused message holds nothing of the event before", "[event]") {
    v1::SaleEvent reopened;
    reopened.mutable_sale_reopened()->set_stage("proposal");
    const std::string first = reopened.SerializeAsString();
    const std::string second = sale_won();
    v1::SaleEvent event;
    REQUIRE(decode_event(record_of("sale", 9, first), event));
    CHECK(event.sale_reopened().stage() == "proposal");
    REQUIRE(decode_event(record_of("sale", 7, second), event));
    CHECK(event.SerializeAsString() == second);
}

TEST_CASE("what cannot be decoded is refused with a word on what it is", "[event]") {
    const std::string payload = sale_won();
    CHECK_THAT(refusal(record_of("spaceship", 7, payload)), Catch::Contains("no such kind of stream"));
    CHECK_THAT(refusal(record_of("sale", 8, payload)), Catch::Contains("header says event 8, its payload holds 7"));
    CHECK_THAT(refusal(record_of("sale", 0, "")), Catch::Contains("payload holds 0"));
    CHECK_THAT(refusal(record_of("sale", 7, payload.substr(0, payload.size() - 1))), Catch::Contains("does not parse"));
    CHECK_THAT(refusal(record_of("sale", 99, std::string_view("\x9a\x06\x00", 3))), Catch::Contains("payload holds 0"));

    RecordView record = record_of("sale", 7, payload);
    record.header.kind = RecordKind::control;
    CHECK_THAT(refusal(record), Catch::Contains("control record"));
    v1::CustomerEvent other;
    CHECK_FALSE(decode_event(record_of("sale", 7, payload), other));
    v1::SaleEvent event;
    CHECK_FALSE(decode_event(record, event));
}

TEST_CASE("a text that is not UTF-8 does not parse", "[event]") {
    v1::SaleEvent event;
    event.mutable_sale_lost()->set_note("XX");
    std::string payload = event.SerializeAsString();
    payload.replace(payload.find("XX"), 2, "\xff\xfe");
    CHECK_THAT(refusal(record_of("sale", 8, payload)), Catch::Contains("does not parse"));
}

TEST_CASE("a newer schema version than this program knows is refused, and so is none", "[event]") {
    const std::string payload = sale_won();
    RecordView record = record_of("sale", 7, payload);
    record.header.schema_version = 2;
    CHECK_THAT(refusal(record), Catch::Contains("schema version 2, known up to 1"));
    record.header.schema_version = 0;
    CHECK_FALSE(decode_payload(record));
}

TEST_CASE("customers are at schema version 2, the others at 1", "[event]") {
    CHECK(schema_version_of("customer") == 2);
    for (const char* kind : {"product", "pipeline", "sale", "delivery"}) CHECK(schema_version_of(kind) == 1);
}

TEST_CASE("a need of schema version 1 has its priority made out of urgent", "[event]") {
    for (const bool urgent : {true, false}) {
        const std::string payload = need(urgent);
        RecordView record = record_of("customer", 3, payload);
        record.header.schema_version = 1;
        const auto decoded = std::get<v1::CustomerEvent>(decode_payload(record).value());
        CHECK(decoded.customer_need_recorded().priority() == (urgent ? v1::PRIORITY_URGENT : v1::PRIORITY_MEDIUM));
        CHECK(decoded.customer_need_recorded().text() == "faster answers");
        v1::CustomerEvent clean;  // nothing of the old field is left to be stored in a snapshot
        clean.mutable_customer_need_recorded()->set_text("faster answers");
        clean.mutable_customer_need_recorded()->set_priority(decoded.customer_need_recorded().priority());
        CHECK(decoded.SerializeAsString() == clean.SerializeAsString());
    }
}

TEST_CASE("other customer events of schema version 1 are what they were", "[event]") {
    v1::CustomerEvent event;
    event.mutable_consent_given()->set_purpose("newsletter");
    const std::string payload = event.SerializeAsString();
    RecordView record = record_of("customer", 4, payload);
    record.header.schema_version = 1;
    CHECK(std::get<v1::CustomerEvent>(decode_payload(record).value()).SerializeAsString() == payload);
}

TEST_CASE("a need of schema version 2 keeps the priority that it has", "[event]") {
    v1::CustomerEvent event;
    event.mutable_customer_need_recorded()->set_priority(v1::PRIORITY_LOW);
    const std::string payload = event.SerializeAsString();
    const auto decoded = std::get<v1::CustomerEvent>(decode_payload(record_of("customer", 3, payload)).value());
    CHECK(decoded.customer_need_recorded().priority() == v1::PRIORITY_LOW);
}

TEST_CASE("an event has the name of its message", "[event]") {
    CHECK(event_name("sale", 7) == "SaleWon");
    CHECK(event_name("customer", 3) == "CustomerNeedRecorded");
    CHECK(event_name("delivery", 20) == "DeliveryCancelled");
    CHECK(event_name("sale", 99).empty());
    CHECK(event_name("sale", 0).empty());
    CHECK(event_name("spaceship", 1).empty());
}
