// Histograms that can be merged and taken back, and the rows that hold them.
#include "projections/kpi/bins.hpp"

#include "projections/kpi/cell_codec.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>

using namespace tidemark;
namespace kpi = projections::kpi;

namespace {

const kpi::CellLayout one_histogram{{}, 2, 1};

v1::KpiCell parsed(const kpi::OpenCell& cell) {
    std::string bytes;
    cell.write(bytes);
    v1::KpiCell row;
    REQUIRE(row.ParseFromString(bytes));
    return row;
}

}  // namespace

TEST_CASE("quantiles from bins are within one percent of the value at that rank", "[kpi]") {
    for (const unsigned seed : {1u, 2u, 3u, 4u}) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed);
        std::lognormal_distribution<double> cycle(14, 3);
        std::vector<std::int64_t> values;
        kpi::OpenCell bins, taken_back;
        bins.read("", one_histogram);
        taken_back.read("", one_histogram);
        for (int i = 0; i < 2'001; ++i) {
            const auto value = static_cast<std::int64_t>(cycle(random)) * (i % 5 == 0 ? -1 : 1);
            values.push_back(value);
            bins.add({0, kpi::bin_of(value), 1});
            bins.add({0, kpi::bin_of(value * 3 + 7), 1});
            taken_back.add({0, kpi::bin_of(value * 3 + 7), -1});
        }
        std::ranges::sort(values);
        kpi::BinCounts counts;
        kpi::merge(counts, parsed(bins).bins(0));
        kpi::merge(counts, parsed(taken_back).bins(0));
        for (const double q : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0}) {
            // By the definition itself: the first value that at least q * n of them do not exceed.
            std::size_t at = 0;
            while (static_cast<double>(at + 1) < q * 2'001) ++at;
            const auto exact = static_cast<double>(values[at]);
            CHECK(kpi::quantile(counts, q).value() == Approx(exact).epsilon(kpi::bins_relative_error).margin(0));
        }
    }
    CHECK_FALSE(kpi::quantile({}, 0.5));
    CHECK(kpi::value_of(kpi::bin_of(0)) == 0);
}

TEST_CASE("nine of ten do not exceed the p90, however few they are", "[kpi]") {
    const auto of = [](std::initializer_list<std::int64_t> values, double q) {
        kpi::BinCounts counts;
        for (const auto value : values) ++counts[kpi::bin_of(value)];
        return std::round(kpi::quantile(counts, q).value());
    };
    CHECK(of({10}, 0.9) == 10);
    CHECK(of({10, 20}, 0.9) == 20);  // one of two is only half
    CHECK(of({10, 20}, 0.5) == 10);
    CHECK(of({10, 20, 30}, 0.5) == 20);
    CHECK(of({10, 20, 30, 40}, 0.5) == 20);
    CHECK(of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.9) == 9);  // nine of ten, exactly
    CHECK(of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 0.9) == 10);
    for (int tens = 1; tens <= 200; ++tens) {  // 0.9 * n is whole, and must not be rounded up past itself
        const kpi::BinCounts counts{{kpi::bin_of(1), 9 * tens}, {kpi::bin_of(1'000), tens}};
        CHECK(kpi::quantile(counts, 0.9).value() == Approx(1).epsilon(kpi::bins_relative_error));
    }
}

TEST_CASE("bins that hold nothing any more leave no trace", "[kpi]") {
    kpi::OpenCell cell;
    cell.read("", one_histogram);
    cell.add({0, 7, 1});
    cell.add({0, 3, 2});
    cell.add({0, 7, -1});
    cell.add({0, 5, 0});
    const auto row = parsed(cell);
    REQUIRE(row.bins_size() == 1);
    REQUIRE(row.bins(0).index_size() == 1);
    CHECK(row.bins(0).index(0) == 3);
    CHECK(row.bins(0).count(0) == 2);
}

TEST_CASE("a cell's row has the bytes that Protobuf gives it, and is read back from them", "[kpi]") {
    std::mt19937_64 random(11);
    for (int round = 0; round < 500; ++round) {
        const auto number = [&] {
            return static_cast<std::int64_t>(random() >> random() % 64) * (random() % 2 ? 1 : -1);
        };
        const kpi::CellLayout layout{{}, static_cast<int>(random() % 5), static_cast<int>(random() % 4)};
        v1::KpiCell row;
        for (int i = 0; i < layout.values; ++i) row.add_values(number());
        for (int h = 0; h < layout.bins; ++h) {
            auto& bins = *row.add_bins();
            for (int i = 0, bin = -1728; i < static_cast<int>(random() % 40); ++i) {
                bins.add_index(bin += 1 + static_cast<int>(random() % 60));
                bins.add_count(number() | 1);
            }
        }
        const auto bytes = row.SerializeAsString();
        kpi::OpenCell cell;
        cell.read(bytes, layout);
        std::string written;
        cell.write(written);
        REQUIRE(written == bytes);
    }
    kpi::OpenCell cell;
    CHECK_THROWS_AS(cell.read("\x0a\x7f", one_histogram), std::runtime_error);
    CHECK_THROWS_AS(cell.read("\x1a\x01\x01", one_histogram), std::runtime_error);
}

TEST_CASE("a cell whose family has got more measures begins them at zero", "[kpi]") {
    v1::KpiCell row;
    row.add_values(5);
    kpi::OpenCell cell;
    cell.read(row.SerializeAsString(), one_histogram);
    CHECK(cell.values() == std::vector<std::int64_t>{5, 0});
    CHECK(parsed(cell).bins_size() == 1);
}
