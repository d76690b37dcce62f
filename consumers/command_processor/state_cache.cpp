#include "consumers/command_processor/state_cache.hpp"

namespace tidemark::consumers {
namespace {

constexpr std::size_t entry_overhead = 256;    // list and map nodes
constexpr events::Version measure_every = 16;  // versions between two measurements of a state's size
// A snapshot spares the fold of what came before it. One that is only a few events newer than the last would cost more
// to write than it saves; a state that leaves the cache is written always.
constexpr events::Version snapshot_every = 16;

}  // namespace

CachedState* StateCache::find(const events::Key128& key) {
    const auto it = by_key_.find(key);
    if (it == by_key_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return &*it->second;
}

const CachedState* StateCache::peek(const events::Key128& key) const {
    const auto it = by_key_.find(key);
    return it == by_key_.end() ? nullptr : &*it->second;
}

CachedState& StateCache::insert(CachedState state) {
    state.bytes = state.state->memory_bytes() + entry_overhead;
    bytes_ += state.bytes;
    order_.push_front(std::move(state));
    by_key_[order_.front().key] = order_.begin();
    return order_.front();
}

void StateCache::grown(CachedState& state) {
    if (state.version > 2 && state.version % measure_every != 0) return;
    bytes_ -= state.bytes;
    state.bytes = state.state->memory_bytes() + entry_overhead;
    bytes_ += state.bytes;
}

void StateCache::counted(const events::Key128& key, events::Version version) {
    const auto it = by_key_.find(key);
    if (it == by_key_.end()) return;
    CachedState& state = *it->second;
    state.counted_version = version;
    if (state.dirty || version - state.snapshot_version < snapshot_every) return;
    state.dirty = true;
    dirty_.push_back(key);
}

void StateCache::forget(const events::Key128& key) {
    const auto it = by_key_.find(key);
    if (it == by_key_.end()) return;
    bytes_ -= it->second->bytes;
    order_.erase(it->second);
    by_key_.erase(it);
}

void StateCache::drop_speculative() {
    for (auto it = order_.begin(); it != order_.end();) {
        if (it->version == it->counted_version) {
            ++it;
            continue;
        }
        bytes_ -= it->bytes;
        by_key_.erase(it->key);
        it = order_.erase(it);
    }
}

void StateCache::settle() {
    for (CachedState& state : order_) state.end_sequence = 0;
}

void StateCache::evict() {
    auto it = order_.end();
    while (bytes_ > max_bytes_ && it != order_.begin()) {
        --it;
        if (it->version != it->counted_version || it->end_sequence > derived_.followed(it->partition)) continue;
        if (it->counted_version != it->snapshot_version) snapshot(*it);
        bytes_ -= it->bytes;
        by_key_.erase(it->key);
        it = order_.erase(it);
    }
}

void StateCache::write_snapshots() {
    std::vector<events::Key128> later;
    for (const events::Key128& key : dirty_) {
        const auto it = by_key_.find(key);
        if (it == by_key_.end()) continue;
        CachedState& state = *it->second;
        if (state.version != state.counted_version) {
            later.push_back(key);  // it holds an event that does not count yet
            continue;
        }
        state.dirty = false;
        if (state.counted_version != state.snapshot_version) snapshot(state);
    }
    dirty_ = std::move(later);
}

void StateCache::snapshot(CachedState& state) {
    state.snapshot_version = state.counted_version;
    derived_.put_snapshot(
        state.key, {state.counted_version, state.type->fold_version, state.state->message().SerializeAsString()});
}

}  // namespace tidemark::consumers
