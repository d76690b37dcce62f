#include "projections/sales/sales.hpp"

#include "projections/sales/timeline.hpp"
#include "tests/projections/sale_events.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::tests;
namespace sales = projections::sales;

namespace {

constexpr std::int64_t day = 86'400'000'000;

// s1: lead on 1 January, offer on the 11th, won on the 31st.  s2: lead on 5 January, lost on the 6th, reopened on the
// 8th.
Story two_sales() {
    const auto d = dims();
    const auto e = dims("bob", "south", "p2", "zhang");
    Story story;
    story.pipeline("direct", direct_pipeline(), at(2025, 12, 1))
        .sale("s1", opened(d, eur(10'000), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s2", opened(e, eur(5'000), at(2026, 1, 5)), at(2026, 1, 5))
        .sale("s2", lost(e, v1::PRICE, eur(5'000), "lead", at(2026, 1, 5), at(2026, 1, 6), day), at(2026, 1, 6))
        .sale("s2", reopened(e, v1::LOST, eur(5'000), "lead", at(2026, 1, 6), day), at(2026, 1, 8))
        .sale("s1", moved(d, "lead", "offer", eur(10'000), 10 * day), at(2026, 1, 11))
        .sale("s1", won(d, eur(9'000), eur(10'000), "offer", at(2026, 1, 1), at(2026, 1, 31), 20 * day),
              at(2026, 1, 31));
    return story;
}

std::string ids(const v1::SaleList& list) {
    std::string all;
    for (const auto& s : list.sales()) all.append(all.empty() ? "" : " ").append(s.id());
    return all;
}

}  // namespace

TEST_CASE("a sale's row says how it stands now", "[sales]") {
    View view(sales::make());
    two_sales().fold_into(view);
    const auto s1 = sales::query_one(view, "default", "s1").value();
    CHECK(s1.status() == v1::WON);
    CHECK(s1.amount().minor() == 9'000);
    CHECK(s1.opened_amount().minor() == 10'000);
    CHECK(s1.stage() == "offer");
    CHECK(s1.closed_at() == at(2026, 1, 31));
    CHECK(s1.version() == 3);
    const auto s2 = sales::query_one(view, "default", "s2").value();
    CHECK(s2.status() == v1::OPEN);
    CHECK(s2.closed_at() == 0);
    CHECK(s2.loss_reason() == v1::LOSS_REASON_UNSPECIFIED);
    CHECK_FALSE(sales::query_one(view, "default", "s3"));
}

TEST_CASE("sales are listed by status, owner, region, pipeline, stage, customer and product", "[sales]") {
    View view(sales::make());
    two_sales().fold_into(view);
    const auto listed = [&](sales::ListQuery query) {
        query.tenant = "default";
        return ids(sales::query_list(view, query).value());
    };
    CHECK(listed({}) == "s1 s2");
    CHECK(listed({.status = v1::WON}) == "s1");
    CHECK(listed({.owner = "bob"}) == "s2");
    CHECK(listed({.region = "north"}) == "s1");
    CHECK(listed({.pipeline = "direct"}) == "s1 s2");
    CHECK(listed({.stage = "lead"}) == "s2");
    CHECK(listed({.customer = "acme"}) == "s1");
    CHECK(listed({.product = "p3"}).empty());
}

TEST_CASE("the sales of a customer are listed in pages, filtered like all others", "[sales]") {
    Story story;
    for (const auto* id : {"a", "b", "c", "d", "e"})
        story.sale(id, opened(dims(*id == 'c' ? "bob" : "ada", "north", "p1", "acme"), eur(100), at(2026, 1, 1)),
                   at(2026, 1, 1));
    story.sale("bb", opened(dims("ada", "north", "p1", "acme2"), eur(100), at(2026, 1, 1)), at(2026, 1, 1));
    v1::SaleEvent moved_away;
    *moved_away.mutable_sale_reassigned()->mutable_from() = dims("ada", "north", "p1", "acme");
    *moved_away.mutable_sale_reassigned()->mutable_to() = dims("ada", "north", "p1", "acme2");
    story.sale("e", moved_away, at(2026, 1, 2));
    View view(sales::make());
    story.fold_into(view);

    sales::ListQuery query{.tenant = "default", .customer = "acme", .page = {.limit = 2}};
    auto page = sales::query_list(view, query).value();
    CHECK(ids(page) == "a b");
    query.page.cursor = page.next_cursor();
    page = sales::query_list(view, query).value();
    CHECK(ids(page) == "c d");
    CHECK(page.next_cursor().empty());
    CHECK(ids(sales::query_list(view, {.tenant = "default", .owner = "bob", .customer = "acme"}).value()) == "c");
    CHECK(ids(sales::query_list(view, {.tenant = "default", .customer = "acme2"}).value()) == "bb e");
    CHECK(ids(sales::query_list(view, {.tenant = "other", .customer = "acme"}).value()).empty());
}

TEST_CASE("the history of a sale says the time in every stage, the running one up to now", "[sales]") {
    View view(sales::make());
    two_sales().fold_into(view);
    const auto h1 = sales::query_history(view, "default", "s1", at(2026, 3, 1)).value();
    REQUIRE(h1.visits_size() == 2);
    CHECK(h1.visits(0).time_in_stage_us() == 10 * day);
    CHECK(h1.visits(0).exit() == v1::MOVED_FORWARD);
    CHECK(h1.visits(1).time_in_stage_us() == 20 * day);
    CHECK(h1.visits(1).exit() == v1::WON_FROM);
    CHECK(h1.moments_size() == 3);

    const auto h2 = sales::query_history(view, "default", "s2", at(2026, 1, 9)).value();
    REQUIRE(h2.visits_size() == 2);
    CHECK(h2.visits(0).taken_back());
    CHECK(h2.visits(0).exit() == v1::LOST_FROM);
    CHECK(h2.visits(1).exit() == v1::STILL_IN);
    CHECK(h2.visits(1).time_in_stage_us() == 1 * day);
    REQUIRE(h2.stages_size() == 1);
    CHECK(h2.stages(0).time_us() == 2 * day);
    CHECK(h2.stages(0).visits() == 2);
}

namespace {

v1::SaleEvent amount_changed(std::int64_t from, std::int64_t to) {
    v1::SaleEvent e;
    *e.mutable_sale_amount_changed()->mutable_dims() = dims();
    *e.mutable_sale_amount_changed()->mutable_from() = eur(from);
    *e.mutable_sale_amount_changed()->mutable_to() = eur(to);
    return e;
}

std::vector<v1::SaleMoment> timeline_of(const Story& story, const std::string& id, sales::AsOf as_of) {
    View view(sales::make());
    story.fold_into(view);
    std::vector<v1::SaleMoment> found;
    sales::each_history(view, "default", [&](const v1::SaleHistory& history) {
        if (history.id() == id) found = sales::timeline(history, as_of);
        return true;
    });
    return found;
}

}  // namespace

TEST_CASE("a wrong amount is put right from when it was set, not where the sale had it rightly before", "[sales]") {
    Story story;
    story.sale("s", opened(dims(), eur(10'000), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s", moved(dims(), "lead", "offer", eur(10'000), day), at(2026, 1, 2))
        .sale("s", amount_changed(10'000, 20'000), at(2026, 1, 3))
        .sale("s", amount_changed(20'000, 10'000), at(2026, 1, 4))
        .sale("s",
              corrected(dims(), v1::OPEN, {10'000, 10'000, at(2026, 1, 1), 0}, {15'000, 10'000, at(2026, 1, 1), 0},
                        "offer"),
              at(2026, 1, 5));
    std::vector<std::int64_t> amounts;
    for (const auto& moment : timeline_of(story, "s", {})) amounts.push_back(moment.amount().minor());
    CHECK(amounts == std::vector<std::int64_t>{10'000, 10'000, 20'000, 15'000});
}

TEST_CASE("before the opening as it was put right there was no sale, whatever was told of that time", "[sales]") {
    Story story;
    story.sale("s", opened(dims(), eur(10'000), at(2026, 1, 1)), at(2026, 1, 1))
        .sale("s", amount_changed(10'000, 20'000), at(2026, 1, 3))
        .sale("s",
              corrected(dims(), v1::OPEN, {20'000, 10'000, at(2026, 1, 1), 0}, {20'000, 10'000, at(2026, 1, 4), 0}),
              at(2026, 1, 5));
    CHECK(timeline_of(story, "s", {sales::Clock::occurred, at(2026, 1, 3, 12)}).empty());
    CHECK(timeline_of(story, "s", {sales::Clock::occurred, at(2026, 1, 4)}).size() == 2);
}

TEST_CASE("a correction is worked into the history as it is known since then", "[sales]") {
    auto story = two_sales();
    story.sale("s1",
               corrected(dims(), v1::WON, {9'000, 10'000, at(2026, 1, 1), at(2026, 1, 31)},
                         {9'500, 10'000, at(2026, 1, 3), at(2026, 1, 30)}, "offer"),
               at(2026, 2, 10));
    View view(sales::make());
    story.fold_into(view);
    CHECK(sales::query_one(view, "default", "s1")->amount().minor() == 9'500);
    const auto history = sales::query_history(view, "default", "s1", at(2026, 3, 1)).value();
    CHECK(history.visits(0).entered_at() == at(2026, 1, 3));
    CHECK(history.visits(0).time_in_stage_us() == 8 * day);
    CHECK(history.visits(1).left_at() == at(2026, 1, 30));
    CHECK(history.visits(1).left_amount().minor() == 9'500);

    sales::each_history(view, "default", [&](const v1::SaleHistory& h) {
        if (h.id() != "s1") return true;
        const auto known_then = sales::timeline(h, {sales::Clock::recorded, at(2026, 2, 9)});
        CHECK(known_then.front().occurred_at() == at(2026, 1, 1));
        CHECK(known_then.back().amount().minor() == 9'000);
        const auto true_then = sales::timeline(h, {sales::Clock::occurred, at(2026, 1, 2)});
        CHECK(true_then.empty());
        return true;
    });
}
