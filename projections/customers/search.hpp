// How a customer is found: all names lie folded and in order in the index by name, with the email and the digits of the
// phone beside them, and a search reads through them (DECISIONS 10).
#pragma once

#include <string>
#include <string_view>

namespace tidemark::projections::customers {

// What the index by name holds of a customer, beside the name in its key. `email` is folded.
[[nodiscard]] std::string search_text(std::string_view email, std::string_view digits);

// What is looked for. A single letter or digit finds words that begin with it; a single Chinese, Japanese or Korean
// character and everything longer are found anywhere.
class Wanted {
public:
    explicit Wanted(std::string_view search);
    [[nodiscard]] bool empty() const { return text_.empty(); }
    // `name` is folded; `beside` is what search_text() made.
    [[nodiscard]] bool found_in(std::string_view name, std::string_view beside) const;

private:
    std::string text_;         // folded
    std::string digits_;       // when it could be part of a phone number
    bool word_begin_ = false;  // of text_
};

}  // namespace tidemark::projections::customers
