#include "consumers/derived/derived_meta.hpp"

#include <charconv>

namespace tidemark::consumers {
namespace {

constexpr std::string_view clearing_key = "rebuilding";  // until everything is cleared
constexpr std::string_view layout_key = "layout";
constexpr std::uint64_t layout = 1;  // of keys and rows (docs/format.md); stores of before it was written down have 1

std::string identity_text(const LogIdentity& identity) {
    return identity.id.text() + "/" + std::to_string(identity.incarnation) + "/" + std::to_string(identity.partitions);
}

}  // namespace

// A kill on the way leaves rows of what was there before: the next opening sees the key and clears again. Meta goes
// last, with it.
std::expected<void, std::string> clear_derived(KvStore& store) {
    KvBatch batch;
    batch.put(DerivedTable::meta, std::string(clearing_key), "1");
    if (auto written = store.write(std::move(batch), Durability::buffered); !written) {
        return std::unexpected(written.error().what);
    }
    for (const Table table : {DerivedTable::streams, DerivedTable::outcomes, DerivedTable::snapshots,
                              DerivedTable::references, DerivedTable::merkle, DerivedTable::meta}) {
        if (auto cleared = store.clear(table); !cleared) return std::unexpected(cleared.error().what);
    }
    return {};
}

namespace {

// Rows of an older layout are made again; those of a newer one are left to whoever knows them.
std::expected<void, std::string> keep_or_clear_layout(KvStore& store) {
    const auto row = store.get(DerivedTable::meta, layout_key);
    if (!row) return std::unexpected(row.error().what);
    if (!*row) return {};
    std::uint64_t found = 0;
    const auto [end, failed] = std::from_chars((*row)->data(), (*row)->data() + (*row)->size(), found);
    if (failed != std::errc() || found > layout) {
        return std::unexpected("the derived stores were written by a later version (layout " + **row +
                               "; this one knows " + std::to_string(layout) +
                               "): start that version, or run `tidemark rebuild derived`");
    }
    return found < layout ? clear_derived(store) : std::expected<void, std::string>();
}

}  // namespace

std::expected<void, std::string> claim_derived(KvStore& store, const LogIdentity& log) {
    const auto clearing = store.get(DerivedTable::meta, clearing_key);
    if (!clearing) return std::unexpected(clearing.error().what);
    if (*clearing) {
        if (auto cleared = clear_derived(store); !cleared) return cleared;
    }
    if (auto known = keep_or_clear_layout(store); !known) return known;
    const std::string identity = identity_text(log);
    auto known = store.get(DerivedTable::meta, "log");
    if (!known) return std::unexpected(known.error().what);
    if (*known && **known != identity) {
        return std::unexpected("the derived stores belong to log " + **known + " and the log here is " + identity +
                               ": run `tidemark rebuild derived`");
    }
    if (!*known) {
        KvBatch batch;
        batch.put(DerivedTable::meta, "log", identity);
        batch.put(DerivedTable::meta, layout_key, std::to_string(layout));
        if (auto written = store.write(std::move(batch), Durability::buffered); !written) {
            return std::unexpected(written.error().what);
        }
    }
    return {};
}

std::expected<Place, std::string> stored_place(KvStore& store, Log& log, events::Partition partition) {
    const std::string of = "partition " + std::to_string(partition);
    const auto row = store.get(DerivedTable::meta, place_key(partition));
    if (!row) return std::unexpected(row.error().what);
    if (!*row) return Place{};
    const auto place = Place::decode(**row);
    if (!place) {
        return std::unexpected("the derived stores' place in " + of +
                               " cannot be read: run `tidemark rebuild derived`");
    }
    const events::Tip end = log.tip(partition);
    const char* const to_do = " that the derived stores followed: restore the log, or run `tidemark rebuild derived`";
    if (end.next_number < place->next_number) {
        return std::unexpected("the log of " + of + " ends at block " + std::to_string(end.next_number) +
                               ", before block " + std::to_string(place->next_number) + to_do);
    }
    // Where the log goes on, its next block says whether it continues the place; where it ends, nobody else does.
    if (place->next_number > 0 && end.next_number == place->next_number && end.digest != place->digest) {
        return std::unexpected("the log of " + of + " ends with another block " + std::to_string(end.next_number - 1) +
                               " than the one" + to_do);
    }
    return *place;
}

}  // namespace tidemark::consumers
