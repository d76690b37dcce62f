#include "events/crc32c.hpp"

#include <boost/crc.hpp>

#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace tidemark::events {

std::uint32_t crc32c_portable(std::string_view bytes) {
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

#if defined(__x86_64__)

namespace {

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::string_view bytes) {
    std::uint64_t crc = 0xFFFFFFFFu;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    auto rest = static_cast<std::uint32_t>(crc);
    for (; left > 0; ++at, --left) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*at));
    return ~rest;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
    static const bool has_instruction = __builtin_cpu_supports("sse4.2");
    return has_instruction ? crc32c_sse42(bytes) : crc32c_portable(bytes);
}

#else

std::uint32_t crc32c(std::string_view bytes) {
    return crc32c_portable(bytes);
}

#endif

}  // namespace tidemark::events
