// Hot aggregate states, bounded by bytes. What the log has and the derived stores have not followed yet
// stays, for nobody else knows it. One thread: the processor's.
#pragma once

#include "aggregates/aggregate_type.hpp"
#include "consumers/derived/derived_stores.hpp"
#include "consumers/derived/generation.hpp"

#include <list>
#include <vector>

namespace tidemark::consumers {

struct CachedState {
    events::Key128 key;
    events::Partition partition = 0;
    const aggregates::AggregateType* type = nullptr;
    std::unique_ptr<aggregates::AggregateState> state;
    events::Version version = 0;           // with everything decided
    events::Version counted_version = 0;   // with what counts
    events::Version snapshot_version = 0;  // of the last snapshot handed over or loaded
    events::Sequence end_sequence = 0;     // behind its last record; 0: none since it was loaded
    std::size_t bytes = 0;
    bool dirty = false;  // listed for a snapshot
};

class StateCache {
public:
    StateCache(DerivedStores& derived, std::size_t max_bytes) : derived_(derived), max_bytes_(max_bytes) {}

    [[nodiscard]] CachedState* find(const events::Key128& key);  // and moves it to the front
    [[nodiscard]] const CachedState* peek(const events::Key128& key) const;
    CachedState& insert(CachedState state);

    void grown(CachedState& state);  // its state was evolved
    void counted(const events::Key128& key, events::Version version);
    void forget(const events::Key128& key);
    void drop_speculative();  // forgets states that hold events which do not count
    void settle();            // the derived stores have followed everything
    void evict();             // down to the limit, as far as the derived stores have followed
    void write_snapshots();   // hands over every counted state that has grown enough since its last
    [[nodiscard]] std::size_t dirty() const { return dirty_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    using Order = std::list<CachedState>;
    void snapshot(CachedState& state);

    DerivedStores& derived_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    Order order_;  // most recently used first
    ByKey<Order::iterator> by_key_;
    std::vector<events::Key128> dirty_;
};

}  // namespace tidemark::consumers
