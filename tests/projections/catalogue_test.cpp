#include "projections/kpi/kpi.hpp"
#include "tests/projections/sale_events.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::tests;
namespace kpi = projections::kpi;

namespace {

std::string error_of(const std::string& catalogue) {
    const auto made = kpi::Kpis::make(catalogue);
    return made ? "" : made.error();
}

std::string family(const std::string& measure) {
    return R"(families { name: "f" dimensions { name: "owner" field: "dims.owner" } measures { name: "m" )" + measure +
           " } }";
}

const std::string good = family(R"(kind: COUNT on { event: "SaleOpened" })");

}  // namespace

TEST_CASE("a wrong catalogue is refused with the entry and the field at fault", "[kpi][catalogue]") {
    using Catch::Matchers::Contains;
    CHECK(error_of(good).empty());
    CHECK_THAT(error_of("families { name: \"f\" colour: 3 }"), Contains("line 1") && Contains("colour"));
    CHECK_THAT(error_of(family(R"(kind: COUNT on { event: "SaleVanished" })")),
               Contains("family f, measure m: event: \"SaleVanished\" is no event"));
    CHECK_THAT(error_of(family(R"(kind: SUM on { event: "SaleOpened" value: "amout" })")),
               Contains("measure m: value: \"amout\"") && Contains("SaleOpened has no such field"));
    CHECK_THAT(error_of(family(R"(kind: COUNT on { event: "CustomerCreated" })")),
               Contains("dimension owner") && Contains("CustomerCreated"));
    CHECK_THAT(error_of(family(R"(kind: SUM on { event: "SaleOpened" })")), Contains("value: a COUNT has none"));
    CHECK_THAT(error_of(family(R"(kind: SUM on { event: "SaleOpened" value: "stage" })")),
               Contains("cannot be summed"));
    CHECK_THAT(error_of(family(R"(kind: HISTOGRAM on { event: "SaleOpened" value: "amount" })")), Contains("Money"));
    CHECK_THAT(error_of(family(R"(kind: COUNT on { event: "SaleOpened" at: "stage" })")), Contains("is no time"));
    CHECK_THAT(error_of(family(R"(kind: COUNT on { event: "SaleOpened" sign: -2 })")), Contains("sign"));
    CHECK_THAT(error_of(family(R"(kind: COUNT on { event: "SaleOpened" when { field: "stage" } })")), Contains("when"));
    CHECK_THAT(error_of(family(R"(kind: COUNT)")), Contains("no event adds to it"));
    CHECK_THAT(error_of(good + good), Contains("there twice"));
    CHECK_THAT(error_of(family(R"(kind: SUM on { event: "SaleOpened" value: "amount" } }
                                  measures { name: "n" kind: COUNT on { event: "SaleOpened" })")),
               Contains("currency: is missing"));
    CHECK_THAT(error_of(good + R"(kpis { name: "k" family: "g" unit: NUMBER formula: "m" })"),
               Contains("KPI k: family"));
    CHECK_THAT(error_of(good + R"(kpis { name: "k" family: "f" unit: NUMBER formula: "m / n" })"),
               Contains("KPI k: formula: family f has no measure n"));
    CHECK_THAT(error_of(good + R"-(kpis { name: "k" family: "f" unit: NUMBER formula: "median(m)" })-"),
               Contains("no histogram"));
    CHECK_THAT(error_of(good + R"(kpis { name: "k" family: "f" unit: NUMBER formula: "(m + 1" })"),
               Contains(") is missing"));
    CHECK_THAT(error_of(good + R"(kpis { name: "k" family: "f" unit: NUMBER formula: "m m" })"), Contains("left over"));
    CHECK_THAT(error_of(good + R"(kpis { name: "k" family: "f" unit: MONEY formula: "m" })"), Contains("unit"));
    CHECK(kpi::Kpis::make(good, {.others = {.zone = "Mars/Olympus"}}).error().find("Mars/Olympus") !=
          std::string::npos);
    CHECK(kpi::Kpis::make(good, {.others = {.first_day_of_week = 0}}).error().find("first day") != std::string::npos);
}

TEST_CASE("a new measure, dimension or time zone makes the KPIs again; a new formula does not", "[kpi][catalogue]") {
    const auto version = [](const std::string& catalogue, kpi::TenantTimes times = {}) {
        return kpi::Kpis::projection(kpi::Kpis::make(catalogue, times).value()).version;
    };
    CHECK(version(good) == version(good));
    CHECK(version(good + R"(kpis { name: "k" family: "f" unit: NUMBER formula: "m * 2" })") == version(good));
    CHECK(version(family(R"(kind: COUNT description: "said better" on { event: "SaleOpened" })")) == version(good));
    CHECK(version(family(R"(kind: COUNT on { event: "SaleWon" })")) != version(good));
    CHECK(version(good, {.others = {.zone = "Asia/Shanghai"}}) != version(good));
    CHECK(version(good, {.others = {}, .of = {{"t", {.first_day_of_week = 7}}}}) != version(good));
}

TEST_CASE("a formula is worked out in the usual order, and is absent where it divides by zero", "[kpi][catalogue]") {
    const auto catalogue = good + R"-(
        kpis { name: "order" family: "f" unit: NUMBER formula: "1 + m * 2 - (m - 0.5) / -m" }
        kpis { name: "nothing" family: "f" unit: NUMBER formula: "m / (m - 2)" })-";
    const auto kpis = kpi::Kpis::make(catalogue).value();
    View view(kpi::Kpis::projection(kpis));
    Story story;
    story.sale("s", opened(dims(), eur(1), 0), at(2026, 1, 1)).sale("t", opened(dims(), eur(1), 0), at(2026, 1, 1));
    story.fold_into(view);
    CHECK(kpis->series(view, "order", {.tenant = "default"})->points(0).value() == Approx(1 + 4 + 0.75));
    CHECK_FALSE(kpis->series(view, "nothing", {.tenant = "default"})->points(0).has_value());
}

TEST_CASE("dimensions with any bytes in them are told apart", "[kpi][catalogue]") {
    const auto kpis = kpi::Kpis::make(good + R"(kpis { name: "k" family: "f" unit: NUMBER formula: "m" })").value();
    View view(kpi::Kpis::projection(kpis));
    Story story;
    for (const auto& owner :
         {std::string("a"), std::string("a\0b", 3), std::string("a\1b"), std::string("李"), std::string()})
        story.sale("s" + owner, opened(dims(owner), eur(1), 0), at(2026, 1, 1));
    story.fold_into(view);
    const auto series = kpis->series(view, "k", {.tenant = "default", .by = {"owner"}}).value();
    REQUIRE(series.points_size() == 5);
    for (const auto& point : series.points()) CHECK(point.value() == 1);
    CHECK(series.points(2).dims(0).value() == std::string("a\0b", 3));
}
