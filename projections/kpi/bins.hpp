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

// The nearest rank: the smallest of n values that at least q * n of them do not exceed, which is the one at rank
// ceil(q * n), counted from 1, in their order (Hyndman & Fan, Sample Quantiles in Statistical Packages, 1996,
// definition 1: the inverse of the distribution function). So nine of ten do not exceed the p90, however few they are,
// and the median of an even number is the lower one in the middle. Nothing when there are no values.
[[nodiscard]] std::optional<double> quantile(const BinCounts& bins, double q);

}  // namespace tidemark::projections::kpi
