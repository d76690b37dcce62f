#include "events/money.hpp"

#include "events/currencies.hpp"

#include <algorithm>

namespace tidemark::events {
namespace {

static_assert(std::ranges::is_sorted(currencies, {}, &Currency::code));

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Appends decimal digits to a number that only ever goes away from zero, so that the least one can be read too.
bool push_digits(std::int64_t& value, std::string_view digits, bool negative) {
    for (const char c : digits) {
        const std::int64_t digit = c - '0';
        if (__builtin_mul_overflow(value, std::int64_t{10}, &value)) return false;
        if (__builtin_add_overflow(value, negative ? -digit : digit, &value)) return false;
    }
    return true;
}

// True for an amount that was never set: zero of any currency.
bool unset(const v1::Money& money) {
    return money.currency().empty() && money.minor() == 0;
}

}  // namespace

std::optional<int> minor_digits(std::string_view currency) {
    const auto found = std::ranges::lower_bound(currencies, currency, {}, &Currency::code);
    if (found == currencies.end() || found->code != currency) return std::nullopt;
    return found->minor_digits;
}

std::optional<std::int64_t> parse_minor(std::string_view decimal, std::string_view currency) {
    const auto places = minor_digits(currency);
    if (!places) return std::nullopt;
    const bool negative = decimal.starts_with('-');
    if (negative) decimal.remove_prefix(1);
    const std::size_t point = decimal.find('.');
    const std::string_view whole = decimal.substr(0, point);
    if (!all_digits(whole)) return std::nullopt;
    std::string fraction;
    if (point != std::string_view::npos) {
        fraction = decimal.substr(point + 1);
        if (!all_digits(fraction)) return std::nullopt;
    }
    const auto kept = static_cast<std::size_t>(*places);
    if (fraction.find_first_not_of('0', std::min(kept, fraction.size())) != std::string::npos) return std::nullopt;
    fraction.resize(kept, '0');
    std::int64_t minor = 0;
    if (!push_digits(minor, whole, negative) || !push_digits(minor, fraction, negative)) return std::nullopt;
    return minor;
}

std::string format_minor(std::int64_t minor, std::string_view currency) {
    const auto places = static_cast<std::size_t>(minor_digits(currency).value_or(0));
    std::string digits = std::to_string(minor);
    std::string sign;
    if (minor < 0) {
        sign = "-";
        digits.erase(0, 1);
    }
    if (places == 0) return sign + digits;
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    digits.insert(digits.size() - places, ".");
    return sign + digits;
}

std::optional<v1::Money> add(const v1::Money& a, const v1::Money& b) {
    if (unset(a)) return b;
    if (unset(b)) return a;
    std::int64_t sum = 0;
    if (a.currency() != b.currency() || __builtin_add_overflow(a.minor(), b.minor(), &sum)) return std::nullopt;
    v1::Money money;
    money.set_minor(sum);
    money.set_currency(a.currency());
    return money;
}

std::optional<v1::Money> times(const v1::Money& price, std::int64_t quantity) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(price.minor(), quantity, &product)) return std::nullopt;
    v1::Money money;
    money.set_minor(product);
    money.set_currency(price.currency());
    return money;
}

}  // namespace tidemark::events
