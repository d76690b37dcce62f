#include "projections/deliveries/deliveries.hpp"

#include "projections/kpi/kpi.hpp"
#include "tests/projections/delivery_events.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace tidemark;
using namespace tidemark::tests;
namespace deliveries = projections::deliveries;
namespace kpi = projections::kpi;

namespace {

// On the evening of the 5th, five days of ten in: `build` (600 of 2,400 minutes) is done, after 720 minutes; 400.00 of
// 1,000.00 spent.
Story half_way() {
    Story story;
    story.delivery("d1", planned(delivery_dims(), a_plan()), at(2025, 12, 20))
        .delivery("d1", started(), at(2026, 1, 1))
        .delivery("d1", worked("build", 720), at(2026, 1, 3))
        .delivery("d1", task_completed("build"), at(2026, 1, 3))
        .delivery("d1", cost(eur(15'000)), at(2026, 1, 3))
        .delivery("d1", cost(eur(25'000)), at(2026, 1, 4))
        .delivery("d1", milestone_hit("half", date(2026, 1, 5), date(2026, 1, 4)), at(2026, 1, 4))
        .delivery("d1", risk_raised("r1", 2'500, eur(40'000)), at(2026, 1, 4))
        .delivery("d1", risk_raised("r2", 5'000, eur(10'000)), at(2026, 1, 4))
        .delivery("d1", risk_closed("r2"), at(2026, 1, 5));
    return story;
}

v1::DeliveryBoardEntry d1(const Story& story, events::Micros now, const std::string& zone = "UTC") {
    View view(deliveries::make());
    story.fold_into(view);
    return deliveries::query_one(view, "default", "d1", now, kpi::Calendar::make({.zone = zone}).value()).value();
}

}  // namespace

TEST_CASE("the figures of a delivery half-way are as worked out by hand", "[deliveries]") {
    const auto e = d1(half_way(), at(2026, 1, 6));  // exactly five days
    CHECK(e.work_unit() == v1::PLANNED_MINUTES);
    CHECK(e.completion() == Approx(0.25));  // 600 / 2,400
    // Actual: W 600, T 5, C 400: P = 120 a day, R = 1.5 a euro, risk = 48,000.
    CHECK(e.actual().work() == 600);
    CHECK(e.actual().time_days() == 5);
    CHECK(e.actual().cost().minor() == 40'000);
    CHECK(e.actual().progress() == Approx(120));
    CHECK(e.actual().result() == Approx(1.5));
    CHECK(e.actual().risk() == Approx(48'000));
    // Planned by now: W 1,200, P = 240 a day; R = 2,400 / 1,000; risk = 240,000.
    CHECK(e.planned().progress() == Approx(240));
    CHECK(e.planned().result() == Approx(2.4));
    CHECK(e.planned().risk() == Approx(240'000));
    // EV 250, PV 500, AC 400: SPI 0.5, CPI 0.625, EAC 1,600.
    const auto& value = e.earned_value();
    CHECK(value.bac().minor() == 100'000);
    CHECK(value.ev().minor() == 25'000);
    CHECK(value.pv().minor() == 50'000);
    CHECK(value.ac().minor() == 40'000);
    CHECK(value.spi() == Approx(0.5));
    CHECK(value.cpi() == Approx(0.625));
    CHECK(value.eac().minor() == 160'000);
    CHECK(value.spi() == Approx(e.actual().progress() / e.planned().progress()));
    CHECK(value.cpi() == Approx(e.actual().result() / e.planned().result()));
    // Project: 100 a day x 10 days; 1,200 minutes a task x 2; 1,000 x 20 hours.
    CHECK(e.project_planned().budget().minor() == 100'000);
    CHECK(e.project_planned().time_minutes() == 2'400);
    CHECK(e.project_planned().risk() == Approx(20'000));
    // As it goes: 80 a day x 10 days = 800; 720 minutes a task x 2; 800 x 12 hours.
    CHECK(e.project_actual().budget().minor() == 80'000);
    CHECK(e.project_actual().time_minutes() == 1'440);
    CHECK(e.project_actual().risk() == Approx(9'600));
    REQUIRE(e.expected_risk_size() == 1);
    CHECK(e.expected_risk(0).minor() == 10'000);  // r1 only: 0.25 x 400.00
    CHECK(e.milestones_hit() == 1);
    CHECK(e.milestones_on_time() == 1);
    CHECK(e.on_time());
    CHECK(e.on_budget());
    CHECK_FALSE(e.has_on_quality());
}

TEST_CASE("a row of a view that does not parse is an error, not an empty row", "[deliveries]") {
    class Torn final : public projections::ViewReader {
        void get(std::uint32_t, std::string_view, const std::function<void(std::string_view)>& visit) const override {
            visit("\xff");
        }
        void scan(std::uint32_t, std::string_view, std::string_view,
                  const std::function<bool(std::string_view, std::string_view)>&) const override {}
        void scan_back(std::uint32_t, std::string_view, std::string_view,
                       const std::function<bool(std::string_view, std::string_view)>&) const override {}
    };
    CHECK_THROWS(deliveries::query_one(Torn(), "default", "d1", at(2026, 1, 6), kpi::Calendar()));
}

TEST_CASE("a delivery without a budget is neither on budget nor over it", "[deliveries]") {
    auto plan = a_plan();
    plan.clear_budget();
    Story story;
    story.delivery("d1", planned(delivery_dims(), plan), at(2025, 12, 20))
        .delivery("d1", started(), at(2026, 1, 1))
        .delivery("d1", cost(eur(15'000)), at(2026, 1, 3));
    const auto e = d1(story, at(2026, 1, 6));
    CHECK_FALSE(e.delivery().has_budget());
    CHECK_FALSE(e.has_on_budget());
    CHECK_FALSE(e.earned_value().has_bac());
    CHECK_FALSE(e.planned().has_cost());
    CHECK(e.actual().cost().minor() == 15'000);

    story.delivery("d1", rebaselined(a_plan()), at(2026, 1, 5));
    CHECK(d1(story, at(2026, 1, 6)).on_budget());
    story.delivery("d1", rebaselined(plan), at(2026, 1, 5));
    CHECK_FALSE(d1(story, at(2026, 1, 6)).has_on_budget());
}

TEST_CASE("a resource that is planned and then assigned to two tasks is one resource", "[deliveries]") {
    auto plan = a_plan();
    plan.add_resources()->set_id("ada");
    plan.add_resources()->set_id("bob");
    Story story;
    story.delivery("d1", planned(delivery_dims(), plan), at(2025, 12, 20));
    for (const auto& [id, task] : {std::pair{"ada", "build"}, {"ada", "migrate"}, {"eve", "build"}}) {
        v1::DeliveryEvent assigned;
        assigned.mutable_resource_assigned()->mutable_resource()->set_id(id);
        assigned.mutable_resource_assigned()->set_task_id(task);
        story.delivery("d1", assigned, at(2026, 1, 1));
    }
    CHECK(d1(story, at(2026, 1, 6)).delivery().resources() == 3);
}

TEST_CASE("planned time passes from the plan's first day, whether the work has begun or not", "[deliveries]") {
    Story story;
    story.delivery("d1", planned(delivery_dims(), a_plan()), at(2025, 12, 20));
    const auto waiting = d1(story, at(2026, 1, 6));  // five of ten days, and nobody has begun
    CHECK(waiting.earned_value().pv().minor() == 50'000);
    CHECK(waiting.earned_value().spi() == 0);
    story.delivery("d1", started(), at(2026, 1, 5)).delivery("d1", task_completed("build"), at(2026, 1, 5));
    const auto late = d1(story, at(2026, 1, 6));
    CHECK(late.earned_value().pv().minor() == 50'000);
    CHECK(late.earned_value().ev().minor() == 25'000);
    CHECK(late.earned_value().spi() == Approx(0.5));
    CHECK(late.earned_value().spi() == Approx(late.actual().progress() / late.planned().progress()));
    CHECK(d1(story, at(2026, 3, 1)).earned_value().pv().minor() == 100'000);
}

TEST_CASE("a milestone is overdue when its day is over where the tenant is", "[deliveries]") {
    Story story;
    story.delivery("d1", planned(delivery_dims(), a_plan()), at(2025, 12, 20))
        .delivery("d1", started(), at(2025, 12, 31, 16, 0));
    // 2026-01-05T17:00Z is 01:00 on the 6th in Shanghai and noon of the 5th in New York.
    const auto evening = at(2026, 1, 5, 17, 0);
    CHECK(d1(story, evening, "UTC").milestones_overdue() == 0);
    CHECK(d1(story, evening, "Asia/Shanghai").milestones_overdue() == 1);
    CHECK(d1(story, at(2026, 1, 6, 1, 0), "America/New_York").milestones_overdue() == 0);
    CHECK(d1(story, at(2026, 1, 5, 16, 0), "Asia/Shanghai").earned_value().pv().minor() == 50'000);
    CHECK(d1(story, at(2026, 1, 10, 17, 0), "UTC").milestones_overdue() == 1);
    CHECK(d1(story, at(2026, 1, 10, 17, 0), "Asia/Shanghai").milestones_overdue() == 2);
}

TEST_CASE("what would divide by zero is absent", "[deliveries]") {
    Story story;
    story.delivery("d1", planned(delivery_dims(), a_plan()), at(2025, 12, 20));
    const auto e = d1(story, at(2025, 12, 25));
    CHECK_FALSE(e.actual().has_progress());
    CHECK_FALSE(e.actual().has_result());
    CHECK_FALSE(e.actual().has_risk());
    CHECK_FALSE(e.earned_value().has_spi());
    CHECK_FALSE(e.earned_value().has_cpi());
    CHECK_FALSE(e.earned_value().has_eac());
    CHECK_FALSE(e.project_actual().has_cost_per_day());
    CHECK(e.earned_value().bac().minor() == 100'000);
    CHECK(e.on_time());
}

TEST_CASE("milestones are the work of a delivery whose tasks have no planned minutes", "[deliveries]") {
    auto plan = a_plan();
    plan.clear_tasks();
    Story story;
    story.delivery("d1", planned(delivery_dims(), plan), at(2025, 12, 20))
        .delivery("d1", started(), at(2026, 1, 1))
        .delivery("d1", milestone_hit("half", date(2026, 1, 5), date(2026, 1, 7)), at(2026, 1, 7));
    const auto e = d1(story, at(2026, 1, 11));
    CHECK(e.work_unit() == v1::MILESTONES);
    CHECK(e.completion() == Approx(0.5));
    CHECK(e.milestones_on_time() == 0);
    CHECK(e.milestones_overdue() == 1);  // `whole`, due on the 10th
    CHECK(e.delivery().milestones(1).overdue());
    CHECK_FALSE(e.on_time());
}

TEST_CASE("flags say whether a delivery is on time, on budget and on quality", "[deliveries]") {
    auto story = half_way();
    story.delivery("d1", milestone_hit("whole", date(2026, 1, 10), date(2026, 1, 11)), at(2026, 1, 11))
        .delivery("d1", delivered(date(2026, 1, 11), date(2026, 1, 10)), at(2026, 1, 11))
        .delivery("d1", cost(eur(70'000)), at(2026, 1, 12))
        .delivery("d1", reviewed(v1::USER_REVIEW, v1::FAILED), at(2026, 1, 12));
    const auto e = d1(story, at(2026, 2, 1));
    CHECK_FALSE(e.on_time());
    CHECK_FALSE(e.on_budget());
    CHECK_FALSE(e.on_quality());
    CHECK(e.actual().time_days() == 11);  // the clock stopped with the day of delivery
    story.delivery("d1", reviewed(v1::USER_REVIEW, v1::PASSED), at(2026, 1, 20));
    CHECK(d1(story, at(2026, 2, 1)).on_quality());
}

TEST_CASE("a delivery told by days counts its last day: handed over on the planned day, SPI is 1", "[deliveries]") {
    // As the rows of a file tell it: every event at midnight of its day, planned and delivered within the same days.
    // One milestone is the work; T is 1 to 10 January, P = 0.1 a day; PV = EV = 1,000.
    auto plan = a_plan();
    plan.clear_tasks();
    plan.mutable_milestones()->DeleteSubrange(0, 1);
    v1::DeliveryEvent closed;
    *closed.mutable_delivery_closed()->mutable_dims() = delivery_dims();
    const auto told = [&](unsigned start, unsigned end) {
        auto from_start = plan;
        from_start.set_start_date(date(2026, 1, start));
        Story story;
        story.delivery("d1", planned(delivery_dims(), from_start), at(2026, 1, start))
            .delivery("d1", started(), at(2026, 1, start))
            .delivery("d1", milestone_hit("whole", date(2026, 1, 10), date(2026, 1, end)), at(2026, 1, end))
            .delivery("d1", delivered(date(2026, 1, end), date(2026, 1, 10)), at(2026, 1, end))
            .delivery("d1", closed, at(2026, 1, end));
        return story;
    };
    const auto exact = d1(told(1, 10), at(2026, 3, 1));
    CHECK(exact.earned_value().spi() == Approx(1));
    CHECK(exact.actual().time_days() == 10);
    CHECK(exact.actual().progress() == Approx(0.1));
    CHECK(exact.actual().progress() == Approx(exact.planned().progress()));
    const auto within_a_day = d1(told(10, 10), at(2026, 3, 1));  // T was nothing, and P and SPI absent
    CHECK(within_a_day.earned_value().spi() == Approx(1));
    CHECK(within_a_day.actual().progress() == Approx(1));
    CHECK(d1(told(1, 8), at(2026, 3, 1)).earned_value().spi() == Approx(1.25));     // PV 800
    CHECK(d1(told(1, 12), at(2026, 3, 1)).actual().progress() == Approx(1. / 12));  // late: PV is all of it, SPI 1

    // While the day lasts, the figures are what they will be at its end; and the day is the tenant's.
    CHECK(d1(told(1, 10), at(2026, 1, 10, 9)).earned_value().spi() == Approx(1));
    Story shanghai;
    shanghai.delivery("d1", planned(delivery_dims(), plan), at(2025, 12, 31, 16))
        .delivery("d1", started(), at(2025, 12, 31, 16))
        .delivery("d1", milestone_hit("whole", date(2026, 1, 10), date(2026, 1, 10)), at(2026, 1, 9, 16))
        .delivery("d1", delivered(date(2026, 1, 10), date(2026, 1, 10)), at(2026, 1, 9, 16))
        .delivery("d1", closed, at(2026, 1, 9, 16));
    CHECK(d1(shanghai, at(2026, 3, 1), "Asia/Shanghai").earned_value().spi() == Approx(1));
    CHECK(d1(shanghai, at(2026, 3, 1), "Asia/Shanghai").actual().time_days() == 10);
}

TEST_CASE("a new baseline keeps what was done", "[deliveries]") {
    auto plan = a_plan();
    plan.set_end_date(date(2026, 1, 20));
    plan.mutable_tasks(1)->set_planned_minutes(600);
    *plan.mutable_budget() = eur(200'000);
    auto story = half_way();
    story.delivery("d1", rebaselined(plan), at(2026, 1, 5));
    const auto e = d1(story, at(2026, 1, 6));
    CHECK(e.completion() == Approx(0.5));
    CHECK(e.delivery().baseline_number() == 2);
    CHECK(e.delivery().milestones(0).hit());
    CHECK(e.earned_value().ev().minor() == 100'000);
    CHECK(e.earned_value().pv().minor() == 50'000);
}

TEST_CASE("the board is filtered and paged", "[deliveries]") {
    Story story;
    for (int i = 0; i < 7; ++i)
        story.delivery("d" + std::to_string(i), planned(delivery_dims("acme", i % 2 == 0 ? "ada" : "bob"), a_plan()),
                       at(2025, 12, 20));
    story.delivery("d3", started(), at(2026, 1, 1));
    View view(deliveries::make());
    story.fold_into(view);
    const auto count = [&](deliveries::BoardQuery query) {
        query.tenant = "default";
        query.now = at(2026, 1, 6);
        return deliveries::query_board(view, query, kpi::Calendar()).value().deliveries_size();
    };
    CHECK(count({}) == 7);
    CHECK(count({.owner = "bob"}) == 3);
    CHECK(count({.status = v1::DeliveryRow::RUNNING}) == 1);
    CHECK(count({.on_time = true}) == 0);  // the first milestone was due on the 5th
    CHECK(count({.page = {.limit = 5}}) == 5);
}

namespace {

struct DeliveryKpis {
    std::shared_ptr<const kpi::Kpis> kpis = kpi::Kpis::make().value();
    View view{kpi::Kpis::projection(kpis)};
    explicit DeliveryKpis(const Story& story) { story.fold_into(view); }
    // "2026-01 acme: 0.5 | ..." with money in minor units.
    std::string told(std::string_view name, kpi::SeriesQuery query = {}) const {
        query.tenant = "default";
        const auto series = kpis->series(view, name, query);
        if (!series) FAIL(series.error().field + ": " + series.error().what);
        std::ostringstream all;
        for (const auto& point : series->points()) {
            all << (all.tellp() > 0 ? " | " : "") << point.bucket();
            for (const auto& dim : point.dims()) all << " " << dim.value();
            all << ": ";
            if (point.has_money()) {
                all << point.money().minor();
            } else if (point.has_value()) {
                all << point.value();
            } else {
                all << "-";
            }
        }
        return all.str();
    }
};

v1::DeliveryEvent closed() {
    v1::DeliveryEvent e;
    *e.mutable_delivery_closed()->mutable_dims() = delivery_dims();
    return e;
}

v1::DeliveryEvent cancelled() {
    v1::DeliveryEvent e;
    e.mutable_delivery_cancelled()->set_reason("no longer wanted");
    *e.mutable_delivery_cancelled()->mutable_dims() = delivery_dims();
    return e;
}

// Two deliveries of a_plan(): ten days, 1,000.00, 600 + 1,800 minutes, and a planned risk of 10 % x 500.00.
//   d1, Ada's: all done in 2,400 minutes, 800.00 spent, handed over on the planned 10 January
//   d2, Bob's: 600 of 2,400 minutes done in 720, 400.00 spent, handed over on 8 January
Story two_deliveries() {
    auto plan = a_plan();
    auto& risk = *plan.add_risks();
    risk.set_id("r0");
    risk.set_category(v1::MARKET_RISK);
    risk.set_probability_bp(1'000);
    *risk.mutable_impact() = eur(50'000);
    Story story;
    story.delivery("d1", planned(delivery_dims("acme", "ada"), plan), at(2025, 12, 20))
        .delivery("d2", planned(delivery_dims("acme", "bob"), plan), at(2025, 12, 20));
    for (const auto* id : {"d1", "d2"})
        story.delivery(id, started(), at(2026, 1, 1)).delivery(id, task_completed("build"), at(2026, 1, 3));
    story.delivery("d1", task_completed("migrate"), at(2026, 1, 9))
        .delivery("d1", worked("build", 2'400), at(2026, 1, 9))
        .delivery("d2", worked("build", 720), at(2026, 1, 7))
        .delivery("d1", cost(eur(80'000)), at(2026, 1, 9))
        .delivery("d2", cost(eur(40'000)), at(2026, 1, 7))
        .delivery("d1", milestone_hit("half", date(2026, 1, 5), date(2026, 1, 4)), at(2026, 1, 4))
        .delivery("d1", risk_raised("r1", 2'500, eur(40'000)), at(2026, 1, 4))
        .delivery("d1", risk_closed("r0"), at(2026, 1, 5))
        .delivery("d1", delivered(date(2026, 1, 10), date(2026, 1, 10)), at(2026, 1, 10))
        .delivery("d2", delivered(date(2026, 1, 8), date(2026, 1, 10)), at(2026, 1, 8));
    return story;
}

}  // namespace

TEST_CASE("the delivery formulas are KPIs over sums, as worked out by hand", "[deliveries][kpi]") {
    const DeliveryKpis f(two_deliveries());
    // Handed over:       W      T    C      BAC   PV    EV
    //   d1             2,400   10   800   1,000 1,000 1,000
    //   d2               600    8   400   1,000   800   250
    //   both           3,000   18 1,200   2,000 1,800 1,250
    CHECK(f.told("delivery_progress") == "2026-01: 166.667");  // 3,000 / 18
    CHECK(f.told("delivery_progress", {.by = {"owner"}}) == "2026-01 ada: 240 | 2026-01 bob: 75");
    CHECK(f.told("delivery_progress", {.grain = "day"}) == "2026-01-08: 75 | 2026-01-10: 240");
    CHECK(f.told("delivery_result") == "2026-01: 2.5");    // 3,000 / 1,200
    CHECK(f.told("delivery_risk") == "2026-01: 200000");   // 166.667 x 1,200
    CHECK(f.told("delivery_spi") == "2026-01: 0.694444");  // 1,250 / 1,800
    CHECK(f.told("delivery_spi", {.by = {"owner"}}) == "2026-01 ada: 1 | 2026-01 bob: 0.3125");
    CHECK(f.told("delivery_cpi") == "2026-01: 1.04167");  // 1,250 / 1,200
    CHECK(f.told("delivery_eac") == "2026-01: 192000");   // 2,000 / 1.04167
    // Plans: 2,000 over 20 days; 4,800 minutes of 4 tasks, 1,200 each; 2,000 x 20 hours.
    CHECK(f.told("project_budget") == "2026-01: 200000");
    CHECK(f.told("project_cost_per_day") == "2026-01: 10000");
    CHECK(f.told("project_time") == "2026-01: 4800");
    CHECK(f.told("project_risk") == "2026-01: 40000");
    // As it went: 1,200 / 18 x 20 days; 3,120 / 3 x 4 tasks; 1,333.33 x 1,040 / 60.
    CHECK(f.told("project_budget_actual") == "2026-01: 133333");
    CHECK(f.told("project_time_actual") == "2026-01: 4160");
    CHECK(f.told("project_risk_actual") == "2026-01: 23111.1");
    // Planned 50 + 50; in January one of them is closed, and 0.25 x 400 is raised.
    CHECK(f.told("delivery_expected_risk") == "2025-12: 10000 | 2026-01: 15000");
    CHECK(f.told("delivery_expected_risk", {.by = {"category"}}) ==
          "2025-12 MARKET_RISK: 10000 | 2026-01 MARKET_RISK: 5000 | 2026-01 TECHNOLOGY_RISK: 10000");
    CHECK(f.told("delivery_open_risks") == "2025-12: 2 | 2026-01: 2");
    // The same as the board says of each.
    View board(deliveries::make());
    two_deliveries().fold_into(board);
    const auto d2 = deliveries::query_one(board, "default", "d2", at(2026, 3, 1), kpi::Calendar()).value();
    CHECK(d2.actual().progress() == Approx(75));
    CHECK(d2.earned_value().spi() == Approx(0.3125));
    CHECK(d2.expected_risk(0).minor() == 5'000);
}

TEST_CASE("what comes in after the hand-over restates it; what is over bears no risk", "[deliveries][kpi]") {
    auto story = two_deliveries();
    story.delivery("d1", cost(eur(20'000)), at(2026, 2, 3)).delivery("d1", closed(), at(2026, 2, 5));
    const DeliveryKpis f(story);
    CHECK(f.told("delivery_cpi", {.by = {"owner"}}) == "2026-01 ada: 1 | 2026-01 bob: 0.625");  // 1,000 / 1,000
    CHECK(f.told("delivery_result", {.by = {"owner"}}) == "2026-01 ada: 2.4 | 2026-01 bob: 1.5");
    CHECK(f.told("delivery_expected_risk") == "2025-12: 10000 | 2026-01: 15000 | 2026-02: 5000");
    View board(deliveries::make());
    story.fold_into(board);
    CHECK(deliveries::query_one(board, "default", "d1", at(2026, 3, 1), kpi::Calendar())->expected_risk_size() == 0);
}

TEST_CASE("a plan counts where it begins: a new baseline moves it, cancelling takes it back", "[deliveries][kpi]") {
    auto later = a_plan();
    later.set_start_date(date(2026, 3, 1));
    later.set_end_date(date(2026, 3, 20));
    *later.mutable_budget() = eur(150'000);
    auto story = two_deliveries();
    story.delivery("d3", planned(delivery_dims(), a_plan()), at(2025, 12, 20))
        .delivery("d3", rebaselined(later), at(2025, 12, 22));
    CHECK(DeliveryKpis(story).told("project_budget") == "2026-01: 200000 | 2026-03: 150000");
    CHECK(DeliveryKpis(story).told("project_cost_per_day") == "2026-01: 10000 | 2026-03: 7500");
    story.delivery("d3", cancelled(), at(2026, 1, 2));
    CHECK(DeliveryKpis(story).told("project_budget") == "2026-01: 200000");
    CHECK(DeliveryKpis(story).told("delivery_spi") == "2026-01: 0.694444");
}

TEST_CASE("milestones are the work of deliveries without planned minutes, in KPIs of their own", "[deliveries][kpi]") {
    auto plan = a_plan();
    plan.clear_tasks();
    auto story = two_deliveries();
    story.delivery("d3", planned(delivery_dims(), plan), at(2025, 12, 20))
        .delivery("d3", started(), at(2026, 1, 1))
        .delivery("d3", cost(eur(50'000)), at(2026, 1, 2))
        .delivery("d3", milestone_hit("half", date(2026, 1, 5), date(2026, 1, 5)), at(2026, 1, 5))
        .delivery("d3", delivered(date(2026, 1, 5), date(2026, 1, 10)), at(2026, 1, 5));
    const DeliveryKpis f(story);
    CHECK(f.told("delivery_progress") == "2026-01: 166.667");
    CHECK(f.told("delivery_progress_milestones") == "2026-01: 0.2");  // one in five days
    CHECK(f.told("delivery_result_milestones") == "2026-01: 0.002");  // of 500.00
    CHECK(f.told("delivery_risk_milestones") == "2026-01: 100");
    CHECK(f.told("delivery_spi") == "2026-01: 0.76087");  // (1,250 + 500) / (1,800 + 500)
}

TEST_CASE("a milestone that is due and never hit is not on time", "[deliveries][kpi]") {
    // Due on 5 and 10 January; the first is hit on the 4th, the other one never.
    auto story = half_way();
    CHECK(DeliveryKpis(story).told("on_time_delivery") == "2026-01: 0.5");
    CHECK(DeliveryKpis(story).told("on_time_of_hit") == "2026-01: 1");
    CHECK(DeliveryKpis(story).told("on_time_delivery", {.to = "2026-01-07", .grain = "day"}) == "2026-01-05: 1");

    // A new baseline puts the other one off to February: there it is due, and hit in time.
    auto plan = a_plan();
    plan.mutable_milestones(1)->set_baseline_date(date(2026, 2, 10));
    auto moved = story;
    moved.delivery("d1", rebaselined(plan), at(2026, 1, 20));
    CHECK(DeliveryKpis(moved).told("on_time_delivery") == "2026-01: 1 | 2026-02: 0");
    moved.delivery("d1", milestone_hit("whole", date(2026, 2, 10), date(2026, 2, 9)), at(2026, 2, 9));
    CHECK(DeliveryKpis(moved).told("on_time_delivery") == "2026-01: 1 | 2026-02: 1");

    // A baseline without it: it is due no more.
    auto shorter = a_plan();
    shorter.mutable_milestones()->RemoveLast();
    auto dropped = story;
    dropped.delivery("d1", rebaselined(shorter), at(2026, 1, 20));
    CHECK(DeliveryKpis(dropped).told("milestones_due") == "2026-01: 1");

    // Cancelled before it was due, it is due no more; after that day it stays missed.
    auto early = story, late = story;
    early.delivery("d1", cancelled(), at(2026, 1, 9));
    late.delivery("d1", cancelled(), at(2026, 1, 12));
    CHECK(DeliveryKpis(early).told("on_time_delivery") == "2026-01: 1");
    CHECK(DeliveryKpis(late).told("on_time_delivery") == "2026-01: 0.5");
}

TEST_CASE("the delivery KPIs follow from milestones, hand-overs, work and cost", "[deliveries][kpi]") {
    auto story = half_way();
    story.delivery("d1", milestone_hit("whole", date(2026, 1, 10), date(2026, 1, 14)), at(2026, 1, 14))
        .delivery("d1", delivered(date(2026, 1, 14), date(2026, 1, 10)), at(2026, 1, 14));
    const auto kpis = kpi::Kpis::make().value();
    View view(kpi::Kpis::projection(kpis));
    story.fold_into(view);
    const auto value = [&](std::string_view name) {
        return kpis->series(view, name, {.tenant = "default", .from = "2026-01-01"})->points(0);
    };
    CHECK(value("on_time_delivery").value() == 0.5);
    CHECK(value("milestones_late").value() == 1);
    CHECK(value("milestone_slippage_mean").value() == 1.5);  // (-1 + 4) / 2
    CHECK(value("milestone_slippage_median").value() == Approx(-1).epsilon(0.01));
    CHECK(value("delivered_on_time").value() == 0);
    CHECK(value("work_minutes").value() == 720);
    CHECK(value("delivery_cost").money().minor() == 40'000);
}
