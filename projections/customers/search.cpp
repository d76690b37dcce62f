#include "projections/customers/search.hpp"

#include "projections/text.hpp"

namespace tidemark::projections::customers {

namespace {

constexpr char between = '\n';  // fold_text() leaves none in an email

bool found(std::string_view in, std::string_view text, bool word_begin) {
    return word_begin ? has_word_with(in, text) : in.find(text) != in.npos;
}

}  // namespace

std::string search_text(std::string_view email, std::string_view digits) {
    std::string text;
    text.reserve(email.size() + 1 + digits.size());
    return text.append(email).append(1, between).append(digits);
}

Wanted::Wanted(std::string_view search)
    : text_(fold_text(search)),
      digits_(looks_like_phone(text_) ? digits_of(text_) : std::string()),
      word_begin_(is_single_letter(text_)) {}

bool Wanted::found_in(std::string_view name, std::string_view beside) const {
    if (found(name, text_, word_begin_)) return true;
    const auto end = beside.find(between);
    if (found(beside.substr(0, end), text_, word_begin_)) return true;
    if (digits_.empty()) return false;
    return found(beside.substr(end + 1), digits_, digits_.size() == 1);
}

}  // namespace tidemark::projections::customers
