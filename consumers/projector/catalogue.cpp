#include "consumers/projector/catalogue.hpp"

#include "consumers/projector/failures.hpp"

namespace tidemark::consumers {

namespace {

constexpr Table meta = 0;
constexpr char letter(Colour colour) {
    return colour == Colour::a ? 'a' : 'b';
}

std::string state_key(const projections::Projection& projection) {
    return "view/" + projection.name;
}

std::string places_key(const projections::Projection& projection, Colour colour, std::uint32_t shard) {
    return "places/" + projection.name + '/' + letter(colour) + '/' + std::to_string(shard);
}

template <class Message>
Message parse(const std::string& bytes, const char* what) {
    Message message;
    if (!message.ParseFromString(bytes))
        throw StoreFailed(std::string("the views database holds an unreadable ") + what);
    return message;
}

}  // namespace

Catalogue::Catalogue(KvStore& store, std::span<const projections::Projection> projections)
    : store_(store), projections_(projections) {
    Table next = meta + 1;
    for (const auto& projection : projections) {
        first_.push_back(next);
        next += static_cast<Table>(2 * (projection.tables.size() + 1));
    }
}

std::vector<std::string> Catalogue::table_names(std::span<const projections::Projection> projections) {
    std::vector<std::string> names{"meta"};
    for (const auto& projection : projections) {
        for (const auto colour : {Colour::a, Colour::b}) {
            const auto prefix = projection.name + '.' + letter(colour);
            for (const auto& table : projection.tables) names.push_back(prefix + '.' + table);
            names.push_back(prefix + ":parked");
        }
    }
    return names;
}

ColourTables Catalogue::tables(std::size_t view, Colour colour) const {
    const auto count = static_cast<Table>(projections_[view].tables.size());
    const Table first = first_[view] + (colour == Colour::b ? count + 1 : 0);
    ColourTables tables{{}, first + count};
    for (Table table = 0; table < count; ++table) tables.rows.push_back(first + table);
    return tables;
}

v1::ViewState Catalogue::state(std::size_t view) const {
    return parse<v1::ViewState>(get(state_key(projections_[view])), "view state");
}

void Catalogue::put_state(KvBatch& batch, std::size_t view, const v1::ViewState& state) const {
    batch.put(meta, state_key(projections_[view]), state.SerializeAsString());
}

v1::FollowedPlaces Catalogue::places(std::size_t view, Colour colour, std::uint32_t shard) const {
    return parse<v1::FollowedPlaces>(get(places_key(projections_[view], colour, shard)), "place in the log");
}

void Catalogue::put_places(KvBatch& batch, std::size_t view, Colour colour, std::uint32_t shard,
                           const v1::FollowedPlaces& places) const {
    batch.put(meta, places_key(projections_[view], colour, shard), places.SerializeAsString());
}

void Catalogue::clear(std::size_t view, Colour colour) const {
    // The places go last: as long as one is there, followed() says that something is left to clear.
    const auto tables = this->tables(view, colour);
    for (const auto table : tables.rows) clear(table);
    clear(tables.parked);
    KvBatch batch;
    for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
        batch.erase(meta, places_key(projections_[view], colour, shard));
    }
    write(std::move(batch));
}

// Dropping a table and making it anew is dear; most colours that are cleared have never held a row.
void Catalogue::clear(Table table) const {
    bool empty = true;
    const auto scanned = store_.snapshot()->scan(table, "", "", [&](std::string_view, std::string_view) {
        empty = false;
        return false;
    });
    if (!scanned) throw StoreFailed(scanned.error().what);
    if (empty) return;
    if (auto cleared = store_.clear(table); !cleared) throw StoreFailed(cleared.error().what);
}

bool Catalogue::followed(std::size_t view, Colour colour) const {
    for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
        if (places(view, colour, shard).places_size() > 0) return true;
    }
    return false;
}

void Catalogue::write(KvBatch batch) const {
    if (auto written = store_.write(std::move(batch), Durability::buffered); !written)
        throw StoreFailed(written.error().what);
}

void Catalogue::write_bulk(KvBatch batch) const {
    if (auto written = store_.write_bulk(std::move(batch)); !written) throw StoreFailed(written.error().what);
}

std::string Catalogue::get(std::string_view key) const {
    auto value = store_.get(meta, key);
    if (!value) throw StoreFailed(value.error().what);
    return std::move(*value).value_or("");
}

}  // namespace tidemark::consumers
