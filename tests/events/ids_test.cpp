#include "events/ids.hpp"

#include "events/digest.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace tidemark::events;

TEST_CASE("murmur2 agrees with Apache Kafka's own test vectors", "[ids]") {
    CHECK(murmur2("21") == -973932308);
    CHECK(murmur2("foobar") == -790332482);
    CHECK(murmur2("a-little-bit-long-string") == -985981536);
    CHECK(murmur2("a-little-bit-longer-string") == -1486304829);
    CHECK(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8") == -58897971);
    CHECK(murmur2("abc") == 479470107);
}

TEST_CASE("a stream's partition is Kafka's for the key tenant/kind/id", "[ids]") {
    const auto kafka = [](std::string_view key, std::uint32_t partitions) {
        return (static_cast<std::uint32_t>(murmur2(key)) & 0x7fffffffu) % partitions;
    };
    CHECK(partition_of("default", "sale", "42", 16) == kafka("default/sale/42", 16));
    CHECK(partition_of("acme", "customer", "c:1", 7) == kafka("acme/customer/c:1", 7));
}

TEST_CASE("streams spread over the partitions", "[ids]") {
    std::vector<int> streams(16);
    for (int i = 0; i < 16'000; ++i) ++streams[partition_of("default", "sale", std::to_string(i), 16)];
    for (const int count : streams) CHECK((count > 800 && count < 1200));
}

TEST_CASE("an id is 1 to 64 of letters, digits and . _ : -", "[ids]") {
    CHECK(valid_id("a"));
    CHECK(valid_id("Sale.2026_01:x-9"));
    CHECK(valid_id(std::string(64, 'x')));
    CHECK_FALSE(valid_id(""));
    CHECK_FALSE(valid_id(std::string(65, 'x')));
    for (const char* bad : {"a b", "a/b", "张三", "a\n", "a@b", "a+b"}) CHECK_FALSE(valid_id(bad));
}

TEST_CASE("a UUID is written 8-4-4-4-12", "[ids]") {
    Uuid uuid;
    for (std::size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(i * 17);
    CHECK(uuid.text() == "00112233-4455-6677-8899-aabbccddeeff");
}

TEST_CASE("a random UUID is of version 4, and another each time", "[ids]") {
    const Uuid uuid = random_uuid();
    CHECK((uuid.bytes[6] >> 4) == 4);
    CHECK((uuid.bytes[8] >> 6) == 2);
    CHECK(uuid != random_uuid());
}

TEST_CASE("an event's id is of version 7 and begins with its milliseconds", "[ids]") {
    const Uuid id = event_uuid(random_uuid(), {.partition = 0x123, .sequence = 9}, 0x0123456789abLL * 1000 + 999);
    CHECK(id.text().substr(0, 19) == "01234567-89ab-7123-");
    CHECK((id.bytes[8] >> 6) == 2);
}

TEST_CASE("events' ids differ by log, partition and sequence and are in order within a partition", "[ids]") {
    Uuid log;
    log.bytes.fill(3);
    Uuid other = log;
    other.bytes[15] = 4;
    std::set<Uuid> seen;
    for (Partition partition : {0u, 1u, 4096u, 4097u}) {
        Uuid before;
        for (Sequence sequence = 0; sequence < 100; ++sequence) {
            const Uuid id = event_uuid(log, {partition, sequence}, 1'000'000);
            CHECK(seen.insert(id).second);
            CHECK(seen.insert(event_uuid(other, {partition, sequence}, 1'000'000)).second);
            CHECK(before < id);
            before = id;
        }
    }
}

TEST_CASE("an event's id does not depend on anything but its arguments", "[ids]") {
    Uuid log;
    CHECK(event_uuid(log, {2, 5}, 77'000) == event_uuid(log, {2, 5}, 77'000));
}

TEST_CASE("a stream's key is fixed for ever", "[ids]") {
    // First 16 bytes of SHA-256("sdefault/sale/42"), and of SHA-256("c" + those + "command-1").
    const Key128 stream = stream_key("default", "sale", "42");
    const Digest expected = sha256("sdefault/sale/42");
    CHECK(hex(stream.view()) == hex(expected).substr(0, 32));
    const Key128 command = command_key(stream, "command-1");
    CHECK(hex(command.view()) == hex(sha256("c" + std::string(stream.view()) + "command-1")).substr(0, 32));
    CHECK(stream != stream_key("acme", "sale", "42"));
    CHECK(command != command_key(stream_key("default", "sale", "43"), "command-1"));
}
