// Says of most keys that were never added that they were not, out of memory and at the cost of one miss of the
// processor's cache: a blocked Bloom filter. (F. Putze, P. Sanders, J. Singler, "Cache-, hash-, and space-efficient
// Bloom filters", 2009.) Keys come from SHA-256, so that their bytes are as good as hashes.
#pragma once

#include "events/ids.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemark::consumers {

// Any thread; who asks must have been told of what was added (by a lock).
class KeyFilter {
public:
    explicit KeyFilter(std::size_t keys);  // for so many; with more it says "perhaps" more often

    void add(const events::Key128& key);
    [[nodiscard]] bool may_hold(const events::Key128& key) const;

    [[nodiscard]] bool full() const { return added_.load(std::memory_order_relaxed) > keys_; }

private:
    static constexpr std::size_t bits_per_key = 12;  // one in a hundred that were not added is not told apart
    static constexpr int bits_of_key = 6;
    static constexpr std::size_t block_bits = 512;

    struct alignas(64) Block {
        std::array<std::atomic<std::uint64_t>, block_bits / 64> words{};
    };
    struct Place {
        std::size_t block;
        std::uint64_t bits;  // nine of its bits say which of the block's is meant, then the next nine
    };
    [[nodiscard]] Place place_of(const events::Key128& key) const;

    std::size_t keys_;
    std::atomic<std::size_t> added_ = 0;
    std::vector<Block> blocks_;
};

}  // namespace tidemark::consumers
