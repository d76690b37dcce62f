#include "events/ids.hpp"

#include "events/digest.hpp"
#include "events/wire.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace tidemark::events {
namespace {

// A text of a few parts on the stack: keys are made several times per command.
class KeyText {
public:
    void add(std::string_view part) {
        if (part.size() > bytes_.size() - size_)
            throw std::length_error("the parts of a key are longer than a record can hold");
        part.copy(bytes_.data() + size_, part.size());
        size_ += part.size();
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

private:
    std::array<char, 1024> bytes_;
    std::size_t size_ = 0;
};

void add_stream(KeyText& text, std::string_view tenant, std::string_view kind, std::string_view id) {
    text.add(tenant);
    text.add("/");
    text.add(kind);
    text.add("/");
    text.add(id);
}

// The front half of a SHA-256: ids are chosen by clients, and nobody must be able to choose two with one key.
Key128 shortened(const KeyText& text) {
    const Digest digest = sha256(text.view());
    Key128 key;
    std::memcpy(key.bytes.data(), digest.data(), key.bytes.size());
    return key;
}

// Steele, Lea, Flood: SplitMix64's finalizer.
std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

void put_big_endian(std::uint8_t* at, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i, value >>= 8) at[i] = static_cast<std::uint8_t>(value);
}

}  // namespace

std::string Uuid::text() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(36, '-');
    std::size_t at = 0;
    for (const std::uint8_t byte : bytes) {
        if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
        text[at++] = digits[byte >> 4];
        text[at++] = digits[byte & 15];
    }
    return text;
}

bool valid_id(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == ':' || c == '-';
    };
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), allowed);
}

Uuid random_uuid() {
    // The generator takes as long for a few hundred bytes as for a few.
    thread_local std::array<std::uint8_t, 64 * 16> drawn;
    thread_local std::size_t used = drawn.size();
    Uuid uuid;
    if (used == drawn.size()) {
        if (RAND_bytes(drawn.data(), static_cast<int>(drawn.size())) != 1) {
            throw std::runtime_error("the system's random generator gave nothing");
        }
        used = 0;
    }
    std::memcpy(uuid.bytes.data(), drawn.data() + used, uuid.bytes.size());
    used += uuid.bytes.size();
    uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}

Uuid event_uuid(const Uuid& log_id, Position position, Micros recorded_at) {
    std::uint64_t high, low;
    std::memcpy(&high, log_id.bytes.data(), 8);
    std::memcpy(&low, log_id.bytes.data() + 8, 8);
    // A start that differs by log and partition, and from there upward: unique, and in order within a millisecond.
    const std::uint64_t tail = mix(high ^ mix(low + position.partition)) + position.sequence;
    Uuid uuid;
    put_big_endian(uuid.bytes.data(), static_cast<std::uint64_t>(recorded_at / 1000), 6);
    put_big_endian(uuid.bytes.data() + 6, 0x7000u | (position.partition & 0xfffu), 2);
    put_big_endian(uuid.bytes.data() + 8, (tail & 0x3fffffffffffffffu) | 0x8000000000000000u, 8);
    return uuid;
}

std::int32_t murmur2(std::string_view bytes) {
    constexpr std::uint32_t multiplier = 0x5bd1e995;
    constexpr int rotation = 24;
    std::uint32_t hash = 0x9747b28cu ^ static_cast<std::uint32_t>(bytes.size());
    const std::size_t whole = bytes.size() / 4 * 4;
    for (std::size_t i = 0; i < whole; i += 4) {
        auto word = wire::get_at<std::uint32_t>(bytes, i);
        word *= multiplier;
        word ^= word >> rotation;
        word *= multiplier;
        hash = hash * multiplier ^ word;
    }
    const auto rest = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[whole + i]));
    };
    switch (bytes.size() - whole) {
        case 3: hash ^= rest(2) << 16; [[fallthrough]];
        case 2: hash ^= rest(1) << 8; [[fallthrough]];
        case 1: hash = (hash ^ rest(0)) * multiplier; break;
        default: break;
    }
    hash ^= hash >> 13;
    hash *= multiplier;
    hash ^= hash >> 15;
    return static_cast<std::int32_t>(hash);
}

Partition partition_of(std::string_view tenant, std::string_view kind, std::string_view id, std::uint32_t partitions) {
    KeyText key;
    add_stream(key, tenant, kind, id);
    return (static_cast<std::uint32_t>(murmur2(key.view())) & 0x7fffffffu) % partitions;  // Kafka's toPositive
}

std::size_t Key128Hash::operator()(const Key128& key) const noexcept {
    return wire::get_at<std::size_t>(key.view(), 0);
}

Key128 stream_key(std::string_view tenant, std::string_view kind, std::string_view id) {
    KeyText text;
    text.add("s");
    add_stream(text, tenant, kind, id);
    return shortened(text);
}

Key128 command_key(const Key128& stream, std::string_view command_id) {
    KeyText text;
    text.add("c");
    text.add(stream.view());
    text.add(command_id);
    return shortened(text);
}

}  // namespace tidemark::events
