// Text as it is searched: one form for every way of writing it, cut into grams for an index.
#pragma once

#include "events/v1/common.pb.h"

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections {

// Unicode NFKC_Casefold (full-width and half-width, upper and lower case become one), blanks collapsed.
[[nodiscard]] std::string fold_text(std::string_view utf8);

// The ASCII digits of a phone number.
[[nodiscard]] std::string digits_of(std::string_view text);
// Whether the text could be part of a phone number: digits and punctuation, and at least one digit.
[[nodiscard]] bool looks_like_phone(std::string_view text);

// The grams under which a folded text is found: every two neighbouring characters; every Chinese, Japanese or Korean
// character alone; and the first character of each word. Sorted, each once. Grams across blanks are left out.
[[nodiscard]] std::vector<std::string> grams(std::string_view folded);
// Those that every text containing `folded` has. Empty: nothing that can be looked for.
[[nodiscard]] std::vector<std::string> grams_to_find(std::string_view folded);

// A personal value for reading; empty while it is sealed.
[[nodiscard]] inline const std::string& clear_text(const v1::Personal& value) {
    return value.clear();
}

}  // namespace tidemark::projections
