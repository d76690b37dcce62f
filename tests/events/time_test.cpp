#include "events/time.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace tidemark::events;

TEST_CASE("a time is read with any offset and up to six decimals", "[time]") {
    CHECK(parse_time("1970-01-01T00:00:00Z") == 0);
    CHECK(parse_time("2026-01-31T09:30:00Z") == 1'769'851'800'000'000);
    CHECK(parse_time("2026-01-31T17:30:00+08:00") == 1'769'851'800'000'000);
    CHECK(parse_time("2026-01-31T04:00:00-05:30") == 1'769'851'800'000'000);
    CHECK(parse_time("2026-01-31t09:30:00z") == 1'769'851'800'000'000);
    CHECK(parse_time("2026-01-31T09:30:00.5Z") == 1'769'851'800'500'000);
    CHECK(parse_time("2026-01-31T09:30:00.000001Z") == 1'769'851'800'000'001);
    CHECK(parse_time("1969-12-31T23:59:59.999999Z") == -1);
    CHECK(parse_time("2024-02-29T00:00:00Z"));
}

TEST_CASE("what is no time of RFC 3339, or finer than a microsecond, is refused", "[time]") {
    for (const char* bad : {"",
                            "2026-01-31",
                            "2026-01-31T09:30:00",
                            "2026-01-31 09:30:00Z",
                            "2026-01-31T09:30Z",
                            "2026-01-31T24:00:00Z",
                            "2026-01-31T09:60:00Z",
                            "2026-01-31T09:30:60Z",
                            "2026-02-29T00:00:00Z",
                            "2026-13-01T00:00:00Z",
                            "2026-00-01T00:00:00Z",
                            "2026-01-00T00:00:00Z",
                            "2026-01-31T09:30:00.Z",
                            "2026-01-31T09:30:00.1234567Z",
                            "2026-01-31T09:30:00+24:00",
                            "2026-01-31T09:30:00+08:60",
                            "2026-01-31T09:30:00+0800",
                            "2026-01-31T09:30:00Z ",
                            " 2026-01-31T09:30:00Z",
                            "26-01-31T09:30:00Z",
                            "2026-1-31T09:30:00Z",
                            "2026-01-31T09:30:00ZZ",
                            "+2026-01-31T09:30:00Z"}) {
        INFO(bad);
        CHECK_FALSE(parse_time(bad));
    }
}

TEST_CASE("a time is written in UTC with the decimals that it needs", "[time]") {
    CHECK(format_time(0) == "1970-01-01T00:00:00Z");
    CHECK(format_time(1'769'851'800'000'000) == "2026-01-31T09:30:00Z");
    CHECK(format_time(1'769'851'800'500'000) == "2026-01-31T09:30:00.5Z");
    CHECK(format_time(1'769'851'800'000'010) == "2026-01-31T09:30:00.00001Z");
    CHECK(format_time(-1) == "1969-12-31T23:59:59.999999Z");
    CHECK(format_time(earliest_time) == "1900-01-01T00:00:00Z");
    CHECK(format_time(latest_time) == "2200-01-01T00:00:00Z");
}

TEST_CASE("even a time that no calendar has is written, for people who look at damage", "[time]") {
    CHECK(format_time(std::numeric_limits<Micros>::max()) == "+294247-01-10T04:00:54.775807Z");
    CHECK(format_time(std::numeric_limits<Micros>::min()) == "-290308-12-21T19:59:05.224192Z");
}

TEST_CASE("every date from 1900 to 2200 is written as it is read", "[time]") {
    const std::int32_t first = date_of(earliest_time);
    const std::int32_t last = date_of(latest_time);
    std::int32_t wrong = 0;
    for (std::int32_t day = first; day <= last; ++day) {
        if (parse_date(format_date(day)) != day) ++wrong;
        if (parse_time(format_time(day * micros_per_day + 12'345'678)) != day * micros_per_day + 12'345'678) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(last - first == 109'573);  // 300 years, of which 73 are leap years: neither 1900 nor 2100 is
}

TEST_CASE("a date is days since 1970", "[time]") {
    CHECK(parse_date("1970-01-01") == 0);
    CHECK(parse_date("2026-01-31") == 20'484);
    CHECK(parse_date("1969-12-31") == -1);
    CHECK(format_date(20'484) == "2026-01-31");
    for (const char* bad : {"", "2026-02-30", "2026/01/31", "31-01-2026", "2026-01-31T", "20260131"}) {
        INFO(bad);
        CHECK_FALSE(parse_date(bad));
    }
}

TEST_CASE("the day of a time before 1970 is rounded down", "[time]") {
    CHECK(date_of(0) == 0);
    CHECK(date_of(-1) == -1);
    CHECK(date_of(micros_per_day - 1) == 0);
    CHECK(date_of(-micros_per_day) == -1);
    CHECK(date_of(-micros_per_day - 1) == -2);
}
