// Buckets of time as a tenant sees them: its time zone (IANA), its first day of the week. Immutable: any thread.
#pragma once

#include "events/ids.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections::kpi {

enum class Grain : std::uint8_t { hour, day, week, month, quarter, year };
[[nodiscard]] std::optional<Grain> parse_grain(std::string_view name);
[[nodiscard]] std::string_view name_of(Grain grain);

struct TimeSettings {
    std::string zone = "UTC";
    int first_day_of_week = 1;  // 1 Monday to 7 Sunday
};

// hour: seconds since 1970 in UTC at which it begins (so the hour that a clock change repeats is two buckets); day and
// week: (first) local day, counted from 1970-01-01; month, quarter, year: (first) local month, counted from 1970-01.
using Bucket = std::int64_t;

class Calendar {
public:
    [[nodiscard]] static std::expected<Calendar, std::string> make(const TimeSettings& settings);

    [[nodiscard]] Bucket bucket(Grain grain, events::Micros time) const;
    [[nodiscard]] events::Micros start(Grain grain, Bucket bucket) const;
    [[nodiscard]] Bucket next(Grain grain, Bucket bucket) const;
    // The bucket of a coarser grain that a bucket of a finer one lies in.
    [[nodiscard]] Bucket widen(Grain from, Bucket bucket, Grain to) const;
    [[nodiscard]] std::string label(Grain grain, Bucket bucket) const;
    [[nodiscard]] events::Micros midnight(std::int64_t local_day) const;  // when the local day begins
    [[nodiscard]] const TimeSettings& settings() const { return settings_; }
    // All that buckets depend on: the settings, and what the time zone database here says of the zone.
    [[nodiscard]] std::string rules() const;

private:
    struct Transition {
        std::int64_t at_s;      // UTC; from then on
        std::int64_t offset_s;  // local = UTC + offset
    };
    [[nodiscard]] std::int64_t offset_s(std::int64_t utc_s) const;
    [[nodiscard]] std::int64_t local_day(events::Micros time) const;
    [[nodiscard]] std::int64_t week_of(std::int64_t local_day) const;

    TimeSettings settings_;
    std::vector<Transition> transitions_{{INT64_MIN, 0}};  // the first holds from ever
};

}  // namespace tidemark::projections::kpi
