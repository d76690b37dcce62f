// What the events of one shard add to cells, until the cells are written: sums for each hour and combination of all
// dimensions. From these the cells of all grains and dimensions are made, once for many events. One thread.
#pragma once

#include "projections/flat_index.hpp"
#include "projections/kpi/cell_codec.hpp"
#include "projections/kpi/cells.hpp"
#include "projections/projection.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections::kpi {

struct FamilyCells {
    CellLayout layout;
    std::vector<CellTable> tables;
};

struct CellTime {
    Bucket hour = 0, day = 0, month = 0;
    bool operator==(const CellTime&) const = default;
};

class Pending final : public Gathered {
public:
    // `families` outlives it.
    explicit Pending(const std::vector<FamilyCells>& families) : families_(families) {}

    // Names a tenant's values of all dimensions of a family, until settle().
    using Combination = std::uint32_t;
    [[nodiscard]] Combination combination(std::string_view tenant, int family, std::span<const std::string_view> dims,
                                          std::string_view currency);

    // Where a combination's sums for an hour are to be added to, by the family's slots; valid until the next call.
    class Sums {
    public:
        [[nodiscard]] std::int64_t& value(int slot) { return values_[slot]; }
        void add_to_bin(const BinChange& change) { pending_.add_bin(cell_, change); }

    private:
        friend class Pending;
        Sums(Pending& pending, std::size_t cell, std::int64_t* values)
            : pending_(pending), cell_(cell), values_(values) {}
        Pending& pending_;
        std::size_t cell_;
        std::int64_t* values_;
    };
    [[nodiscard]] Sums sums(Combination combination, const CellTime& time);

    void settle(Rows& rows) override;
    [[nodiscard]] std::size_t bytes() const override;

private:
    static constexpr std::uint32_t none = UINT32_MAX;

    // Sums and, as a list in bins_, changes of histograms.
    struct Added {
        std::uint32_t values = 0;  // where they begin in a vector of values
        std::uint32_t bins = none;
    };
    struct ListedBin {
        BinChange change;
        std::uint32_t next;
    };
    struct HourCell {
        Combination combination;
        CellTime time;
        Added added;
    };
    // A table's dimension values out of a combination: all cells whose keys differ only in grain and bucket.
    struct Slice {
        std::string key;       // what stands before the grain, then what stands behind the bucket
        std::size_t head = 0;  // size of the former
        int family = 0;
    };
    struct Combined {
        std::string key;  // family, tenant 0x00, dimensions and currency as in a cell's key
        int family = 0;
        std::vector<std::uint32_t> slices;  // by the family's tables
    };
    struct Cell {
        std::uint32_t slice;
        Grain grain;
        Bucket bucket;
        Added added;
    };

    void add_bin(std::size_t cell, const BinChange& change);
    void list_bin(std::uint32_t& list, const BinChange& change);
    std::uint32_t slice(Combined& of, CellTable table, std::string_view tenant, std::span<const std::size_t> ends);
    void spread(const HourCell& hour);
    Cell& cell(std::uint32_t slice, Grain grain, Bucket bucket, int values);
    void merge_bins(std::uint32_t list);
    void write(const Cell& cell, Rows& rows);
    void forget();

    const std::vector<FamilyCells>& families_;
    std::vector<Combined> combined_;
    FlatIndex<Combination> by_values_;
    std::vector<Slice> slices_;
    FlatIndex<std::uint32_t> by_slice_;
    std::vector<HourCell> hours_;
    FlatIndex<std::uint32_t> by_hour_;
    std::vector<std::int64_t> values_;
    std::vector<ListedBin> bins_;

    // While it settles.
    std::vector<Cell> cells_;
    FlatIndex<std::uint32_t> by_bucket_;
    std::vector<BinChange> merged_;
    OpenCell open_;
    std::string key_;
    std::vector<std::size_t> ends_;
};

}  // namespace tidemark::projections::kpi
