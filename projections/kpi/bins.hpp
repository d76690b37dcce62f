// Histograms that can be merged and taken back: logarithmic bins, kept sparse. A quantile read from them is off by at
// most 1 % of the value that stands at that rank (values from 1 to 10^15 and their negatives; 0 is exact).
#pragma once

#include "projections/kpi/kpi.pb.h"

#include <cstdint>
#include <map>
#include <optional>

namespace tidemark::projections::kpi {

inline constexpr double bins_relative_error = 0.01;

[[nodiscard]] std::int32_t bin_of(std::int64_t value);
[[nodiscard]] double value_of(std::int32_t bin);  // the value that is nearest, relatively, to all in the bin

// Merged for an answer.
using BinCounts = std::map<std::int32_t, std::int64_t>;
void merge(BinCounts& into, const v1::KpiBins& bins);

// The value at rank floor(q * (n - 1)), counted from 0, of n sorted values; nothing when there are none.
[[nodiscard]] std::optional<double> quantile(const BinCounts& bins, double q);

}  // namespace tidemark::projections::kpi
