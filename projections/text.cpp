#include "projections/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace tidemark::projections {

namespace {

struct Character {
    std::string_view bytes;
    utf8proc_int32_t code;
};

std::vector<Character> characters(std::string_view utf8) {
    std::vector<Character> found;
    while (!utf8.empty()) {
        utf8proc_int32_t code = 0;
        auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                                       static_cast<utf8proc_ssize_t>(utf8.size()), &code);
        if (length <= 0) {  // not UTF-8 (refused at the edge): taken as it is
            code = static_cast<unsigned char>(utf8.front());
            length = 1;
        }
        found.push_back({utf8.substr(0, static_cast<std::size_t>(length)), code});
        utf8.remove_prefix(static_cast<std::size_t>(length));
    }
    return found;
}

bool is_ideograph(utf8proc_int32_t code) {
    return (code >= 0x2E80 && code <= 0x9FFF) || (code >= 0xAC00 && code <= 0xD7AF) ||
           (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x3FFFF);
}

bool is_word(utf8proc_int32_t code) {
    const auto category = utf8proc_category(code);
    return category <= UTF8PROC_CATEGORY_NO && category != UTF8PROC_CATEGORY_CN;  // letters, marks, numbers
}

void sort_unique(std::vector<std::string>& texts) {
    std::ranges::sort(texts);
    texts.erase(std::ranges::unique(texts).begin(), texts.end());
}

void pairs_into(const std::vector<Character>& text, std::vector<std::string>& out) {
    for (std::size_t i = 0; i + 1 < text.size(); ++i)
        if (text[i].code != ' ' && text[i + 1].code != ' ')
            out.push_back(std::string(text[i].bytes).append(text[i + 1].bytes));
}

}  // namespace

std::string fold_text(std::string_view utf8) {
    utf8proc_uint8_t* mapped = nullptr;
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                                        UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                                     static_cast<utf8proc_ssize_t>(utf8.size()), &mapped, options);
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    const std::string_view folded =
        length < 0 ? utf8 : std::string_view(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
    std::string text;
    for (const char c : folded) {
        const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!blank) {
            text.push_back(c);
        } else if (!text.empty() && text.back() != ' ') {
            text.push_back(' ');
        }
    }
    if (text.ends_with(' ')) text.pop_back();
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

std::vector<std::string> grams(std::string_view folded) {
    const auto text = characters(folded);
    std::vector<std::string> found;
    pairs_into(text, found);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool begins_word = is_word(text[i].code) && (i == 0 || !is_word(text[i - 1].code));
        if (is_ideograph(text[i].code) || begins_word) found.emplace_back(text[i].bytes);
    }
    sort_unique(found);
    return found;
}

std::vector<std::string> grams_to_find(std::string_view folded) {
    const auto text = characters(folded);
    std::vector<std::string> found;
    pairs_into(text, found);
    if (found.empty())
        for (const auto& c : text)
            if (c.code != ' ') found.emplace_back(c.bytes);
    sort_unique(found);
    return found;
}

}  // namespace tidemark::projections
