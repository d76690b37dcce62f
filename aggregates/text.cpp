#include "aggregates/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tidemark::aggregates {
namespace {

constexpr std::uint64_t all_bytes = 0x0101'0101'0101'0101;  // times a byte: eight of it
constexpr std::uint64_t top_bits = all_bytes * 0x80;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Eight characters at a time: every text of every command comes through here.
template <class Visit>
void each_word(std::string_view text, Visit visit) {
    std::uint64_t word = 0;
    for (; text.size() >= sizeof(word); text.remove_prefix(sizeof(word))) {
        std::memcpy(&word, text.data(), sizeof(word));
        visit(word);
    }
    if (text.empty()) return;
    word = all_bytes * 'x';  // what is not there is a letter
    std::memcpy(&word, text.data(), text.size());
    visit(word);
}

bool plain_ascii(std::string_view text) {
    std::uint64_t any = 0;
    each_word(text, [&](std::uint64_t word) { any |= word; });
    return (any & top_bits) == 0;
}

// False: surely none. True: look at each (a tab or a line end is among them, or something after a control character).
bool may_have_controls(std::string_view text) {
    std::uint64_t any = 0;
    each_word(text, [&](std::uint64_t word) {
        const std::uint64_t below_blank = (word - all_bytes * 0x20) & ~word;
        const std::uint64_t without_del = word ^ all_bytes * 0x7f;
        any |= below_blank | ((without_del - all_bytes) & ~without_del);
    });
    return (any & top_bits) != 0;
}

// White space of any script, and what is not seen at all: U+00A0, U+3000, U+200B ...
bool is_blank(utf8proc_int32_t code_point) {
    if (code_point < 0x80) return code_point == ' ' || (code_point >= '\t' && code_point <= '\r');
    switch (utf8proc_category(code_point)) {
        case UTF8PROC_CATEGORY_ZS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
        case UTF8PROC_CATEGORY_CF: return true;
        default: return false;
    }
}

// Whether there is a code point for which `condition` holds; the text is valid UTF-8.
template <class Condition>
bool any_code_point(std::string_view text, Condition condition) {
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    auto left = static_cast<utf8proc_ssize_t>(text.size());
    while (left > 0) {
        utf8proc_int32_t code_point = *at;
        const utf8proc_ssize_t length = *at < 0x80 ? 1 : utf8proc_iterate(at, left, &code_point);
        if (length <= 0) return false;
        if (condition(code_point)) return true;
        at += length;
        left -= length;
    }
    return false;
}

}  // namespace

bool only_blanks(std::string_view text) {
    if (!text.empty() && text.front() > ' ' && text.front() < 0x7f) return false;  // by far the most
    return !any_code_point(text, [](utf8proc_int32_t code_point) { return !is_blank(code_point); });
}

std::optional<std::size_t> count_chars(std::string_view text) {
    if (plain_ascii(text)) return text.size();
    std::size_t chars = 0;
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    auto left = static_cast<utf8proc_ssize_t>(text.size());
    while (left > 0) {
        utf8proc_int32_t code_point = 0;
        const utf8proc_ssize_t length = utf8proc_iterate(at, left, &code_point);
        if (length <= 0) return std::nullopt;
        at += length;
        left -= length;
        ++chars;
    }
    return chars;
}

bool has_control_characters(std::string_view text) {
    return may_have_controls(text) && std::ranges::any_of(text, [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
           });
}

bool looks_like_email(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == 0 || at == std::string_view::npos || text.find('@', at + 1) != std::string_view::npos) return false;
    if (any_code_point(text, is_blank)) return false;
    const std::string_view host = text.substr(at + 1);
    const std::size_t dot = host.find('.');
    if (dot == std::string_view::npos || host.front() == '.' || host.back() == '.') return false;
    return host.find("..") == std::string_view::npos;
}

bool looks_like_phone(std::string_view text) {
    const auto allowed = [](char c) {
        return is_digit(c) || std::string_view(" +()-./").find(c) != std::string_view::npos;
    };
    if (!std::ranges::all_of(text, allowed) || std::ranges::count_if(text, is_digit) < 3) return false;
    const std::size_t last_plus = text.rfind('+');
    return last_plus == std::string_view::npos || last_plus == text.find_first_of("+0123456789");
}

}  // namespace tidemark::aggregates
