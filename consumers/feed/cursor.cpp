#include "consumers/feed/cursor.hpp"

#include "consumers/position_token.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace tidemark::consumers {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void put_base64(std::string_view bytes, std::string& text) {
    std::uint32_t bits = 0;
    int held = 0;
    for (const char byte : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(byte);
        for (held += 8; held >= 6; held -= 6) text += alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0) text += alphabet[bits << (6 - held) & 63];
}

std::optional<std::string> take_base64(std::string_view text) {
    std::string bytes;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char letter : text) {
        const auto value = alphabet.find(letter);
        if (value == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if ((held += 6) < 8) continue;
        held -= 8;
        bytes += static_cast<char>(bits >> held & 255);
    }
    const bool whole = held < 6 && (bits & ((1u << held) - 1)) == 0;
    return whole ? std::optional(std::move(bytes)) : std::nullopt;
}

void put_varint(std::uint64_t number, std::string& bytes) {
    for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
    bytes += static_cast<char>(number);
}

bool take_varint(std::string_view& bytes, std::uint64_t& number) {
    number = 0;
    for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        if (shift == 63 && byte > 1) return false;
        number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

std::optional<std::vector<events::Sequence>> take_places(std::string_view text, std::uint32_t partitions) {
    const auto bytes = take_base64(text);
    if (!bytes) return std::nullopt;
    std::string_view left = *bytes;
    std::uint64_t least = 0;
    if (!take_varint(left, least)) return std::nullopt;
    std::vector<events::Sequence> places(partitions);
    for (auto& place : places) {
        if (!take_varint(left, place) || place > std::numeric_limits<std::uint64_t>::max() - least) return std::nullopt;
        place += least;
    }
    return left.empty() ? std::optional(std::move(places)) : std::nullopt;
}

}  // namespace

std::string cursor_text(const LogIdentity& log, const std::vector<events::Sequence>& places) {
    const std::uint64_t least = places.empty() ? 0 : *std::ranges::min_element(places);
    std::string bytes;
    bytes.reserve(places.size() * 3 + 10);
    put_varint(least, bytes);
    for (const auto place : places) put_varint(place - least, bytes);
    std::string text = log_mark(log) + '-' + std::to_string(log.incarnation) + '-';
    put_base64(bytes, text);
    return text;
}

std::expected<std::vector<events::Sequence>, std::string> parse_cursor(std::string_view text, const LogIdentity& log) {
    const auto malformed = [&] {
        return std::unexpected("not a cursor of this feed: \"" + std::string(text.substr(0, 200)) + "\"");
    };
    const auto after_mark = text.find('-');
    const auto after_incarnation = text.find('-', std::min(after_mark, text.size() - 1) + 1);
    if (text.empty() || after_mark == std::string_view::npos || after_incarnation == std::string_view::npos) {
        return malformed();
    }
    std::uint64_t incarnation = 0;
    const auto* end = text.data() + after_incarnation;
    const auto [stop, error] = std::from_chars(text.data() + after_mark + 1, end, incarnation);
    if (error != std::errc{} || stop != end) return malformed();
    if (text.substr(0, after_mark) != log_mark(log)) {
        return std::unexpected("the cursor belongs to log " + std::string(text.substr(0, after_mark)) + ", this is " +
                               log_mark(log) + ": begin again without a cursor");
    }
    if (incarnation != log.incarnation) {
        return std::unexpected("the cursor belongs to incarnation " + std::to_string(incarnation) +
                               " of the log, this is " + std::to_string(log.incarnation) +
                               ": what it had read may not be what is here; begin again without a cursor");
    }
    auto places = take_places(text.substr(after_incarnation + 1), log.partitions);
    if (!places) return malformed();
    return std::move(*places);
}

}  // namespace tidemark::consumers
