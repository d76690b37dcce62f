// What the derived stores hold in memory: rows followed and not written yet. One generation is filled
// while the one before it is being written; look-ups see both.
#pragma once

#include "aggregates/reference.pb.h"
#include "consumers/derived/derived_stores.hpp"
#include "consumers/derived/key_table.hpp"

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

struct IndexRow {
    events::Key128 stream;
    std::uint32_t version = 0;
    std::uint32_t before = 0;  // in Generation::index, of the row before it of the same stream
    events::Sequence sequence = 0;
};

// What some blocks of a partition add.
struct FollowedRows {
    std::vector<IndexRow> index;
    std::vector<std::pair<events::Key128, events::Sequence>> outcomes;
    ByKey<std::shared_ptr<const v1::Reference>> references;

    void clear() {
        index.clear();
        outcomes.clear();
        references.clear();
    }
};

// Written by one thread, under the lock of HeldRows; look-ups under it too.
class Generation {
public:
    Generation() = default;
    struct Expected {
        std::size_t events = 0;
        std::size_t streams = 0;
        std::size_t outcomes = 0;
    };
    explicit Generation(const Expected& expected) : last_of_stream_(expected.streams), outcomes_(expected.outcomes) {
        index_.reserve(expected.events);
    }

    // Rows of the Merkle table; a later one of a key replaces it. Not counted.
    std::vector<std::pair<std::string, std::string>> tiles;

    void add(const FollowedRows& rows);
    void add_snapshot(const events::Key128& stream, SnapshotRow row);

    [[nodiscard]] std::optional<events::Sequence> outcome(const events::Key128& command) const;
    // Appends versions and sequences of the stream's events, ascending.
    void stream(const events::Key128& stream, std::vector<std::pair<events::Version, events::Sequence>>& into) const;
    [[nodiscard]] const SnapshotRow* snapshot(const events::Key128& stream) const;
    [[nodiscard]] std::shared_ptr<const v1::Reference> reference(const events::Key128& stream) const;

    template <class Visit>
    void each_outcome(const Visit& visit) const {
        outcomes_.for_each([&](const events::Key128& command, events::Sequence) { visit(command); });
    }

    // Room for one that is as large as this.
    [[nodiscard]] Expected same_again() const { return {index_.size(), last_of_stream_.size(), outcomes_.size()}; }
    [[nodiscard]] std::size_t entries() const {
        return index_.size() + outcomes_.size() + snapshots_.size() + references_.size();
    }
    [[nodiscard]] std::size_t bytes() const;  // of memory, about

    // The rows as sorted runs, one per table.
    [[nodiscard]] std::vector<KvRun> runs() const;

private:
    [[nodiscard]] KvRun index_run() const;
    [[nodiscard]] KvRun outcomes_run() const;

    std::vector<IndexRow> index_;  // as followed
    KeyTable last_of_stream_;      // in index_
    KeyTable outcomes_;
    ByKey<SnapshotRow> snapshots_;
    ByKey<std::shared_ptr<const v1::Reference>> references_;
    std::size_t state_bytes_ = 0;  // of snapshots
};

// Keys and values of the derived tables (docs/format.md).
[[nodiscard]] std::string stream_row_key(const events::Key128& stream, events::Version version);
[[nodiscard]] std::string encode_sequence(events::Sequence sequence);
[[nodiscard]] std::optional<events::Sequence> decode_sequence(std::string_view bytes);
[[nodiscard]] std::string encode_snapshot(const SnapshotRow& row);
[[nodiscard]] std::optional<SnapshotRow> decode_snapshot(std::string_view bytes);
[[nodiscard]] std::string place_key(events::Partition partition);

}  // namespace tidemark::consumers
