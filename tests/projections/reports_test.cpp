// Views that are worked out from other views' rows: funnel, forecast, sales report; and rejected commands.
#include "projections/forecast/forecast.hpp"
#include "projections/funnel/funnel.hpp"
#include "projections/registry.hpp"
#include "projections/rejections/rejections.hpp"
#include "projections/sales/sales.hpp"
#include "projections/sales_report/sales_report.hpp"
#include "tests/projections/sale_events.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace tidemark;
using namespace tidemark::tests;
namespace sales = projections::sales;
namespace funnel = projections::funnel;
namespace rejections = projections::rejections;

namespace {

constexpr std::int64_t day = 86'400'000'000;

// a: lead 4 days, offer 6 days, won. b: lead 2 days, offer, still there. c: lead 8 days, lost. d: lead, still there.
// What happened to b on the 5th was recorded on the 20th.
Story four_sales() {
    const auto ada = dims("ada", "north");
    const auto bob = dims("bob", "south", "p2");
    Story story;
    story.pipeline("direct", direct_pipeline(), at(2025, 12, 1));
    for (const auto& [id, d, cents] : {std::tuple{"a", ada, 100}, {"b", bob, 200}, {"c", bob, 400}, {"d", ada, 800}})
        story.sale(id, opened(d, eur(cents), at(2026, 1, 1)), at(2026, 1, 1));
    story.sale("a", moved(ada, "lead", "offer", eur(100), 4 * day), at(2026, 1, 5))
        .sale("b", moved(bob, "lead", "offer", eur(200), 4 * day), at(2026, 1, 5), {.recorded_at = at(2026, 1, 20)})
        .sale("c", lost(bob, v1::PRICE, eur(400), "lead", at(2026, 1, 1), at(2026, 1, 9), 8 * day), at(2026, 1, 9))
        .sale("a", won(ada, eur(110), eur(100), "offer", at(2026, 1, 1), at(2026, 1, 11), 6 * day), at(2026, 1, 11));
    return story;
}

struct SalesView {
    View view{sales::make()};
    explicit SalesView(const Story& story) { story.fold_into(view); }
    v1::Funnel funnel(funnel::Query query) const {
        query.tenant = "default";
        query.pipeline = "direct";
        return funnel::query_funnel(view, query).value();
    }
};

v1::Rejection rejection(std::string command, std::string code) {
    v1::Rejection r;
    r.set_command(std::move(command));
    r.set_code(std::move(code));
    return r;
}

}  // namespace

TEST_CASE("the funnel counts what stands in each stage and what passed through it", "[funnel]") {
    const SalesView f(four_sales());
    const auto funnel = f.funnel({});
    REQUIRE(funnel.stages_size() == 3);
    const auto& lead = funnel.stages(0);
    CHECK(lead.stage() == "lead");
    CHECK(lead.open() == 1);
    CHECK(lead.open_value(0).minor() == 800);
    CHECK(lead.entered() == 4);
    CHECK(lead.progressed() == 2);
    CHECK(lead.lost() == 1);
    CHECK(lead.conversion() == 0.5);
    CHECK(lead.mean_days() == Approx((4 + 4 + 8) / 3.0));
    CHECK(lead.median_days() == 4);
    const auto& offer = funnel.stages(1);
    CHECK(offer.open() == 1);
    CHECK(offer.won() == 1);
    CHECK(offer.conversion() == 0.5);
    CHECK(offer.mean_days() == 6);
    CHECK(funnel.stages(2).entered() == 0);
    CHECK_FALSE(funnel.stages(2).has_conversion());
    CHECK(funnel.won() == 1);
    CHECK(funnel.won_value(0).minor() == 110);
    CHECK(f.funnel({.owner = "bob"}).sales() == 2);
    CHECK(f.funnel({.region = "north"}).stages(0).entered() == 2);
    CHECK(f.funnel({.product = "p2"}).lost() == 1);
}

TEST_CASE("the funnel as of a moment tells what was true, or what was known", "[funnel]") {
    const SalesView f(four_sales());
    const auto was_true = f.funnel({.as_of = {sales::Clock::occurred, at(2026, 1, 10)}});
    CHECK(was_true.stages(0).open() == 1);
    CHECK(was_true.stages(1).open() == 2);
    CHECK(was_true.won() == 0);
    CHECK(was_true.lost() == 1);
    const auto was_known = f.funnel({.as_of = {sales::Clock::recorded, at(2026, 1, 10)}});
    CHECK(was_known.stages(0).open() == 2);
    CHECK(was_known.stages(1).open() == 1);
    CHECK(f.funnel({.as_of = {sales::Clock::occurred, at(2025, 12, 31)}}).sales() == 0);
    CHECK(f.funnel({.as_of = {sales::Clock::recorded, at(2026, 2, 1)}}).SerializeAsString() ==
          f.funnel({}).SerializeAsString());
}

TEST_CASE("a reopened sale's win no longer counts in the funnel", "[funnel]") {
    auto story = four_sales();
    story.sale("a", reopened(dims("ada", "north"), v1::WON, eur(110), "offer", at(2026, 1, 11), 10 * day),
               at(2026, 1, 15));
    const SalesView f(story);
    const auto funnel = f.funnel({});
    CHECK(funnel.won() == 0);
    CHECK(funnel.stages(1).open() == 2);
    CHECK(funnel.stages(1).progressed() == 0);
    CHECK(funnel.stages(1).entered() == 2);
    CHECK(f.funnel({.as_of = {sales::Clock::occurred, at(2026, 1, 12)}}).won() == 1);
}

TEST_CASE("a funnel is asked of a pipeline that exists", "[funnel]") {
    const SalesView f(four_sales());
    CHECK(funnel::query_funnel(f.view, {.tenant = "default", .pipeline = "none"}).error().not_found);
    CHECK(funnel::query_funnel(f.view, {.tenant = "other", .pipeline = "direct"}).error().not_found);
}

TEST_CASE("the forecast weighs open sales by category and month of expected close", "[forecast]") {
    const auto with_close = [](std::int64_t cents, std::int32_t close, v1::ForecastCategory category, std::int32_t bp) {
        auto e = opened(dims(), eur(cents), at(2026, 1, 1), "lead", bp);
        e.mutable_sale_opened()->set_expected_close(close);
        e.mutable_sale_opened()->set_forecast_category(category);
        return e;
    };
    auto story = four_sales();
    story.sale("e", with_close(1'001, date(2026, 3, 5), v1::COMMIT, 5'000), at(2026, 1, 1))
        .sale("f", with_close(1'001, date(2026, 3, 30), v1::COMMIT, 5'000), at(2026, 1, 1))
        .sale("g", with_close(5'000, date(2026, 3, 30), v1::OMITTED, 5'000), at(2026, 1, 1));
    const SalesView f(story);
    const auto forecast = projections::forecast::query_forecast(f.view, {.tenant = "default"});
    REQUIRE(forecast.by_category_size() == 3);
    CHECK(forecast.by_category(1).category() == v1::COMMIT);
    CHECK(forecast.by_category(1).value().minor() == 2'002);
    CHECK(forecast.by_category(1).weighted().minor() == 1'001);  // 500.5 twice: rounded once, at the end
    REQUIRE(forecast.by_month_size() == 2);
    CHECK(forecast.by_month(0).month().empty());
    CHECK(forecast.by_month(0).weighted().minor() == 180);  // b 200 x 50 %, d 800 x 10 %
    CHECK(forecast.by_month(1).month() == "2026-03");
    CHECK(forecast.total(0).value().minor() == 3'002);
    CHECK(projections::forecast::query_forecast(f.view, {.tenant = "default", .owner = "bob"}).total(0).sales() == 1);
}

TEST_CASE("the sales report says what was opened, won and lost by period and dimension", "[sales_report]") {
    const auto kpis = projections::kpi::Kpis::make().value();
    View view(projections::kpi::Kpis::projection(kpis));
    four_sales().fold_into(view);
    const auto report =
        projections::sales_report::query_report(view, *kpis, {.tenant = "default", .by = {"owner"}}).value();
    REQUIRE(report.rows_size() == 2);
    CHECK(report.rows(0).dims(0).value() == "ada");
    CHECK(report.rows(0).opened() == 2);
    CHECK(report.rows(0).opened_value().minor() == 900);
    CHECK(report.rows(0).won_value().minor() == 110);
    CHECK(report.rows(0).average_won_value().minor() == 110);
    CHECK(report.rows(0).win_rate() == 1);
    CHECK(report.rows(1).lost_value().minor() == 400);
    CHECK(report.rows(1).win_rate() == 0);
    CHECK_FALSE(report.rows(1).has_average_won_value());
    const auto days =
        projections::sales_report::query_report(view, *kpis, {.tenant = "default", .grain = "day"}).value();
    REQUIRE(days.rows_size() == 3);
    CHECK_FALSE(days.rows(0).has_win_rate());
    CHECK(days.rows(2).bucket() == "2026-01-11");
}

TEST_CASE("rejected commands are listed newest first, by actor, command and code, and counted", "[rejections]") {
    Story story;
    story.rejected("sale", "s1", rejection("WinSale", "SaleAlreadyClosed"), at(2026, 1, 1), {.actor = "ada"})
        .rejected("sale", "s2", rejection("WinSale", "SaleNotFound"), at(2026, 1, 2), {.actor = "bob"})
        .rejected("customer", "c1", rejection("ArchiveCustomer", "CustomerNotFound"), at(2026, 1, 3), {.actor = "ada"})
        .rejected("sale", "s3", rejection("WinSale", "SaleAlreadyClosed"), at(2026, 1, 4), {.tenant = "other"});
    View view(rejections::make());
    story.fold_into(view);
    const auto ids = [&](rejections::ListQuery query) {
        query.tenant = "default";
        std::string all;
        const auto answer = rejections::query_list(view, query).value();
        for (const auto& r : answer.rejections()) all += r.stream_id() + " ";
        return all;
    };
    CHECK(ids({}) == "c1 s2 s1 ");
    CHECK(ids({.actor = "ada"}) == "c1 s1 ");
    CHECK(ids({.command = "WinSale"}) == "s2 s1 ");
    CHECK(ids({.code = "SaleAlreadyClosed"}) == "s1 ");
    CHECK(ids({.actor = "ada", .command = "WinSale"}) == "s1 ");
    CHECK(ids({.actor = "nobody"}).empty());

    rejections::ListQuery paged{.tenant = "default", .page = {.limit = 2}};
    paged.page.cursor = rejections::query_list(view, paged)->next_cursor();
    CHECK(ids(paged) == "s1 ");

    const auto counts = rejections::query_counts(view, "default");
    CHECK(counts.total() == 3);
    REQUIRE(counts.by_command_size() == 2);
    CHECK(counts.by_command(1).value() == "WinSale");
    CHECK(counts.by_command(1).count() == 2);
}

TEST_CASE("every view is the same in whatever order the partitions are read", "[registry]") {
    const auto kpis = projections::kpi::Kpis::make().value();
    auto story = four_sales();
    story.rejected("sale", "s1", rejection("WinSale", "SaleAlreadyClosed"), at(2026, 1, 1));
    std::set<std::string> names;
    for (const auto& projection : projections::all(kpis)) {
        INFO(projection.name);
        CHECK(names.insert(projection.name).second);
        View told(projection);
        story.fold_into(told);
        for (unsigned seed = 1; seed <= 5; ++seed) {
            View view(projection);
            story.fold_shuffled_into(view, seed);
            CHECK(view.dump() == told.dump());
        }
    }
    CHECK(names.size() == 8);
}
