// A year of sales in, the numbers of every KPI out. UPDATE_GOLDEN=1 writes tests/golden/kpis.txt anew; `git diff`
// reviews.
#include "projections/kpi/kpi.hpp"
#include "tests/projections/delivery_events.hpp"
#include "tests/projections/sale_events.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace tidemark;
using namespace tidemark::tests;
namespace kpi = projections::kpi;

namespace {

constexpr std::int64_t day = 86'400'000'000;

// No randomness: everything follows from the number of the sale.
Story a_year() {
    Story story;
    for (int i = 0; i < 240; ++i) {
        const auto id = std::to_string(i);
        const auto d =
            dims(i % 5 < 2 ? "李雷" : "ada", i % 2 == 0 ? "north" : "south", "p" + std::to_string(i % 3), "c" + id);
        auto amount = eur(10'000 + 137 * i);
        if (i % 11 == 0) amount.set_currency("CNY");
        const auto begin = at(2026, 1, 1) + i * 36 * 3'600'000'000;
        const auto stay = (3 + i % 17) * day;
        const auto end = begin + stay + (5 + i % 29) * day;
        v1::CustomerEvent created;
        created.mutable_customer_created()->set_region(d.region());
        created.mutable_customer_created()->set_owner(d.owner());
        story.customer("c" + id, created, begin - day).sale(id, opened(d, amount, begin), begin);
        if (i % 7 == 6) continue;
        story.sale(id, moved(d, "lead", "offer", amount, stay), begin + stay);
        if (i % 3 == 1) {
            story.sale(
                id, lost(d, i % 2 == 0 ? v1::PRICE : v1::COMPETITOR, amount, "offer", begin, end, end - begin - stay),
                end);
        } else {
            story.sale(id, won(d, amount, amount, "offer", begin, end, end - begin - stay), end);
        }
        if (i % 20 == 2) story.sale(id, reopened(d, v1::WON, amount, "offer", end, end - begin), end + 2 * day);
        if (i % 4 == 0)
            story.delivery(id, planned(delivery_dims(), a_plan()), end)
                .delivery(id, worked("build", 60 + i), end + day)
                .delivery(id, cost(eur(500 + i)), end + day)
                .delivery(id, milestone_hit("half", date(2026, 3, 1) + i, date(2026, 3, 1) + i + i % 9 - 5),
                          end + 2 * day);
        if (i % 9 == 0) {
            v1::Rejection rejection;
            rejection.set_command("WinSale");
            rejection.set_code("SaleAlreadyClosed");
            story.rejected("sale", id, rejection, end + day);
        }
    }
    return story;
}

std::string number(double value) {
    std::ostringstream text;
    text.precision(10);
    text << value;
    return text.str();
}

std::string all_kpis() {
    const auto kpis = kpi::Kpis::make(kpi::built_in_catalogue(), {.others = {.zone = "Asia/Shanghai"}}).value();
    View view(kpi::Kpis::projection(kpis));
    a_year().fold_into(view);
    std::string text;
    const auto list = kpis->list();
    for (const auto& described : list.kpis())
        for (const auto& [grain, by] : {std::pair{"quarter", described.dimensions(0)}, {"year", std::string()}}) {
            kpi::SeriesQuery query{.tenant = "default", .grain = grain};
            if (!by.empty()) query.by = {by};
            const auto series = kpis->series(view, described.name(), query).value();
            for (const auto& point : series.points()) {
                text += described.name() + " " + point.bucket();
                for (const auto& dim : point.dims()) text += " " + dim.name() + "=" + dim.value();
                text += point.has_money() ? " " + std::to_string(point.money().minor()) + " " + point.money().currency()
                        : point.has_value() ? " " + number(point.value())
                                            : " absent";
                text += "\n";
            }
        }
    return text;
}

}  // namespace

TEST_CASE("a year of sales gives the numbers that were reviewed", "[kpi][golden]") {
    const std::string path = TIDEMARK_SOURCE_DIR "/tests/golden/kpis.txt";
    const auto now = all_kpis();
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << now;
    std::ifstream file(path);
    REQUIRE(file);
    std::stringstream reviewed;
    reviewed << file.rdbuf();
    std::istringstream lines_now(now), lines_then(reviewed.str());
    for (std::string a, b; std::getline(lines_now, a) && std::getline(lines_then, b);) REQUIRE(a == b);
    CHECK(now == reviewed.str());
}
