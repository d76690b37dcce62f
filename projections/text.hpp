// Text as it is searched: one form for every way of writing it.
#pragma once

#include "events/v1/common.pb.h"

#include <string>
#include <string_view>

namespace tidemark::projections {

// Unicode NFKC_Casefold (full-width and half-width, upper and lower case become one), blanks collapsed.
[[nodiscard]] std::string fold_text(std::string_view utf8);

// The ASCII digits of a phone number.
[[nodiscard]] std::string digits_of(std::string_view text);
// Whether the text could be part of a phone number: digits and punctuation, and at least one digit.
[[nodiscard]] bool looks_like_phone(std::string_view text);

// Whether a folded text is one letter, digit or the like, and no Chinese, Japanese or Korean character: so short that
// it is looked for at the beginning of words only.
[[nodiscard]] bool is_single_letter(std::string_view folded);
// Whether a word of the folded text begins so.
[[nodiscard]] bool has_word_with(std::string_view folded, std::string_view beginning);

// A personal value for reading; empty while it is sealed.
[[nodiscard]] inline const std::string& clear_text(const v1::Personal& value) {
    return value.clear();
}

}  // namespace tidemark::projections
