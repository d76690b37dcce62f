// The blocks read last, bounded by bytes: records of one stream often stand near each other, and a
// block is decompressed as a whole. Any thread.
#pragma once

#include "consumers/log/log.hpp"

#include <list>
#include <map>
#include <mutex>

namespace tidemark::consumers {

class BlockCache {
public:
    explicit BlockCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    // The block that holds the record; nullptr: it is not here.
    [[nodiscard]] events::BlockPtr find(events::Position position) {
        const std::scoped_lock lock(mutex_);
        auto it = by_first_.upper_bound(position);
        if (it == by_first_.begin()) return nullptr;
        --it;
        const events::BlockPtr& block = *it->second;
        if (it->first.partition != position.partition || position.sequence >= block->next_sequence()) return nullptr;
        order_.splice(order_.begin(), order_, it->second);
        return block;
    }

    void add(const events::BlockPtr& block) {
        if (block->size() == 0) return;
        const std::scoped_lock lock(mutex_);
        const events::Position first{block->header().partition, block->header().first_sequence};
        if (by_first_.contains(first)) return;
        order_.push_front(block);
        by_first_[first] = order_.begin();
        bytes_ += block->memory_bytes();
        while (bytes_ > max_bytes_ && order_.size() > 1) {
            const events::BlockPtr& oldest = order_.back();
            bytes_ -= oldest->memory_bytes();
            by_first_.erase({oldest->header().partition, oldest->header().first_sequence});
            order_.pop_back();
        }
    }

private:
    std::mutex mutex_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::list<events::BlockPtr> order_;  // most recently used first
    std::map<events::Position, std::list<events::BlockPtr>::iterator> by_first_;
};

}  // namespace tidemark::consumers
