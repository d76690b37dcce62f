#include "events/time.hpp"

#include <array>
#include <chrono>

namespace tidemark::events {
namespace {

// Takes characters from the front of a text; what does not fit leaves it as it was and says so.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    [[nodiscard]] std::optional<int> digits(std::size_t count) {
        if (rest_.size() < count) return std::nullopt;
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (rest_[i] < '0' || rest_[i] > '9') return std::nullopt;
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }

    [[nodiscard]] bool one_of(std::string_view allowed) {
        if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) return false;
        taken_ = rest_.front();
        rest_.remove_prefix(1);
        return true;
    }

    [[nodiscard]] char taken() const { return taken_; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
    char taken_ = 0;
};

std::optional<std::int32_t> scan_date(Scanner& in) {
    const auto year = in.digits(4);
    if (!year || !in.one_of("-")) return std::nullopt;
    const auto month = in.digits(2);
    if (!month || !in.one_of("-")) return std::nullopt;
    const auto day = in.digits(2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return static_cast<std::int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

// ".123" behind the seconds: microseconds; zero when there is none.
std::optional<Micros> scan_fraction(Scanner& in) {
    if (!in.one_of(".")) return 0;
    Micros micros = 0;
    Micros unit = 100'000;
    int count = 0;
    while (const auto digit = in.digits(1)) {
        if (++count > 6) return std::nullopt;
        micros += *digit * unit;
        unit /= 10;
    }
    if (count == 0) return std::nullopt;
    return micros;
}

// "Z" or "+08:00": seconds east of UTC.
std::optional<int> scan_offset(Scanner& in) {
    if (in.one_of("Zz")) return 0;
    if (!in.one_of("+-")) return std::nullopt;
    const int sign = in.taken() == '-' ? -1 : 1;
    const auto hours = in.digits(2);
    if (!hours || *hours > 23 || !in.one_of(":")) return std::nullopt;
    const auto minutes = in.digits(2);
    if (!minutes || *minutes > 59) return std::nullopt;
    return sign * (*hours * 3600 + *minutes * 60);
}

struct Civil {
    std::int64_t year;
    unsigned month;
    unsigned day;
};

// Any day at all, where std::chrono ends at the year 32767. Howard Hinnant, "chrono-Compatible Low-Level Date
// Algorithms".
Civil civil_from_days(std::int64_t days) {
    days += 719'468;
    const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
    const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted_month = (5 * day_of_year + 2) / 153;
    const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    return {.year = static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0),
            .month = month,
            .day = day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

void append_digits(std::string& out, std::uint64_t value, std::size_t width) {
    std::array<char, 20> digits;
    std::size_t first = digits.size();
    while (value > 0 || digits.size() - first < width) {
        digits[--first] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    out.append(digits.data() + first, digits.size() - first);
}

void append_date(std::string& out, std::int64_t days) {
    const Civil date = civil_from_days(days);
    if (date.year < 0 || date.year > 9999) out += date.year < 0 ? '-' : '+';  // ISO 8601 expanded
    append_digits(out, static_cast<std::uint64_t>(date.year < 0 ? -date.year : date.year), 4);
    out += '-';
    append_digits(out, date.month, 2);
    out += '-';
    append_digits(out, date.day, 2);
}

std::int64_t floor_days(Micros time) {
    const Micros days = time / micros_per_day;
    return time % micros_per_day < 0 ? days - 1 : days;
}

}  // namespace

std::optional<Micros> parse_time(std::string_view rfc3339) {
    Scanner in(rfc3339);
    const auto days = scan_date(in);
    if (!days || !in.one_of("Tt")) return std::nullopt;
    const auto hour = in.digits(2);
    if (!hour || *hour > 23 || !in.one_of(":")) return std::nullopt;
    const auto minute = in.digits(2);
    if (!minute || *minute > 59 || !in.one_of(":")) return std::nullopt;
    const auto second = in.digits(2);
    if (!second || *second > 59) return std::nullopt;
    const auto fraction = scan_fraction(in);
    if (!fraction) return std::nullopt;
    const auto offset = scan_offset(in);
    if (!offset || !in.at_end()) return std::nullopt;
    const std::int64_t seconds = *hour * 3600 + *minute * 60 + *second - *offset;
    return *days * micros_per_day + seconds * micros_per_second + *fraction;
}

std::string format_time(Micros time) {
    const std::int64_t days = floor_days(time);
    // Not time - days * micros_per_day: for the earliest times that product does not fit.
    const auto of_day = static_cast<std::uint64_t>((time % micros_per_day + micros_per_day) % micros_per_day);
    const std::uint64_t seconds = of_day / 1'000'000;
    std::string out;
    out.reserve(28);
    append_date(out, days);
    out += 'T';
    append_digits(out, seconds / 3600, 2);
    out += ':';
    append_digits(out, seconds / 60 % 60, 2);
    out += ':';
    append_digits(out, seconds % 60, 2);
    if (const std::uint64_t micros = of_day % 1'000'000; micros != 0) {
        out += '.';
        append_digits(out, micros, 6);
        out.erase(out.find_last_not_of('0') + 1);
    }
    out += 'Z';
    return out;
}

std::optional<std::int32_t> parse_date(std::string_view iso8601) {
    Scanner in(iso8601);
    const auto days = scan_date(in);
    return days && in.at_end() ? days : std::nullopt;
}

std::string format_date(std::int32_t days) {
    std::string out;
    append_date(out, days);
    return out;
}

std::int32_t date_of(Micros time) {
    return static_cast<std::int32_t>(floor_days(time));
}

}  // namespace tidemark::events
