// Money: integer minor units and an ISO 4217 code.
#pragma once

#include "events/v1/common.pb.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::events {

// The largest amount that a command may bring or a decision may make, either side of zero; sums of many may be larger.
inline constexpr std::int64_t max_minor = 1'000'000'000'000'000;
[[nodiscard]] constexpr bool in_bounds(std::int64_t minor) {
    return minor >= -max_minor && minor <= max_minor;
}

// Decimal places of a currency (ISO 4217: EUR 2, JPY 0, KWD 3); nothing for an unknown code.
[[nodiscard]] std::optional<int> minor_digits(std::string_view currency);

// "1234.50", "1,234.50" is refused; more decimals than the currency has are refused unless zero.
[[nodiscard]] std::optional<std::int64_t> parse_minor(std::string_view decimal, std::string_view currency);
// "1234.50"; of an unknown currency the minor units as they are.
[[nodiscard]] std::string format_minor(std::int64_t minor, std::string_view currency);

// Sum in one currency; nothing on overflow or where currencies differ. An unset Money is zero of any currency.
[[nodiscard]] std::optional<v1::Money> add(const v1::Money& a, const v1::Money& b);
[[nodiscard]] std::optional<v1::Money> times(const v1::Money& price, std::int64_t quantity);

}  // namespace tidemark::events
