// A hash table from a key to a number without a node per entry: open addressing in one array. Keys come from
// SHA-256, so that their first bytes are as good as a hash.
#pragma once

#include "events/ids.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

namespace tidemark::consumers {

// One thread, or many that only look up. Nothing is ever erased.
class KeyTable {
public:
    using Value = std::uint64_t;
    static constexpr Value none = std::numeric_limits<Value>::max();  // no value of an entry

    // With room for so many entries at first.
    explicit KeyTable(std::size_t expected = 0) { grow_to(expected * 2); }

    [[nodiscard]] Value find(const events::Key128& key) const { return slots_[place_of(key)].value; }

    // The value of a key, `value` if it is new; and whether it is.
    std::pair<Value&, bool> try_emplace(const events::Key128& key, Value value) {
        if (2 * (size_ + 1) > slots_.size()) grow_to(2 * slots_.size());
        Slot& slot = slots_[place_of(key)];
        const bool fresh = slot.value == none;
        if (fresh) {
            slot = {key, value};
            ++size_;
        }
        return {slot.value, fresh};
    }

    [[nodiscard]] std::size_t size() const { return size_; }

    template <class Visit>
    void for_each(const Visit& visit) const {
        for (const Slot& slot : slots_) {
            if (slot.value != none) visit(slot.key, slot.value);
        }
    }

private:
    struct Slot {
        events::Key128 key;
        Value value = none;
    };
    static constexpr std::size_t fewest = 64;

    // Where the key stands, or would.
    [[nodiscard]] std::size_t place_of(const events::Key128& key) const {
        std::uint64_t hash = 0;
        std::memcpy(&hash, key.bytes.data(), sizeof hash);
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = hash & mask;
        while (slots_[at].value != none && slots_[at].key.bytes != key.bytes) at = (at + 1) & mask;
        return at;
    }

    void grow_to(std::size_t slots) {
        std::size_t power = fewest;
        while (power < slots) power *= 2;
        std::vector<Slot> former(power);
        former.swap(slots_);
        for (const Slot& slot : former) {
            if (slot.value != none) slots_[place_of(slot.key)] = slot;
        }
    }

    std::vector<Slot> slots_;  // a power of two of them, at most half full
    std::size_t size_ = 0;
};

}  // namespace tidemark::consumers
