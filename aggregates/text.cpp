#include "aggregates/text.hpp"

#include <utf8proc.h>

#include <algorithm>

namespace tidemark::aggregates {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool plain_ascii(std::string_view text) {
    unsigned char any = 0;
    for (const char c : text) any = static_cast<unsigned char>(any | static_cast<unsigned char>(c));
    return any < 0x80;
}

}  // namespace

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
    return std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
    });
}

bool looks_like_email(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == 0 || at == std::string_view::npos || text.find('@', at + 1) != std::string_view::npos) return false;
    if (text.find_first_of(" \t\r\n") != std::string_view::npos) return false;
    const std::string_view host = text.substr(at + 1);
    const std::size_t dot = host.find('.');
    if (dot == std::string_view::npos || host.front() == '.' || host.back() == '.') return false;
    return host.find("..") == std::string_view::npos;
}

bool looks_like_phone(std::string_view text) {
    const auto allowed = [](char c) {
        return is_digit(c) || std::string_view(" +()-./").find(c) != std::string_view::npos;
    };
    return std::ranges::all_of(text, allowed) && std::ranges::count_if(text, is_digit) >= 3;
}

}  // namespace tidemark::aggregates
