// An aggregate's past: its events, and its state as of any version or of any moment by either clock.
// Reads the log through the stream index, and so sees what the derived stores have followed: who must see
// a position waits until DerivedStores::followed() has passed it. Any thread.
#pragma once

#include "aggregates/aggregate_type.hpp"
#include "consumers/derived/derived_stores.hpp"
#include "consumers/history/block_cache.hpp"
#include "consumers/log/log.hpp"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::consumers {

// As of when; at most one is set. None: now.
struct AsOf {
    std::optional<events::Version> version;
    // What was true then: events with occurred_at <= it, in stream order. A correction is such an event, and counts
    // from when it was made: a fold cannot put right what it has not come to yet. The funnel, which knows the moments
    // that a correction is about, works all that are known today into them.
    std::optional<events::Micros> occurred_at;
    std::optional<events::Micros> recorded_at;  // what we knew then
};

// A record that keeps its block.
struct StoredRecord {
    events::RecordView view;  // points into `block`
    events::BlockPtr block;
};

struct PastState {
    events::Version version = 0;
    events::Position position;  // of the last event folded
    std::unique_ptr<aggregates::AggregateState> state;
};

class History {
public:
    static constexpr std::size_t default_cache_bytes = 64u << 20;  // of unpacked blocks

    History(Log& log, DerivedStores& derived, std::size_t cache_bytes = default_cache_bytes);

    // Nothing: the stream does not exist (or did not then, or has not come to the version asked for).
    [[nodiscard]] std::expected<std::optional<PastState>, std::string> state(const events::StreamName& stream,
                                                                             const AsOf& as_of);

    // Up to `limit` events with version >= `first`, in order.
    [[nodiscard]] std::expected<std::vector<StoredRecord>, std::string> events(const events::StreamName& stream,
                                                                               events::Version first,
                                                                               std::size_t limit);

    // The record at a position; nothing: the log ends before it.
    [[nodiscard]] std::expected<std::optional<StoredRecord>, std::string> record(events::Position position);

private:
    // Where the events of a stream lie, from a version on.
    struct Trail {
        const events::StreamName* stream;
        events::Partition partition;
        events::Version first;
        std::vector<events::Sequence> sequences;
    };

    [[nodiscard]] Trail trail(const events::StreamName& stream, events::Version first, events::Version last) const;
    [[nodiscard]] std::expected<StoredRecord, std::string> step(const Trail& trail, std::size_t index);
    [[nodiscard]] std::expected<std::optional<PastState>, std::string> fold(const Trail& trail, const AsOf& as_of,
                                                                            PastState from);
    [[nodiscard]] std::expected<bool, std::string> known_by(const events::StreamName& stream, events::Version version,
                                                            const AsOf& as_of);

    Log& log_;
    DerivedStores& derived_;
    BlockCache cache_;
};

}  // namespace tidemark::consumers
