// SHA-256 and what the log makes of it. The only file pair that knows how hashes are computed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::events {

using Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest sha256(std::string_view bytes);
[[nodiscard]] Digest leaf_hash(std::string_view record);                  // RFC 6962 2.1: SHA-256(0x00 || record)
[[nodiscard]] Digest node_hash(const Digest& left, const Digest& right);  // SHA-256(0x01 || left || right)
[[nodiscard]] std::string hex(std::string_view bytes);
[[nodiscard]] std::string hex(const Digest& digest);

// HMAC-SHA-256 (RFC 2104) under a fixed key, for digests that outlive what they were made of.
// Copyable; const calls may come from several threads.
class KeyedDigest {
public:
    explicit KeyedDigest(std::string_view key);
    [[nodiscard]] Digest of(std::string_view bytes) const;

private:
    std::array<std::uint32_t, 8> inner_{};  // SHA-256 chaining values after the padded key's block
    std::array<std::uint32_t, 8> outer_{};
};

}  // namespace tidemark::events
