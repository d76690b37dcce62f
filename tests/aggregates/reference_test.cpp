#include "aggregates/reference.hpp"

#include "events/event.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/text_format.h>

using namespace tidemark;

namespace {

template <class Event>
void fold(v1::Reference& reference, std::string_view kind, events::Version version, const std::string& text) {
    Event event;
    REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &event));
    events::RecordView record;
    const std::string payload = event.SerializeAsString();
    record.header.stream_kind = kind;
    record.header.type = static_cast<std::uint16_t>(event.event_case());
    record.header.schema_version = events::schema_version_of(kind);
    record.header.version = version;
    record.payload = payload;
    if (aggregates::changes_reference(record.header)) {
        REQUIRE(aggregates::fold_reference(reference, record).has_value());
    } else {  // what a follower leaves out must change nothing
        v1::Reference same = reference;
        REQUIRE(aggregates::fold_reference(same, record).has_value());
        same.set_version(reference.version());
        CHECK(same.SerializeAsString() == reference.SerializeAsString());
    }
}

}  // namespace

TEST_CASE("the facts about a customer follow its region, sector, owner and end", "[reference]") {
    v1::Reference fact;
    fold<v1::CustomerEvent>(fact, "customer", 1,
                            R"(customer_created { region: "East" sector: "retail" owner: "ada" })");
    fold<v1::CustomerEvent>(fact, "customer", 2, R"(customer_details_changed { region: "West" })");
    fold<v1::CustomerEvent>(fact, "customer", 3, R"(consent_given { purpose: "x" })");
    CHECK(fact.customer().region() == "West");
    CHECK(fact.customer().sector() == "retail");
    CHECK(fact.version() == 2);
    CHECK_FALSE(fact.customer().archived());
    fold<v1::CustomerEvent>(fact, "customer", 4, "customer_archived {}");
    CHECK(fact.customer().archived());
}

TEST_CASE("the facts about a product follow its price and its retirement", "[reference]") {
    v1::Reference fact;
    fold<v1::ProductEvent>(fact, "product", 1, R"(product_defined { list_price { minor: 5 currency: "EUR" } })");
    fold<v1::ProductEvent>(fact, "product", 2, R"(list_price_changed { to { minor: 7 currency: "EUR" } })");
    CHECK(fact.product().list_price().minor() == 7);
    fold<v1::ProductEvent>(fact, "product", 3, "product_retired {}");
    CHECK(fact.product().retired());
}

TEST_CASE("the facts about a pipeline are its stages as they are now", "[reference]") {
    v1::Reference fact;
    fold<v1::PipelineEvent>(fact, "pipeline", 1, R"(pipeline_defined { stages { id: "a" } stages { id: "b" } })");
    fold<v1::PipelineEvent>(fact, "pipeline", 2, R"(pipeline_changed { stages { id: "c" } })");
    REQUIRE(fact.pipeline().stages_size() == 1);
    CHECK(fact.pipeline().stages(0).id() == "c");
}

TEST_CASE("the facts about a sale are whose it is and how it stands", "[reference]") {
    v1::Reference fact;
    fold<v1::SaleEvent>(fact, "sale", 1,
                        R"(sale_opened { dims { customer_id: "c-1" region: "East" sector: "health" } })");
    CHECK(fact.sale().customer_id() == "c-1");
    CHECK(fact.sale().status() == v1::OPEN);
    fold<v1::SaleEvent>(fact, "sale", 2, "sale_won {}");
    CHECK(fact.sale().status() == v1::WON);
    fold<v1::SaleEvent>(fact, "sale", 3, "sale_reopened {}");
    CHECK(fact.sale().status() == v1::OPEN);
    fold<v1::SaleEvent>(fact, "sale", 4, "sale_lost {}");
    CHECK(fact.sale().status() == v1::LOST);
    CHECK(fact.sale().region() == "East");
    fold<v1::SaleEvent>(fact, "sale", 5, R"(sale_reassigned { to { region: "West" sector: "health" } })");
    CHECK(fact.sale().region() == "West");
    CHECK(fact.sale().sector() == "health");
    CHECK(fact.sale().status() == v1::LOST);
}

TEST_CASE("rejections make no facts, deliveries have none, and what cannot be read is said", "[reference]") {
    v1::Reference fact;
    events::RecordView record;
    record.header.kind = events::RecordKind::rejection;
    record.header.stream_kind = "sale";
    CHECK(aggregates::fold_reference(fact, record).has_value());
    CHECK(fact.ByteSizeLong() == 0);
    CHECK_FALSE(aggregates::changes_reference(record.header));
    record.header.kind = events::RecordKind::event;
    record.payload = "\xff";
    CHECK_FALSE(aggregates::fold_reference(fact, record).has_value());
}

namespace {

// An empty event of every type, onto a fact that is full: whatever the fold writes, it is seen.
template <class Event>
void leaves_out_no_change(std::string_view kind, const std::string& full) {
    const auto* types = Event::descriptor()->oneof_decl(0);
    for (int i = 0; i < types->field_count(); ++i) {
        INFO(types->field(i)->full_name());
        Event event;
        (void)event.GetReflection()->MutableMessage(&event, types->field(i));
        events::RecordView record;
        const std::string payload = event.SerializeAsString();
        record.header.stream_kind = kind;
        record.header.type = static_cast<std::uint16_t>(event.event_case());
        record.header.schema_version = events::schema_version_of(kind);
        record.payload = payload;
        v1::Reference before;
        REQUIRE(google::protobuf::TextFormat::ParseFromString(full, &before));
        v1::Reference after = before;
        REQUIRE(aggregates::fold_reference(after, record).has_value());
        after.set_version(before.version());
        if (!aggregates::changes_reference(record.header)) {
            CHECK(after.SerializeAsString() == before.SerializeAsString());
        }
    }
}

}  // namespace

TEST_CASE("no event that changes a fact is left out by followers", "[reference]") {
    leaves_out_no_change<v1::CustomerEvent>("customer", R"(customer { region: "r" sector: "s" owner: "o" })");
    leaves_out_no_change<v1::ProductEvent>("product", "product { list_price { minor: 1 } }");
    leaves_out_no_change<v1::PipelineEvent>("pipeline", R"(pipeline { stages { id: "a" } })");
    leaves_out_no_change<v1::SaleEvent>("sale", R"(sale { customer_id: "c" region: "r" sector: "s" })");
    leaves_out_no_change<v1::SaleEvent>("sale", R"(sale { status: WON customer_id: "c" })");
}
