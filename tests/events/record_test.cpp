#include "events/record.hpp"

#include "tests/events/sample.hpp"

#include <catch2/catch.hpp>

using namespace tidemark::events;

namespace {

std::string encoded(const RecordHeader& header, std::string_view payload) {
    std::string bytes;
    const std::size_t written = encode_record(header, payload, bytes);
    CHECK(written == bytes.size());
    return bytes;
}

std::string refusal(std::string_view bytes) {
    const auto record = decode_record(bytes);
    return record ? "decoded" : record.error().what;
}

}  // namespace

TEST_CASE("a record comes back as it was written", "[record]") {
    const RecordHeader header = sample::record_header();
    const std::string bytes = encoded(header, "the payload");
    const RecordView record = decode_record(bytes).value();
    CHECK(record.payload == "the payload");
    CHECK(record.bytes == bytes);
    CHECK(record.header.kind == header.kind);
    CHECK(record.header.type == header.type);
    CHECK(record.header.schema_version == header.schema_version);
    CHECK(record.header.index == header.index);
    CHECK(record.header.count == header.count);
    CHECK(record.header.partition == header.partition);
    CHECK(record.header.sequence == header.sequence);
    CHECK(record.header.version == header.version);
    CHECK(record.header.occurred_at == header.occurred_at);
    CHECK(record.header.recorded_at == header.recorded_at);
    CHECK(record.header.event_id == header.event_id);
    CHECK(record.header.body_digest == header.body_digest);
    CHECK(record.header.tenant == header.tenant);
    CHECK(record.header.stream_kind == header.stream_kind);
    CHECK(record.header.stream_id == header.stream_id);
    CHECK(record.header.command_id == header.command_id);
    CHECK(record.header.correlation_id == header.correlation_id);
    CHECK(record.header.causation_id == header.causation_id);
    CHECK(record.header.actor == header.actor);
    CHECK(record.header.on_behalf_of == header.on_behalf_of);
    CHECK(record.header.reason == header.reason);
    CHECK(record.header.key_id == header.key_id);
}

TEST_CASE("a record has exactly one encoding", "[record]") {
    const std::string bytes = encoded(sample::record_header(), "payload");
    const RecordView record = decode_record(bytes).value();
    CHECK(encoded(record.header, record.payload) == bytes);
}

TEST_CASE("whatever decodes after a byte was changed encodes to the changed bytes", "[record]") {
    const std::string good = encoded(sample::record_header(), "payload");
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const int change : {0x01, 0x80, 0xff}) {
            std::string bytes = good;
            bytes[i] = static_cast<char>(bytes[i] ^ change);
            if (const auto record = decode_record(bytes)) CHECK(encoded(record->header, record->payload) == bytes);
        }
    }
}

TEST_CASE("every truncation of a record is refused, and so is a byte too many", "[record]") {
    const std::string bytes = encoded(sample::record_header(), "payload");
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_record(bytes.substr(0, size)));
    CHECK_THAT(refusal(bytes + "x"), Catch::Contains("1 bytes behind the payload"));
    CHECK_THAT(refusal(bytes.substr(0, 50)), Catch::Contains("ends within"));
}

TEST_CASE("a record of an unknown format or kind, or out of its command's count, is refused", "[record]") {
    const std::string good = encoded(sample::record_header(), "payload");
    std::string bytes = good;
    bytes[0] = 2;
    CHECK_THAT(refusal(bytes), Catch::Contains("format 2"));
    bytes = good;
    bytes[1] = 0;
    CHECK_THAT(refusal(bytes), Catch::Contains("kind 0"));
    bytes[1] = 5;
    CHECK_THAT(refusal(bytes), Catch::Contains("kind 5"));
    bytes = good;
    bytes[6] = 3;
    CHECK_THAT(refusal(bytes), Catch::Contains("index 3 of 3"));
}

TEST_CASE("texts of the greatest length are kept, longer ones are a defect of the caller", "[record]") {
    const std::string longest(255, 'x');
    const std::string longest_reason(65'535, 'r');
    RecordHeader header = sample::record_header();
    header.stream_id = longest;
    header.reason = longest_reason;
    const std::string bytes = encoded(header, "");
    CHECK(decode_record(bytes).value().header.stream_id == longest);
    CHECK(decode_record(bytes).value().header.reason == longest_reason);

    const std::string too_long(256, 'x');
    header.actor = too_long;
    std::string out;
    CHECK_THROWS_WITH(encode_record(header, "", out), Catch::Contains("actor"));
    header = sample::record_header();
    const std::string too_long_reason(65'536, 'r');
    header.reason = too_long_reason;
    CHECK_THROWS_WITH(encode_record(header, "", out), Catch::Contains("reason"));
}
