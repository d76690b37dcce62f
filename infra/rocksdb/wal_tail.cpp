#include "infra/rocksdb/wal_tail.hpp"

#include "events/crc32c.hpp"
#include "events/wire.hpp"

#include <algorithm>
#include <bit>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace tidemark::infra {

namespace fs = std::filesystem;
namespace wire = events::wire;

namespace {

// https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format: blocks of 32 KiB; in them fragments, none
// across two blocks, each: CRC-32C (masked) of type and bytes u32, length u16, type u8, bytes.
constexpr std::size_t block_bytes = 32 * 1024;
constexpr std::size_t header_bytes = 4 + 2 + 1;
enum Type : std::uint8_t { whole = 1, first, middle, last };

struct Fragment {
    std::uint8_t type = 0;
    std::size_t end = 0;
};

std::size_t block_end(std::string_view wal, std::size_t at) {
    return std::min((at / block_bytes + 1) * block_bytes, wal.size());
}

// Nothing: there is no whole one at this place.
std::optional<Fragment> fragment_at(std::string_view wal, std::size_t at) {
    const std::size_t room = block_end(wal, at) - at;
    if (room < header_bytes) return std::nullopt;
    const std::size_t length = wire::get_at<std::uint16_t>(wal, at + 4);
    const auto type = static_cast<std::uint8_t>(wal[at + 6]);
    if (type < whole || type > last || length > room - header_bytes) return std::nullopt;
    const std::uint32_t crc = events::crc32c(wal.substr(at + 6, 1 + length));
    if (wire::get_at<std::uint32_t>(wal, at) != std::rotr(crc, 15) + 0xa282ead8u) return std::nullopt;
    return Fragment{type, at + header_bytes + length};
}

// The end of what can be read from the beginning on.
std::size_t whole_until(std::string_view wal) {
    std::size_t at = 0;
    while (at < wal.size()) {
        if (block_end(wal, at) - at < header_bytes) {
            at = block_end(wal, at);
            continue;
        }
        const auto fragment = fragment_at(wal, at);
        if (!fragment) break;
        at = fragment->end;
    }
    return at;
}

bool another_write_begins(std::string_view wal, std::size_t behind) {
    for (std::size_t at = behind + 1; at < wal.size(); ++at) {
        const auto fragment = fragment_at(wal, at);
        if (fragment && (fragment->type == whole || fragment->type == first)) return true;
    }
    return false;
}

std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    return std::move(bytes).str();
}

}  // namespace

bool begins_with_whole_write(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string begin(block_bytes, '\0');
    in.read(begin.data(), static_cast<std::streamsize>(begin.size()));
    begin.resize(static_cast<std::size_t>(in.gcount()));
    const auto fragment = fragment_at(begin, 0);
    return fragment && (fragment->type == whole || fragment->type == first);
}

bool ends_in_torn_write(const fs::path& directory) {
    bool torn = false;
    std::error_code failed;
    for (fs::directory_iterator entry(directory, failed), none; !failed && entry != none; entry.increment(failed)) {
        if (entry->path().extension() != ".log") continue;
        const std::string bytes = bytes_of(entry->path());
        const std::size_t until = whole_until(bytes);
        if (until == bytes.size()) continue;
        if (another_write_begins(bytes, until)) return false;
        torn = true;
    }
    return torn && !failed;
}

}  // namespace tidemark::infra
