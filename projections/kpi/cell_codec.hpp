// A cell's row (v1::KpiCell) read and written without a message: there are some of them for every event.
#pragma once

#include "projections/kpi/cells.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections::kpi {

// What is to be added to one bin of one of a cell's histograms; negative counts take back.
struct BinChange {
    std::int32_t bins = 0;  // which histogram, as Slot::bins
    std::int32_t bin = 0;
    std::int64_t count = 0;
};

// A cell, decoded. Kept and used again, so that it need not be allocated for each.
class OpenCell {
public:
    // Throws std::runtime_error when the bytes are no cell. Empty bytes are an empty cell; the layout may have grown.
    void read(std::string_view row, const CellLayout& layout);
    void write(std::string& row) const;  // the bytes that Protobuf would write

    [[nodiscard]] std::vector<std::int64_t>& values() { return values_; }
    void add(const BinChange& change);  // a bin that comes to nothing goes, so that equal contents are equal bytes

private:
    struct Bin {
        std::int32_t bin;
        std::int64_t count;
    };
    std::vector<std::int64_t> values_;
    std::vector<std::vector<Bin>> bins_;  // by histogram, in order of bin; none is empty
};

}  // namespace tidemark::projections::kpi
