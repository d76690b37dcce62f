// Names and numbers of streams and of places in the log.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::events {

using Partition = std::uint32_t;
using Sequence = std::uint64_t;  // of a record in its partition: 0, 1, 2 ... without gaps
using Version = std::uint64_t;   // of a stream: the number of its events
using Micros = std::int64_t;     // microseconds since 1970-01-01T00:00:00Z

// The default tenant: who never names one works here.
inline constexpr std::string_view default_tenant = "default";

struct Position {
    Partition partition = 0;
    Sequence sequence = 0;
    auto operator<=>(const Position&) const = default;
};

// Which aggregate: owns its strings.
struct StreamName {
    std::string tenant;
    std::string kind;
    std::string id;
    auto operator<=>(const StreamName&) const = default;
};

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const Uuid&) const = default;
    [[nodiscard]] std::string text() const;  // 8-4-4-4-12, lower case
};

// [A-Za-z0-9._:-]{1,64}
[[nodiscard]] bool valid_id(std::string_view text);

// Random, by the system's generator: for log and owner identities, never inside a decision.
[[nodiscard]] Uuid random_uuid();

// UUIDv7 (RFC 9562) made of what is already unique, so that it needs no randomness: the milliseconds
// of recorded_at, then the partition (12 bits), then a mix of log identity and sequence (62 bits).
[[nodiscard]] Uuid event_uuid(const Uuid& log_id, Position position, Micros recorded_at);

// The 32-bit MurmurHash2 of Apache Kafka's org.apache.kafka.common.utils.Utils.murmur2.
[[nodiscard]] std::int32_t murmur2(std::string_view bytes);

// The partition of a stream: murmur2 as Apache Kafka's default partitioner computes it over the key
// "<tenant>/<kind>/<id>", so that outside producers agree with us.
[[nodiscard]] Partition partition_of(std::string_view tenant, std::string_view kind, std::string_view id,
                                     std::uint32_t partitions);

// 128 bits that stand for a stream or a command as a key of a derived store. Not secret and not a
// proof of identity: who finds a record by it compares the names in the record.
struct Key128 {
    std::array<char, 16> bytes{};
    auto operator<=>(const Key128&) const = default;
    [[nodiscard]] std::string_view view() const { return {bytes.data(), bytes.size()}; }
};
struct Key128Hash {
    std::size_t operator()(const Key128& key) const noexcept;
};
[[nodiscard]] Key128 stream_key(std::string_view tenant, std::string_view kind, std::string_view id);
[[nodiscard]] Key128 command_key(const Key128& stream, std::string_view command_id);

}  // namespace tidemark::events
