#include "projections/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace tidemark::projections {

namespace {

struct Character {
    std::size_t bytes;
    utf8proc_int32_t code;
};

// The first of a text that is not empty.
Character first_of(std::string_view utf8) {
    utf8proc_int32_t code = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                                         static_cast<utf8proc_ssize_t>(utf8.size()), &code);
    if (length > 0) return {static_cast<std::size_t>(length), code};
    return {1, static_cast<unsigned char>(utf8.front())};  // not UTF-8 (refused at the edge): taken as it is
}

bool is_ideograph(utf8proc_int32_t code) {
    return (code >= 0x2E80 && code <= 0x9FFF) || (code >= 0xAC00 && code <= 0xD7AF) ||
           (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x3FFFF);
}

bool is_word(utf8proc_int32_t code) {
    const auto category = utf8proc_category(code);
    return category <= UTF8PROC_CATEGORY_NO && category != UTF8PROC_CATEGORY_CN;  // letters, marks, numbers
}

// As fold_text, of what is not ASCII only.
std::string fold_unicode(std::string_view utf8) {
    utf8proc_uint8_t* mapped = nullptr;
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                                        UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                                     static_cast<utf8proc_ssize_t>(utf8.size()), &mapped, options);
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    if (length < 0) return std::string(utf8);
    return {reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length)};
}

std::string fold_ascii(std::string_view text) {
    std::string folded(text);
    for (char& c : folded)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return folded;
}

// In place: runs of blanks become one space, those at the ends nothing.
void collapse_blanks(std::string& text) {
    std::size_t end = 0;
    for (const char c : text) {
        const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!blank) {
            text[end++] = c;
        } else if (end > 0 && text[end - 1] != ' ') {
            text[end++] = ' ';
        }
    }
    if (end > 0 && text[end - 1] == ' ') --end;
    text.resize(end);
}

}  // namespace

std::string fold_text(std::string_view utf8) {
    const bool ascii = std::ranges::all_of(utf8, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    std::string text = ascii ? fold_ascii(utf8) : fold_unicode(utf8);
    collapse_blanks(text);
    return text;
}

std::string digits_of(std::string_view text) {
    std::string digits;
    for (const char c : text)
        if (c >= '0' && c <= '9') digits.push_back(c);
    return digits;
}

bool looks_like_phone(std::string_view text) {
    return text.find_first_not_of("0123456789 +()-./") == text.npos && text.find_first_of("0123456789") != text.npos;
}

bool is_single_letter(std::string_view folded) {
    if (folded.empty()) return false;
    const auto only = first_of(folded);
    return only.bytes == folded.size() && !is_ideograph(only.code);
}

bool has_word_with(std::string_view folded, std::string_view beginning) {
    bool in_word = false;
    while (!folded.empty()) {
        const auto next = first_of(folded);
        const bool word = is_word(next.code);
        if (word && !in_word && folded.starts_with(beginning)) return true;
        in_word = word;
        folded.remove_prefix(next.bytes);
    }
    return false;
}

}  // namespace tidemark::projections
