// Keys of rows: tenant, then parts, so that byte order is the order of the parts and no tenant's range touches
// another's.
#pragma once

#include "events/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::projections {

class Key {
public:
    explicit Key(std::string_view tenant) {
        bytes_.reserve(64);
        bytes_.append(tenant).push_back('\0');
    }
    // Any text. Its 0x00 and 0x01 bytes are escaped, so that the 0x00 behind it ends it.
    Key& text(std::string_view part);
    // An id as the last part: nothing ends it.
    Key& id(std::string_view part) {
        bytes_.append(part);
        return *this;
    }
    Key& number(std::uint64_t value);  // eight bytes, big-endian
    Key& time(events::Micros value) { return number(static_cast<std::uint64_t>(value) ^ (1ull << 63)); }

    [[nodiscard]] std::string_view view() const { return bytes_; }
    [[nodiscard]] std::string take() { return std::move(bytes_); }
    operator std::string_view() const { return bytes_; }  // NOLINT: a key is its bytes

private:
    std::string bytes_;
};

// The end of the range of keys that begin with `prefix`; empty: there is none behind.
[[nodiscard]] std::string range_end(std::string_view prefix);

// Reads the next part of a key that `text` wrote, and moves `key` behind it.
[[nodiscard]] std::string take_text(std::string_view& key);
[[nodiscard]] std::uint64_t take_number(std::string_view& key);
[[nodiscard]] inline events::Micros take_time(std::string_view& key) {
    return static_cast<events::Micros>(take_number(key) ^ (1ull << 63));
}

}  // namespace tidemark::projections
