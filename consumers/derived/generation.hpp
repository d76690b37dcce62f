// What the derived stores hold in memory: rows followed and not written yet. One generation is filled
// while the one before it is being written; look-ups see both.
#pragma once

#include "aggregates/reference.pb.h"
#include "consumers/derived/derived_stores.hpp"

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidemark::consumers {

template <class Value>
using ByKey = std::unordered_map<events::Key128, Value, events::Key128Hash>;

// How far a partition has been followed, as stored in the meta table.
struct Place {
    events::Sequence next_sequence = 0;
    std::uint64_t next_number = 0;  // of the block to follow next
    std::uint64_t owner_epoch = 0;
    events::Uuid owner;
    events::Digest digest{};  // of the block before it, or genesis

    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static std::optional<Place> decode(std::string_view bytes);
};

struct Generation {
    ByKey<std::vector<std::pair<events::Version, events::Sequence>>> streams;  // ascending
    ByKey<events::Sequence> outcomes;
    ByKey<SnapshotRow> snapshots;
    ByKey<std::shared_ptr<const v1::Reference>> references;
    std::vector<std::pair<std::string, std::string>>
        tiles;  // rows of the Merkle table; a later one of a key replaces it
    std::size_t entries = 0;

    [[nodiscard]] bool empty() const { return entries == 0; }
    void add_event(const events::Key128& stream, events::Version version, events::Sequence sequence);
    void add_outcome(const events::Key128& command, events::Sequence first);
    void add_snapshot(const events::Key128& stream, SnapshotRow row);
    void add_reference(const events::Key128& stream, std::shared_ptr<const v1::Reference> reference);

    // The rows as sorted runs, one per table.
    [[nodiscard]] std::vector<KvRun> runs() const;
};

// Keys and values of the derived tables (docs/format.md).
[[nodiscard]] std::string stream_row_key(const events::Key128& stream, events::Version version);
[[nodiscard]] std::string encode_sequence(events::Sequence sequence);
[[nodiscard]] std::optional<events::Sequence> decode_sequence(std::string_view bytes);
[[nodiscard]] std::string encode_snapshot(const SnapshotRow& row);
[[nodiscard]] std::optional<SnapshotRow> decode_snapshot(std::string_view bytes);
[[nodiscard]] std::string place_key(events::Partition partition);

}  // namespace tidemark::consumers
