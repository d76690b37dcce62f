#include "consumers/derived/key_filter.hpp"

#include <algorithm>
#include <cstring>

namespace tidemark::consumers {

KeyFilter::KeyFilter(std::size_t keys)
    : keys_(keys), blocks_(std::max<std::size_t>(1, keys * bits_per_key / block_bits)) {}

KeyFilter::Place KeyFilter::place_of(const events::Key128& key) const {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, key.bytes.data(), sizeof high);
    std::memcpy(&low, key.bytes.data() + sizeof high, sizeof low);
    __extension__ using Wide = unsigned __int128;
    return {static_cast<std::size_t>(static_cast<Wide>(high) * blocks_.size() >> 64), low};
}

void KeyFilter::add(const events::Key128& key) {
    auto [block, bits] = place_of(key);
    for (int i = 0; i < bits_of_key; ++i, bits >>= 9) {
        auto& word = blocks_[block].words[(bits >> 6) % 8];
        const std::uint64_t bit = std::uint64_t{1} << (bits % 64);
        if ((word.load(std::memory_order_relaxed) & bit) == 0) word.fetch_or(bit, std::memory_order_relaxed);
    }
    added_.fetch_add(1, std::memory_order_relaxed);
}

bool KeyFilter::may_hold(const events::Key128& key) const {
    auto [block, bits] = place_of(key);
    for (int i = 0; i < bits_of_key; ++i, bits >>= 9) {
        const auto& word = blocks_[block].words[(bits >> 6) % 8];
        if ((word.load(std::memory_order_relaxed) >> (bits % 64) & 1) == 0) return false;
    }
    return true;
}

}  // namespace tidemark::consumers
