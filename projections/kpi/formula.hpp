// A KPI's formula over the measures of its family: sums, products, ratios, and figures of histograms.
#pragma once

#include "projections/kpi/bins.hpp"
#include "projections/kpi/catalogue.pb.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections::kpi {

// A measure as it stands in a bucket.
struct Amount {
    std::int64_t value = 0;  // count or sum; of a histogram: how many
    std::int64_t sum = 0;    // of a histogram
    BinCounts bins;
    std::int64_t level = 0;  // of a count or sum: since the beginning
};

class Formula {
public:
    [[nodiscard]] static std::expected<Formula, std::string> compile(const v1::MeasureFamily& family,
                                                                     std::string_view text);

    // `amounts` by measure. Nothing where something is divided by zero, or of a histogram that is empty.
    // `minor_per_unit`: of the amounts' currency, 100 for EUR.
    [[nodiscard]] std::optional<long double> value(const std::vector<Amount>& amounts, double minor_per_unit = 1) const;

    [[nodiscard]] const std::vector<int>& measures() const { return measures_; }  // that it reads
    [[nodiscard]] const std::vector<int>& measures_in_units() const { return in_units_; }
    [[nodiscard]] bool reads_levels() const { return reads_levels_; }
    [[nodiscard]] bool is_level(int measure) const;

private:
    enum class Op : std::uint8_t {
        number,
        value,
        level,
        mean,
        median,
        p90,
        sum,
        units,
        add,
        subtract,
        multiply,
        divide,
        negate
    };
    struct Step {  // of a stack machine
        Op op{};
        long double number = 0;
        int measure = 0;
    };
    class Parser;

    std::vector<Step> steps_;
    std::vector<int> measures_, in_units_;
    bool reads_levels_ = false;
};

}  // namespace tidemark::projections::kpi
