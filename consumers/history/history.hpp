// An aggregate's past: its events, and its state as of any version or of any moment by either clock.
// Reads the log through the stream index. Any thread.
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
    std::optional<events::Micros> occurred_at;  // what was true then: events that had happened, in stream order
    std::optional<events::Micros> recorded_at;  // what we knew then
};

// A record together with the block that its view points into.
struct StoredRecord {
    events::RecordView view;
    events::BlockPtr block;
};

struct PastState {
    events::Version version = 0;
    events::Position position;  // of the last event folded
    std::unique_ptr<aggregates::AggregateState> state;
};

class History {
public:
    History(Log& log, DerivedStores& derived);

    // Nothing: the stream does not exist (or did not then).
    [[nodiscard]] std::expected<std::optional<PastState>, std::string> state(const events::StreamName& stream,
                                                                             const AsOf& as_of);

    // Up to `limit` events with version >= `first`, in order.
    [[nodiscard]] std::expected<std::vector<StoredRecord>, std::string> events(const events::StreamName& stream,
                                                                               events::Version first,
                                                                               std::size_t limit);

    // The record at a position; nothing: the log ends before it.
    [[nodiscard]] std::expected<std::optional<StoredRecord>, std::string> record(events::Position position);

private:
    Log& log_;
    DerivedStores& derived_;
    BlockCache blocks_{16u << 20};
};

}  // namespace tidemark::consumers
