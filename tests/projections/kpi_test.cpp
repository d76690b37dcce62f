#include "projections/kpi/kpi.hpp"

#include "projections/kpi/bins.hpp"
#include "tests/projections/sale_events.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace tidemark;
using namespace tidemark::tests;
namespace kpi = projections::kpi;

namespace {

constexpr std::int64_t day = 86'400'000'000;

std::shared_ptr<const kpi::Kpis> built_in(kpi::TimeSettings times = {}) {
    auto kpis = kpi::Kpis::make(kpi::built_in_catalogue(), {.others = std::move(times)});
    if (!kpis) FAIL(kpis.error());
    return *kpis;
}

struct Fixture {
    std::shared_ptr<const kpi::Kpis> kpis;
    View view;
    explicit Fixture(const Story& story, kpi::TimeSettings times = {})
        : kpis(built_in(std::move(times))), view(kpi::Kpis::projection(kpis)) {
        story.fold_into(view);
    }
    v1::KpiSeries series(std::string_view name, kpi::SeriesQuery query) const {
        if (query.tenant.empty()) query.tenant = "default";
        auto series = kpis->series(view, name, query);
        if (!series) FAIL(series.error().field + ": " + series.error().what);
        return *series;
    }
    // "2026-01 north: 0.5 | ..." with money in minor units.
    std::string told(std::string_view name, kpi::SeriesQuery query) const {
        std::string all;
        const auto answer = series(name, std::move(query));
        for (const auto& point : answer.points()) {
            all += (all.empty() ? "" : " | ") + point.bucket();
            for (const auto& dim : point.dims()) all += " " + dim.value();
            if (!point.currency().empty()) all += " " + point.currency();
            all += ": ";
            if (point.has_money()) {
                all += std::to_string(point.money().minor());
            } else if (point.has_value()) {
                std::ostringstream number;
                number << point.value();
                all += number.str();
            } else {
                all += "-";
            }
        }
        return all;
    }
};

v1::Money cny(std::int64_t fen) {
    v1::Money money;
    money.set_minor(fen);
    money.set_currency("CNY");
    return money;
}

// Ada (north) wins a for 100 after 10 days; Bob (south) wins b for 300 after 20 days and loses c of 200; d stays open.
//   won: 2, lost: 1             -> win rate 2 / 3
//   won value 100 + 300 = 400   -> average 400 / 2 = 200; by value 400 / (400 + 200) = 2 / 3
//   cycles 10 and 20 days       -> mean 15, median the lower one, p90 20: 10 is not exceeded by one of two only
//   open at the end of January: d of 50 -> velocity 1 x 200 x 2/3 / 15 = 8.888... -> 8.89 a day
Story january() {
    const auto ada = dims("ada", "north");
    const auto bob = dims("bob", "south", "p2");
    Story story;
    story.sale("a", opened(ada, eur(9'000), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("b", opened(bob, eur(30'000), at(2026, 1, 2)), at(2026, 1, 2))
        .sale("c", opened(bob, eur(20'000), at(2026, 1, 3)), at(2026, 1, 3))
        .sale("d", opened(ada, eur(5'000), at(2026, 1, 4)), at(2026, 1, 4))
        .sale("a", moved(ada, "lead", "offer", eur(9'000), 4 * day), at(2026, 1, 5))
        .sale("a", won(ada, eur(10'000), eur(9'000), "offer", at(2026, 1, 1), at(2026, 1, 11), 6 * day),
              at(2026, 1, 11))
        .sale("b", won(bob, eur(30'000), eur(30'000), "lead", at(2026, 1, 2), at(2026, 1, 22), 20 * day, 1000),
              at(2026, 1, 22))
        .sale("c", lost(bob, v1::PRICE, eur(20'000), "lead", at(2026, 1, 3), at(2026, 1, 31, 23, 30), 28 * day, 1000),
              at(2026, 1, 31, 23, 30));
    return story;
}

}  // namespace

TEST_CASE("the KPIs of a small January are as worked out by hand", "[kpi]") {
    const Fixture f(january());
    CHECK(f.told("win_rate", {}) == "2026-01: 0.666667");
    CHECK(f.told("win_rate_by_value", {}) == "2026-01 EUR: 0.666667");
    CHECK(f.told("won_value", {}) == "2026-01 EUR: 40000");
    CHECK(f.told("average_won_value", {}) == "2026-01 EUR: 20000");
    CHECK(f.told("sales_cycle_mean", {}) == "2026-01: 15");
    CHECK(f.series("sales_cycle_p90", {}).points(0).value() == Approx(20).epsilon(kpi::bins_relative_error));
    CHECK(f.series("sales_cycle_median", {}).points(0).value() == Approx(10).epsilon(kpi::bins_relative_error));
    CHECK(f.told("sales_velocity", {}) == "2026-01 EUR: 889");
    CHECK(f.told("cohort_win_rate", {}) == "2026-01: 0.5");
    CHECK(f.told("sales_opened", {.by = {"owner"}}) == "2026-01 ada: 2 | 2026-01 bob: 2");
    CHECK(f.told("win_rate", {.by = {"region"}}) == "2026-01 north: 1 | 2026-01 south: 0.5");
    CHECK(f.told("loss_reasons", {.by = {"reason"}}) == "2026-01 PRICE: 1");
    CHECK(f.told("stage_conversion", {.by = {"stage"}}) == "2026-01 lead: 0.5 | 2026-01 offer: 1");
    CHECK(f.told("days_in_stage_mean", {.filter = {{"stage", "offer"}}}) == "2026-01: 6");
    CHECK(f.told("commands_accepted", {.by = {"command"}}) ==
          "2026-01 SaleLost: 1 | 2026-01 SaleOpened: 4 | 2026-01 SaleStageChanged: 1 | 2026-01 SaleWon: 2");
}

TEST_CASE("a point carries the sums of its histograms, so that means can be put together outside", "[kpi]") {
    const Fixture f(january());
    const auto days = f.series("sales_cycle_mean", {.grain = "day"});
    REQUIRE(days.points_size() == 2);
    std::int64_t sum = 0;
    std::int64_t count = 0;
    for (const auto& point : days.points()) {
        REQUIRE(point.measures(0).has_sum());
        sum += point.measures(0).sum();
        count += point.measures(0).value();
    }
    CHECK(sum == 30 * 86'400'000LL);  // 10 and 20 days, in milliseconds
    CHECK(count == 2);
    CHECK_FALSE(f.series("sales_won", {}).points(0).measures(0).has_sum());
}

TEST_CASE("every grain and every set of dimensions tells the same story", "[kpi]") {
    const Fixture f(january());
    for (const auto* grain : {"hour", "day", "week", "month", "quarter", "year"})
        for (const auto& by : std::vector<std::vector<std::string>>{{},
                                                                    {"owner"},
                                                                    {"source"},
                                                                    {"owner", "product"},
                                                                    {"region", "currency"},
                                                                    {"pipeline", "owner", "sector"}}) {
            INFO(grain << " by " << by.size());
            std::int64_t won = 0;
            const auto answer = f.series("won_value", {.grain = grain, .by = by});
            for (const auto& point : answer.points()) won += point.money().minor();
            CHECK(won == 40'000);
        }
    CHECK(f.told("sales_won", {.grain = "hour", .by = {"owner", "product"}}) ==
          "2026-01-11T00:00+00:00 ada p1: 1 | 2026-01-22T00:00+00:00 bob p2: 1");
    CHECK(f.told("sales_won", {.grain = "day", .by = {"product", "owner"}, .filter = {{"region", "south"}}}) ==
          "2026-01-22 p2 bob: 1");
    CHECK(f.told("sales_won", {.grain = "quarter"}) == "2026-Q1: 2");
    CHECK(f.told("sales_won", {.grain = "year"}) == "2026: 2");
}

TEST_CASE("a range takes what begins in it and leaves the end out", "[kpi]") {
    const Fixture f(january());
    CHECK(f.told("sales_opened", {.from = "2026-01-02", .to = "2026-01-04", .grain = "day"}) ==
          "2026-01-02: 1 | 2026-01-03: 1");
    CHECK(f.told("sales_opened", {.from = "2026-01-02T00:00:00Z", .to = "2026-01-03T00:00:00Z", .grain = "hour"}) ==
          "2026-01-02T00:00+00:00: 1");
    CHECK(f.told("sales_opened", {.to = "2026-01-01", .grain = "day"}).empty());
}

TEST_CASE("the open pipeline is a level: it holds where nothing happens, and counts what was before the range",
          "[kpi]") {
    const Fixture f(january());
    CHECK(f.told("open_sales", {.from = "2026-01-03", .to = "2026-01-06", .grain = "day"}) ==
          "2026-01-03: 3 | 2026-01-04: 4 | 2026-01-05: 4");
    CHECK(f.told("open_pipeline_value", {.from = "2026-01-30", .to = "2026-03-01"}) ==
          "2026-01 EUR: 5000 | 2026-02 EUR: 5000");
    CHECK(f.told("open_pipeline_value", {.from = "2026-02-10", .to = "2026-02-11", .grain = "day", .by = {"owner"}}) ==
          "2026-02-10 ada EUR: 5000");
    // Of d, 5,000 at a probability of 10 %.
    CHECK(f.told("weighted_forecast", {.grain = "month"}) == "2026-01 EUR: 500");
    CHECK(f.told("open_sales", {.from = "2026-01-31T22:00:00Z", .to = "2026-02-01", .grain = "hour"}) ==
          "2026-01-31T22:00+00:00: 2 | 2026-01-31T23:00+00:00: 1");
}

TEST_CASE("a reopened sale is taken back from the bucket in which it was closed", "[kpi]") {
    auto story = january();
    story.sale("b", reopened(dims("bob", "south", "p2"), v1::WON, eur(30'000), "lead", at(2026, 1, 22), 20 * day, 1000),
               at(2026, 3, 5));
    const Fixture f(story);
    CHECK(f.told("sales_won", {}) == "2026-01: 1");
    CHECK(f.told("won_value", {}) == "2026-01 EUR: 10000");
    CHECK(f.told("sales_cycle_median", {}) == f.told("sales_cycle_median", {.by = {}, .filter = {{"owner", "ada"}}}));
    CHECK(f.told("cohort_win_rate", {}) == "2026-01: 0.25");
    CHECK(f.told("stage_conversion", {.by = {"stage"}, .filter = {{"stage", "lead"}}}) ==
          "2026-01 lead: 0.25 | 2026-03 lead: 0");
    CHECK(f.told("open_sales", {}) == "2026-01: 1 | 2026-02: 1 | 2026-03: 2");
    auto again = january();
    again.sale("c",
               reopened(dims("bob", "south", "p2"), v1::LOST, eur(20'000), "lead", at(2026, 1, 31, 23, 30), 28 * day,
                        1000, v1::PRICE),
               at(2026, 2, 5));
    const Fixture g(again);
    CHECK(g.told("win_rate", {}) == "2026-01: 1");
    CHECK(g.told("loss_reasons", {.by = {"reason"}}).empty());
}

TEST_CASE("a corrected date or amount restates the buckets as if it had been right from the start", "[kpi]") {
    auto story = january();
    story.sale("b",
               corrected(dims("bob", "south", "p2"), v1::WON, {30'000, 30'000, at(2026, 1, 2), at(2026, 1, 22)},
                         {25'000, 20'000, at(2025, 12, 30), at(2026, 2, 8)}, "lead"),
               at(2026, 3, 1));
    const Fixture f(story);
    CHECK(f.told("won_value", {}) == "2026-01 EUR: 10000 | 2026-02 EUR: 25000");
    CHECK(f.told("sales_won", {.by = {"owner"}}) == "2026-01 ada: 1 | 2026-02 bob: 1");
    CHECK(f.told("opened_value", {}) == "2025-12 EUR: 20000 | 2026-01 EUR: 34000");
    CHECK(f.told("sales_cycle_mean", {}) == "2026-01: 10 | 2026-02: 40");
    CHECK(f.told("cohort_win_rate", {}) == "2025-12: 1 | 2026-01: 0.333333");
    CHECK(f.told("open_sales", {}) == "2025-12: 1 | 2026-01: 2 | 2026-02: 1");
    CHECK(f.told("open_pipeline_value", {.from = "2026-02-20", .to = "2026-02-21", .grain = "day"}) ==
          "2026-02-20 EUR: 5000");
}

TEST_CASE("a reopening takes back the stay that had ended with the close", "[kpi]") {
    const auto ada = dims("ada", "north"), bob = dims("bob", "south");
    auto again = reopened(bob, v1::WON, eur(100), "offer", at(2026, 3, 10), 68 * day);
    again.mutable_sale_reopened()->set_stage_entered_at(at(2026, 2, 10));
    *again.mutable_sale_reopened()->mutable_stage_entered_dims() = ada;  // and reassigned to Bob since
    again.mutable_sale_reopened()->set_time_in_stage_us(28 * day);
    Story story;
    story.sale("s", opened(ada, eur(100), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s", moved(ada, "lead", "offer", eur(100), 40 * day), at(2026, 2, 10))
        .sale("s", won(bob, eur(100), eur(100), "offer", at(2026, 1, 1), at(2026, 3, 10), 28 * day), at(2026, 3, 10))
        .sale("s", again, at(2026, 4, 1))
        .sale("s", won(bob, eur(100), eur(100), "offer", at(2026, 1, 1), at(2026, 4, 3), 2 * day), at(2026, 4, 3));
    const Fixture f(story);
    CHECK(f.told("stage_entered", {.by = {"stage", "owner"}}) == "2026-01 lead ada: 1 | 2026-04 offer bob: 1");
    CHECK(f.told("days_in_stage_mean", {.by = {"stage"}}) == "2026-02 lead: 40 | 2026-04 offer: 2");
    CHECK(f.told("stage_conversion", {.grain = "year", .by = {"stage"}}) == "2026 lead: 1 | 2026 offer: 1");
}

TEST_CASE("a stay that progressed counts where it began, so that conversion is a share of what entered", "[kpi]") {
    // Ada's a, b, c enter `lead` in January. In February a moves on to `offer`, b is Bob's by then and is won, c is
    // lost; a is won in March.
    //   lead:  entered 3 in January, of which a and b progressed: 2/3, whenever that was and whoever did it
    //   offer: entered 1 in February, won: 1. By exit there would be 2 of none in February and 1 of none in March.
    const auto ada = dims("ada"), bob = dims("bob");
    v1::SaleEvent to_bob;
    *to_bob.mutable_sale_reassigned()->mutable_from() = ada;
    *to_bob.mutable_sale_reassigned()->mutable_to() = bob;
    *to_bob.mutable_sale_reassigned()->mutable_amount() = eur(100);
    to_bob.mutable_sale_reassigned()->set_stage("lead");
    Story story;
    for (const auto* id : {"a", "b", "c"}) story.sale(id, opened(ada, eur(100), at(2026, 1, 20)), at(2026, 1, 20));
    story.sale("b", to_bob, at(2026, 1, 25))
        .sale("a", moved(ada, "lead", "offer", eur(100), 12 * day), at(2026, 2, 1))
        .sale("b", won(bob, eur(100), eur(100), "lead", at(2026, 1, 20), at(2026, 2, 2), 13 * day, 1000),
              at(2026, 2, 2))
        .sale("c", lost(ada, v1::PRICE, eur(100), "lead", at(2026, 1, 20), at(2026, 2, 3), 14 * day, 1000),
              at(2026, 2, 3))
        .sale("a", won(ada, eur(100), eur(100), "offer", at(2026, 1, 20), at(2026, 3, 1), 28 * day), at(2026, 3, 1));
    const Fixture f(story);
    CHECK(f.told("stage_conversion", {.by = {"stage", "owner"}}) ==
          "2026-01 lead ada: 0.666667 | 2026-02 offer ada: 1");
    CHECK(f.told("stage_conversion", {.grain = "year"}) == "2026: 0.75");

    // b was opened in December already, as is told in April: its stay moves as a whole.
    auto correction = corrected(bob, v1::WON, {100, 100, at(2026, 1, 20), at(2026, 2, 2)},
                                {100, 100, at(2025, 12, 20), at(2026, 2, 2)});
    *correction.mutable_sale_corrected()->mutable_opened_dims() = ada;
    story.sale("b", correction, at(2026, 4, 1));
    // And a, which had left its first stage.
    auto of_a = corrected(ada, v1::WON, {100, 100, at(2026, 1, 20), at(2026, 3, 1)},
                          {100, 100, at(2025, 11, 20), at(2026, 3, 1)}, "offer", 5000);
    auto& c = *of_a.mutable_sale_corrected();
    c.set_opened_stage("lead");
    c.set_first_stage_left_at(at(2026, 2, 1));
    *c.mutable_first_stage_left_dims() = ada;
    c.mutable_before()->set_closing_stay_us(28 * day);
    c.mutable_after()->set_closing_stay_us(28 * day);
    story.sale("a", of_a, at(2026, 4, 1));
    CHECK(Fixture(story).told("stage_conversion", {.by = {"stage", "owner"}}) ==
          "2025-11 lead ada: 1 | 2025-12 lead ada: 1 | 2026-01 lead ada: 0 | 2026-02 offer ada: 1");

    // A win that is taken back progressed nowhere.
    auto again = reopened(bob, v1::WON, eur(100), "lead", at(2026, 2, 2), 44 * day, 1000);
    again.mutable_sale_reopened()->set_stage_entered_at(at(2025, 12, 20));
    *again.mutable_sale_reopened()->mutable_stage_entered_dims() = ada;
    story.sale("b", again, at(2026, 5, 1));
    CHECK(Fixture(story).told("stage_conversion", {.by = {"owner"}, .filter = {{"stage", "lead"}}}) ==
          "2025-11 ada: 1 | 2026-01 ada: 0 | 2026-05 bob: 0");
}

TEST_CASE("stages and losses are asked by source and sector, too", "[kpi]") {
    auto fair = dims(), web = dims();
    fair.set_source("fair");
    fair.set_sector("health");
    web.set_source("web");
    web.set_sector("retail");
    Story story;
    story.sale("a", opened(fair, eur(100), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("b", opened(web, eur(100), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("a", moved(fair, "lead", "offer", eur(100), day), at(2026, 1, 2))
        .sale("b", lost(web, v1::PRICE, eur(100), "lead", at(2026, 1, 1), at(2026, 1, 2), day), at(2026, 1, 2));
    const Fixture f(story);
    CHECK(f.told("stage_conversion", {.by = {"source"}, .filter = {{"stage", "lead"}}}) ==
          "2026-01 fair: 1 | 2026-01 web: 0");
    CHECK(f.told("stage_entered", {.by = {"sector"}}) == "2026-01 health: 2 | 2026-01 retail: 1");
    CHECK(f.told("loss_reasons", {.by = {"reason", "source", "sector"}}) == "2026-01 PRICE web retail: 1");
}

TEST_CASE("a corrected date moves the stays that begin with the opening or end with the close", "[kpi]") {
    // Opened on 1 January as Ada's, left for an offer on 11 February as Bob's, won on 3 March. In truth opened on
    // 28 December and won on 2 April.
    const auto ada = dims("ada", "north"), bob = dims("bob", "south");
    auto correction = corrected(bob, v1::WON, {100, 100, at(2026, 1, 1), at(2026, 3, 3)},
                                {100, 100, at(2025, 12, 28), at(2026, 4, 2)}, "offer", 5000);
    auto& c = *correction.mutable_sale_corrected();
    *c.mutable_opened_dims() = ada;
    c.set_opened_stage("lead");
    c.set_opened_probability_bp(1000);
    c.set_first_stage_left_at(at(2026, 2, 11));
    *c.mutable_first_stage_left_dims() = bob;
    c.mutable_before()->set_first_stay_us(41 * day);
    c.mutable_before()->set_closing_stay_us(20 * day);
    c.mutable_after()->set_first_stay_us(45 * day);
    c.mutable_after()->set_closing_stay_us(50 * day);
    Story story;
    story.sale("s", opened(ada, eur(100), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s", moved(bob, "lead", "offer", eur(100), 41 * day), at(2026, 2, 11))
        .sale("s", won(bob, eur(100), eur(100), "offer", at(2026, 1, 1), at(2026, 3, 3), 20 * day), at(2026, 3, 3))
        .sale("s", correction, at(2026, 5, 1));
    const Fixture f(story);
    CHECK(f.told("stage_entered", {.by = {"stage", "owner"}}) == "2025-12 lead ada: 1 | 2026-02 offer bob: 1");
    CHECK(f.told("days_in_stage_mean", {.by = {"stage", "owner"}}) == "2026-02 lead bob: 45 | 2026-04 offer bob: 50");
    const auto median = f.series("days_in_stage_median", {.filter = {{"stage", "offer"}}});
    REQUIRE(median.points_size() == 1);
    CHECK(median.points(0).value() == Approx(50).epsilon(0.01));
    // 10 % of 100 from December, 50 % from February, nothing from April on.
    CHECK(f.told("weighted_forecast", {.from = "2025-12-01", .to = "2026-05-01"}) ==
          "2025-12 EUR: 10 | 2026-01 EUR: 10 | 2026-02 EUR: 50 | 2026-03 EUR: 50 | 2026-04 EUR: 0");
    CHECK(f.told("open_pipeline_value", {.from = "2025-12-01", .to = "2026-05-01"}) ==
          "2025-12 EUR: 100 | 2026-01 EUR: 100 | 2026-02 EUR: 100 | 2026-03 EUR: 100 | 2026-04 EUR: 0");
}

TEST_CASE("an open sale's corrected amount changes pipeline and forecast", "[kpi]") {
    auto story = january();
    story.sale(
        "d",
        corrected(dims("ada", "north"), v1::OPEN, {5'000, 5'000, at(2026, 1, 4), 0}, {8'000, 8'000, at(2026, 1, 4), 0}),
        at(2026, 2, 3));
    const Fixture f(story);
    CHECK(f.told("open_pipeline_value", {}) == "2026-01 EUR: 5000 | 2026-02 EUR: 8000");
    CHECK(f.told("weighted_forecast", {}) == "2026-01 EUR: 500 | 2026-02 EUR: 800");
    CHECK(f.told("opened_value", {}) == "2026-01 EUR: 67000");
}

TEST_CASE("the forecast of many small sales does not lose a cent with each", "[kpi]") {
    Story story;
    for (int i = 0; i < 100; ++i) {
        story.sale("s" + std::to_string(i), opened(dims("ada"), eur(100 + i), at(2026, 1, 1), "lead", 3'333),
                   at(2026, 1, 1));
    }
    // 14,950 x 0.3333 = 4,982.835; cut off, each sale would lose its part of a cent, and all of them 66.
    const auto forecast = Fixture(story).series("weighted_forecast", {}).points(0).money().minor();
    CHECK(forecast >= 4'980);
    CHECK(forecast <= 4'986);
}

TEST_CASE("a month ends in Shanghai when it ends in Shanghai", "[kpi]") {
    const Fixture f(january(), {.zone = "Asia/Shanghai"});
    CHECK(f.told("sales_lost", {}) == "2026-02: 1");
    CHECK(f.told("sales_lost", {.grain = "hour"}) == "2026-02-01T07:00+08:00: 1");
    const auto series = f.series("sales_lost", {});
    CHECK(series.time_zone() == "Asia/Shanghai");
    CHECK(series.points(0).start() == at(2026, 1, 31, 16));
    CHECK(f.told("sales_lost", {.from = "2026-02-01", .to = "2026-02-02", .grain = "day"}) == "2026-02-01: 1");
}

TEST_CASE("the rules of a calendar are those of its zone, so that another time zone database is another view",
          "[kpi]") {
    const auto rules = [](const std::string& zone, int first_day = 1) {
        return kpi::Calendar::make({zone, first_day}).value().rules();
    };
    CHECK(rules("Europe/Berlin").starts_with("Europe/Berlin/1/"));
    CHECK(rules("Europe/Berlin").find("/1774746000+7200/") != std::string::npos);  // 29 March 2026, 01:00 UTC
    CHECK(rules("Europe/Berlin") == rules("Europe/Berlin"));
    CHECK(rules("Europe/Berlin", 7) != rules("Europe/Berlin"));
    CHECK(kpi::Kpis::projection(kpi::Kpis::make(kpi::built_in_catalogue(), {.others = {"Europe/Berlin", 1}}).value())
              .version !=
          kpi::Kpis::projection(kpi::Kpis::make(kpi::built_in_catalogue(), {.others = {"Europe/Paris", 1}}).value())
              .version);
}

TEST_CASE("a week begins on the tenant's first day of the week", "[kpi]") {
    // 4 January 2026 is a Sunday.
    Story story;
    story.sale("s", opened(dims(), eur(1), at(2026, 1, 4)), at(2026, 1, 4))
        .sale("t", opened(dims(), eur(1), at(2026, 1, 5)), at(2026, 1, 5));
    CHECK(Fixture(story).told("sales_opened", {.grain = "week"}) == "2026-W01: 1 | 2026-W02: 1");
    CHECK(Fixture(story, {.first_day_of_week = 7}).told("sales_opened", {.grain = "week"}) == "2026-01-04: 2");
}

TEST_CASE("a day of a clock change has 23 or 25 hours", "[kpi]") {
    const auto berlin = kpi::Calendar::make({.zone = "Europe/Berlin"}).value();
    const auto hours = [&](int month, unsigned d) {
        const auto begin = berlin.midnight(date(2026, static_cast<unsigned>(month), d));
        return (berlin.midnight(date(2026, static_cast<unsigned>(month), d) + 1) - begin) / 3'600'000'000;
    };
    CHECK(hours(3, 29) == 23);
    CHECK(hours(10, 25) == 25);
    CHECK(hours(6, 1) == 24);
    // Two o'clock comes twice: 00:30Z and 01:30Z are both half past two.
    Story story;
    story.sale("s", opened(dims(), eur(1), at(2026, 10, 25, 0, 30)), at(2026, 10, 25, 0, 30))
        .sale("t", opened(dims(), eur(1), at(2026, 10, 25, 1, 30)), at(2026, 10, 25, 1, 30))
        .sale("u", opened(dims(), eur(1), at(2026, 10, 25, 22, 59)), at(2026, 10, 25, 22, 59))
        .sale("v", opened(dims(), eur(1), at(2026, 10, 25, 23, 0)), at(2026, 10, 25, 23, 0));
    const Fixture f(story, {.zone = "Europe/Berlin"});
    CHECK(f.told("sales_opened", {.to = "2026-10-25T22:00:00Z", .grain = "hour"}) ==
          "2026-10-25T02:00+02:00: 1 | 2026-10-25T02:00+01:00: 1");
    CHECK(f.told("sales_opened", {.grain = "day"}) == "2026-10-25: 3 | 2026-10-26: 1");
    // Where the clock change skips midnight the day begins at one.
    const auto cairo = kpi::Calendar::make({.zone = "Africa/Cairo"}).value();
    CHECK(cairo.midnight(date(2024, 4, 26)) == at(2024, 4, 25, 22));
}

TEST_CASE("currencies are never summed over", "[kpi]") {
    Story story;
    story.sale("s", opened(dims(), eur(100), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("t", opened(dims(), cny(700), at(2026, 1, 1)), at(2026, 1, 1));
    const Fixture f(story);
    CHECK(f.told("opened_value", {}) == "2026-01 CNY: 700 | 2026-01 EUR: 100");
    CHECK(f.told("sales_opened", {}) == "2026-01: 2");
    CHECK(f.told("sales_opened", {.by = {"currency"}}) == "2026-01 CNY: 1 | 2026-01 EUR: 1");
    CHECK(f.told("opened_value", {.filter = {{"currency", "CNY"}}}) == "2026-01 CNY: 700");
}

TEST_CASE("tenants have their own KPIs and their own calendar", "[kpi]") {
    Story story;
    story.sale("s", opened(dims(), eur(100), at(2026, 1, 31, 23)), at(2026, 1, 31, 23), {.tenant = "a"})
        .sale("s", opened(dims(), eur(200), at(2026, 1, 31, 23)), at(2026, 1, 31, 23), {.tenant = "b"});
    const auto kpis =
        kpi::Kpis::make(kpi::built_in_catalogue(), {.others = {}, .of = {{"b", {.zone = "Asia/Shanghai"}}}}).value();
    View view(kpi::Kpis::projection(kpis));
    story.fold_into(view);
    CHECK(kpis->series(view, "opened_value", {.tenant = "a"})->points(0).money().minor() == 100);
    CHECK(kpis->series(view, "opened_value", {.tenant = "a"})->points(0).bucket() == "2026-01");
    CHECK(kpis->series(view, "opened_value", {.tenant = "b"})->points(0).bucket() == "2026-02");
    CHECK(kpis->series(view, "opened_value", {.tenant = "c"})->points_size() == 0);
}

TEST_CASE("any interleaving of the partitions gives byte-equal answers", "[kpi]") {
    Story story;
    std::mt19937 random(7);
    for (int i = 0; i < 120; ++i) {
        const auto id = "s" + std::to_string(i);
        const auto d = dims(i % 3 == 0 ? "ada" : "bob", i % 2 == 0 ? "north" : "south", "p" + std::to_string(i % 4));
        const auto begin = at(2026, 1, 1) + static_cast<std::int64_t>(random() % 60) * day;
        const auto end = begin + static_cast<std::int64_t>(random() % 40 + 1) * day;
        story.sale(id, opened(d, eur(1'000 + i), begin), begin);
        if (i % 4 == 0) continue;
        if (i % 4 == 1) {
            story.sale(id, lost(d, v1::TIMING, eur(1'000 + i), "lead", begin, end, end - begin, 1000), end);
        } else {
            story.sale(id, won(d, eur(900 + i), eur(1'000 + i), "lead", begin, end, end - begin, 1000), end);
        }
        if (i % 8 == 2) story.sale(id, reopened(d, v1::WON, eur(900 + i), "lead", end, end - begin, 1000), end + day);
        if (i % 8 == 3)
            story.sale(id,
                       corrected(d, v1::WON, {900 + i, 1'000 + i, begin, end},
                                 {950 + i, 1'000 + i, begin - day, end + 9 * day}),
                       end + day);
    }
    const auto answers = [&](const View& view) {
        std::string all;
        const auto kpis = built_in({.zone = "Asia/Shanghai"});
        const auto list = kpis->list();
        for (const auto& k : list.kpis())
            for (const auto* grain : {"hour", "week", "month"})
                all += kpis->series(view, k.name(), {.tenant = "default", .grain = grain, .by = {k.dimensions(0)}})
                           ->SerializeAsString();
        return all;
    };
    View told(kpi::Kpis::projection(built_in({.zone = "Asia/Shanghai"})));
    story.fold_into(told);
    const auto expected = answers(told);
    CHECK(expected.size() > 10'000);
    for (unsigned seed = 1; seed <= 5; ++seed) {
        INFO("seed " << seed);
        View view(kpi::Kpis::projection(built_in({.zone = "Asia/Shanghai"})));
        story.fold_shuffled_into(view, seed);
        CHECK(answers(view) == expected);
        CHECK(view.dump() == told.dump());
    }
}

TEST_CASE("a question that cannot be answered says why", "[kpi]") {
    const Fixture f(january());
    const auto error = [&](std::string_view name, kpi::SeriesQuery query) {
        query.tenant = "default";
        const auto answer = f.kpis->series(f.view, name, query);
        REQUIRE_FALSE(answer.has_value());
        return answer.error();
    };
    CHECK(error("nonsense", {}).not_found);
    CHECK(error("win_rate", {.grain = "fortnight"}).field == "grain");
    CHECK(error("win_rate", {.by = {"colour"}}).what.find("owner, region, product") != std::string::npos);
    CHECK(error("win_rate", {.by = {"colour"}}).what.find("sector, currency") != std::string::npos);
    CHECK(error("stage_entered", {.by = {"currency"}}).what.find("there are stage, pipeline") != std::string::npos);
    CHECK(error("win_rate", {.filter = {{"colour", "red"}}}).field == "filter");
    CHECK(error("win_rate", {.from = "yesterday"}).field == "from");
    CHECK(error("win_rate", {.from = "2026-02-01", .to = "2026-01-01"}).field == "to");
    CHECK(error("open_sales", {.from = "1990-01-01", .to = "2026-02-01", .grain = "hour"}).field == "from");
}
