// Which cells there are, and their keys. A family's measures are kept by bucket and by sets of dimensions:
//
//               total   each dimension   cube (all dimensions together)
//   hour          x                            x
//   day           x           x
//   month         x           x                x
//
// What is missing is summed up from what is there: weeks from days, quarters and years from months, days by several
// dimensions from the hours' cube. So every grain can be asked by any dimensions, at about a dozen rows per event.
#pragma once

#include "projections/keys.hpp"
#include "projections/kpi/calendar.hpp"
#include "projections/kpi/catalogue.pb.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections::kpi {

// Total 0, the dimension i 1 + i, the cube 255.
using DimensionSet = std::uint8_t;
inline constexpr DimensionSet total = 0;
inline constexpr DimensionSet cube = 255;
inline constexpr int max_dimensions = 16;

struct CellTable {
    DimensionSet set;
    Grain grain;
};

// All that are kept for a family.
[[nodiscard]] std::vector<CellTable> tables_of(const v1::MeasureFamily& family);

// tenant 0x00 family set grain bucket values... currency: a scan over a range of buckets touches nothing else.
[[nodiscard]] std::string cells_prefix(std::string_view tenant, int family, CellTable table);
inline void append_bucket(std::string& key, Bucket bucket) {
    const auto biased = static_cast<std::uint64_t>(bucket) ^ (1ull << 63);
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>((biased >> shift) & 0xff));
}

// Where a measure stands in a cell's row.
struct Slot {
    int value = 0;  // count or sum; of a histogram: how many, and behind it their sum
    int bins = -1;  // of a histogram
};
struct CellLayout {
    std::vector<Slot> slots;  // by measure
    int values = 0;
    int bins = 0;
};
[[nodiscard]] CellLayout layout_of(const v1::MeasureFamily& family);

}  // namespace tidemark::projections::kpi
