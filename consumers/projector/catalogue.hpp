// Where everything lies in the database of views: two colours of tables for each view, and one table (meta) that
// says which colour is in use and how far each has followed. Any thread.
#pragma once

#include "consumers/projector/view_state.pb.h"
#include "consumers/store/kv_store.hpp"
#include "projections/projection.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tidemark::consumers {

enum class Colour : std::uint8_t { none = 0, a = 1, b = 2 };
[[nodiscard]] constexpr Colour other(Colour colour) {
    return colour == Colour::a ? Colour::b : Colour::a;
}

// Store tables of one colour of one view.
struct ColourTables {
    std::vector<Table> rows;  // in the order of Projection::tables
    Table parked;             // stream | sequence -> ParkedRecord
};

// Every call throws StoreFailed when the store does.
class Catalogue {
public:
    Catalogue(KvStore& store, std::span<const projections::Projection> projections);

    // The table names that the store is to be opened with, in this order.
    [[nodiscard]] static std::vector<std::string> table_names(std::span<const projections::Projection> projections);

    [[nodiscard]] ColourTables tables(std::size_t view, Colour colour) const;

    [[nodiscard]] v1::ViewState state(std::size_t view) const;
    void put_state(KvBatch& batch, std::size_t view, const v1::ViewState& state) const;

    [[nodiscard]] v1::FollowedPlaces places(std::size_t view, Colour colour, std::uint32_t shard) const;
    void put_places(KvBatch& batch, std::size_t view, Colour colour, std::uint32_t shard,
                    const v1::FollowedPlaces& places) const;

    // Empties the tables, then forgets the places: interrupted anywhere, it can be done again. Only for a colour
    // that the state does not name (neither in use nor being made).
    void clear(std::size_t view, Colour colour) const;
    [[nodiscard]] bool followed(std::size_t view, Colour colour) const;  // has any place

    [[nodiscard]] KvStore& store() const { return store_; }
    // Writes what the batch holds, buffered: a batch is lost whole or not at all, and then folded again.
    void write(KvBatch batch) const;
    // The same for a large one of a rebuild.
    void write_bulk(KvBatch batch) const;

private:
    void clear(Table table) const;
    [[nodiscard]] std::string get(std::string_view key) const;

    KvStore& store_;
    std::span<const projections::Projection> projections_;
    std::vector<Table> first_;  // of colour a, by view
};

// "\x01" for shard 1: what every key in a view's tables begins with.
[[nodiscard]] inline std::string shard_prefix(std::uint32_t shard) {
    return {static_cast<char>(shard)};
}

}  // namespace tidemark::consumers
