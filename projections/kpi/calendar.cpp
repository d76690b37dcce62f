#include "projections/kpi/calendar.hpp"

#include "events/time.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <unicode/basictz.h>
#include <unicode/timezone.h>
#include <unicode/tztrans.h>
#include <unicode/unistr.h>

namespace tidemark::projections::kpi {

namespace {

constexpr std::int64_t day_s = 86'400;
constexpr std::array<std::string_view, 6> grain_names = {"hour", "day", "week", "month", "quarter", "year"};

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

std::int64_t month_of(std::int64_t day) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    return (static_cast<int>(date.year()) - 1970) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}

std::chrono::year_month year_month_of(std::int64_t month) {
    return std::chrono::year{static_cast<int>(1970 + floor_div(month, 12))} /
           std::chrono::month{static_cast<unsigned>(month - floor_div(month, 12) * 12 + 1)};
}

std::int64_t first_day_of(std::int64_t month) {
    return std::chrono::sys_days{year_month_of(month) / std::chrono::day{1}}.time_since_epoch().count();
}

// ISO weekday of a day counted from 1970-01-01, a Thursday: 1 Monday to 7 Sunday.
int weekday(std::int64_t day) {
    return static_cast<int>(((day + 3) % 7 + 7) % 7) + 1;
}

template <class... Values>
std::string print(const char* format, Values... values) {
    std::array<char, 40> text{};
    const int length = std::snprintf(text.data(), text.size(), format, values...);
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string date_text(std::int64_t day) {
    return events::format_date(static_cast<std::int32_t>(day));
}

}  // namespace

std::optional<Grain> parse_grain(std::string_view name) {
    const auto found = std::ranges::find(grain_names, name);
    if (found == grain_names.end()) return {};
    return static_cast<Grain>(found - grain_names.begin());
}

std::string_view name_of(Grain grain) {
    return grain_names.at(static_cast<std::size_t>(grain));
}

std::expected<Calendar, std::string> Calendar::make(const TimeSettings& settings) {
    if (settings.first_day_of_week < 1 || settings.first_day_of_week > 7)
        return std::unexpected("first day of week " + std::to_string(settings.first_day_of_week) +
                               ": must be from 1 (Monday) to 7 (Sunday)");
    const std::unique_ptr<icu::TimeZone> zone(
        icu::TimeZone::createTimeZone(icu::UnicodeString::fromUTF8(settings.zone)));
    const auto* basic = dynamic_cast<const icu::BasicTimeZone*>(zone.get());
    if (basic == nullptr || *zone == icu::TimeZone::getUnknown())
        return std::unexpected("time zone " + settings.zone + ": not in the IANA time zone database");

    Calendar calendar;
    calendar.settings_ = settings;
    const double first_ms = static_cast<double>(events::earliest_time) / 1000;
    const double last_ms = static_cast<double>(events::latest_time) / 1000;
    std::int32_t raw = 0, saving = 0;
    UErrorCode status = U_ZERO_ERROR;
    zone->getOffset(first_ms, false, raw, saving, status);
    if (U_FAILURE(status)) return std::unexpected("time zone " + settings.zone + ": " + u_errorName(status));
    calendar.transitions_ = {{INT64_MIN, (raw + saving) / 1000}};
    icu::TimeZoneTransition transition;
    for (double at = first_ms; basic->getNextTransition(at, false, transition) && transition.getTime() < last_ms;
         at = transition.getTime()) {
        const auto* to = transition.getTo();
        calendar.transitions_.push_back({static_cast<std::int64_t>(transition.getTime()) / 1000,
                                         (to->getRawOffset() + to->getDSTSavings()) / 1000});
    }
    return calendar;
}

std::string Calendar::rules() const {
    std::string text = settings_.zone + "/" + std::to_string(settings_.first_day_of_week);
    for (const auto& [at, offset] : transitions_) text += "/" + std::to_string(at) + "+" + std::to_string(offset);
    return text + ";";
}

std::int64_t Calendar::offset_s(std::int64_t utc_s) const {
    const auto after = std::upper_bound(transitions_.begin() + 1, transitions_.end(), utc_s,
                                        [](std::int64_t t, const Transition& x) { return t < x.at_s; });
    return (after - 1)->offset_s;
}

std::int64_t Calendar::local_day(events::Micros time) const {
    const auto utc_s = floor_div(time, events::micros_per_second);
    return floor_div(utc_s + offset_s(utc_s), day_s);
}

std::int64_t Calendar::week_of(std::int64_t local_day) const {
    return local_day - (weekday(local_day) - settings_.first_day_of_week + 7) % 7;
}

events::Micros Calendar::midnight(std::int64_t local_day) const {
    // The offset is looked up where the day would begin with the offset of the time around it; where a clock change
    // skips midnight, the day begins with the first moment after it.
    const auto local_s = local_day * day_s;
    auto utc_s = local_s - offset_s(local_s - offset_s(local_s));
    if (const auto shown = utc_s + offset_s(utc_s); shown < local_s) utc_s += local_s - shown;
    return utc_s * events::micros_per_second;
}

Bucket Calendar::bucket(Grain grain, events::Micros time) const {
    if (grain == Grain::hour) {
        const auto utc_s = floor_div(time, events::micros_per_second);
        const auto local_s = utc_s + offset_s(utc_s);
        return utc_s - (local_s - floor_div(local_s, 3'600) * 3'600);
    }
    return widen(Grain::day, local_day(time), grain);
}

Bucket Calendar::widen(Grain from, Bucket bucket, Grain to) const {
    if (from == to) return bucket;
    if (from == Grain::hour) return widen(Grain::day, local_day(bucket * events::micros_per_second), to);
    if (to == Grain::week) return week_of(bucket);
    const auto month = from == Grain::day || from == Grain::week ? month_of(bucket) : bucket;
    switch (to) {
        case Grain::hour:
        case Grain::day:
        case Grain::week:
        case Grain::month: return month;
        case Grain::quarter: return floor_div(month, 3) * 3;
        case Grain::year: return floor_div(month, 12) * 12;
    }
    return month;
}

events::Micros Calendar::start(Grain grain, Bucket bucket) const {
    switch (grain) {
        case Grain::hour: return bucket * events::micros_per_second;
        case Grain::day:
        case Grain::week: return midnight(bucket);
        case Grain::month:
        case Grain::quarter:
        case Grain::year: return midnight(first_day_of(bucket));
    }
    return 0;
}

Bucket Calendar::next(Grain grain, Bucket bucket) const {
    switch (grain) {
        case Grain::hour: return this->bucket(Grain::hour, (bucket + 3'600) * events::micros_per_second);
        case Grain::day: return bucket + 1;
        case Grain::week: return bucket + 7;
        case Grain::month: return bucket + 1;
        case Grain::quarter: return bucket + 3;
        case Grain::year: return bucket + 12;
    }
    return bucket + 1;
}

std::string Calendar::label(Grain grain, Bucket bucket) const {
    const auto year = static_cast<int>(1970 + floor_div(bucket, 12));
    const auto month = static_cast<int>(bucket - floor_div(bucket, 12) * 12);
    switch (grain) {
        case Grain::hour: {
            const auto offset = offset_s(bucket);
            const auto local_s = bucket + offset;
            const auto minutes = offset / 60;
            return date_text(floor_div(local_s, day_s)) +
                   print("T%02d:%02d%c%02d:%02d", static_cast<int>((local_s % day_s + day_s) % day_s / 3'600),
                         static_cast<int>((local_s % 3'600 + 3'600) % 3'600 / 60), minutes < 0 ? '-' : '+',
                         static_cast<int>(std::abs(minutes) / 60), static_cast<int>(std::abs(minutes) % 60));
        }
        case Grain::day: return date_text(bucket);
        case Grain::week: {
            if (settings_.first_day_of_week != 1) return date_text(bucket);
            // ISO 8601: a week belongs to the year that its Thursday is in.
            const auto thursday_year = floor_div(month_of(bucket + 3), 12);
            const auto ordinal = bucket + 3 - first_day_of(thursday_year * 12);
            return print("%04d-W%02d", static_cast<int>(1970 + thursday_year), static_cast<int>(ordinal / 7 + 1));
        }
        case Grain::month: return print("%04d-%02d", year, month + 1);
        case Grain::quarter: return print("%04d-Q%d", year, month / 3 + 1);
        case Grain::year: return print("%04d", year);
    }
    return {};
}

}  // namespace tidemark::projections::kpi
