#include "projections/kpi/bins.hpp"

#include <boost/histogram/axis/regular.hpp>

#include <algorithm>
#include <cmath>

namespace tidemark::projections::kpi {

namespace {

// 1,727 bins over 15 decades: each is (1 + e) / (1 - e) times as wide as the one before, with e = 0.01.
using LogAxis = boost::histogram::axis::regular<double, boost::histogram::axis::transform::log>;
const LogAxis& axis() {
    static const LogAxis bins(1727, 1.0, 1e15);
    return bins;
}

}  // namespace

std::int32_t bin_of(std::int64_t value) {
    if (value == 0) return 0;
    const auto index = std::clamp(axis().index(std::abs(static_cast<double>(value))), 0, axis().size() - 1);
    return value > 0 ? index + 1 : -index - 1;
}

double value_of(std::int32_t bin) {
    if (bin == 0) return 0;
    const auto edges = axis().bin(std::abs(bin) - 1);
    const double value = 2 * edges.lower() * edges.upper() / (edges.lower() + edges.upper());
    return bin > 0 ? value : -value;
}

void merge(BinCounts& into, const v1::KpiBins& bins) {
    for (int i = 0; i < bins.index_size(); ++i) {
        auto& count = into[bins.index(i)];
        count += bins.count(i);
        if (count == 0) into.erase(bins.index(i));
    }
}

std::optional<double> quantile(const BinCounts& bins, double q) {
    std::int64_t total = 0;
    for (const auto& [bin, count] : bins) total += count;
    if (total <= 0) return {};
    // The margin keeps a product that is whole from being rounded up past itself: 0.07 * 100 is a little more than 7.
    const auto rank = std::max<std::int64_t>(1, std::llround(std::ceil(q * static_cast<double>(total) - 1e-6)));
    std::int64_t passed = 0;
    for (const auto& [bin, count] : bins) {
        passed += count;
        if (passed >= rank) return value_of(bin);
    }
    return {};
}

}  // namespace tidemark::projections::kpi
