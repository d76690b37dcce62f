// Times and dates as text, and the calendar. Proleptic Gregorian; no leap seconds.
#pragma once

#include "events/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::events {

inline constexpr Micros micros_per_second = 1'000'000;
inline constexpr Micros micros_per_day = 86'400 * micros_per_second;
// Business times outside 1900-01-01 .. 2200-01-01 are refused at the edge.
inline constexpr Micros earliest_time = -2'208'988'800 * micros_per_second;
inline constexpr Micros latest_time = 7'258'118'400 * micros_per_second;

[[nodiscard]] std::optional<Micros> parse_time(std::string_view rfc3339);  // any offset; up to 6 decimals
[[nodiscard]] std::string format_time(Micros time);  // "2026-01-31T09:30:00Z", decimals only if needed
[[nodiscard]] std::optional<std::int32_t> parse_date(std::string_view iso8601);  // days since 1970-01-01
[[nodiscard]] std::string format_date(std::int32_t days);
[[nodiscard]] std::int32_t date_of(Micros time);  // the UTC day; floors before 1970

}  // namespace tidemark::events
