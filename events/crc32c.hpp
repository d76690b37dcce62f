// CRC-32C (Castagnoli; RFC 3720 B.4): finds torn and flipped bytes. No proof against intent: that is the digest's work.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark::events {

[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

// What crc32c is without the processor's instruction; apart so that a test can hold the two together.
[[nodiscard]] std::uint32_t crc32c_portable(std::string_view bytes);

}  // namespace tidemark::events
