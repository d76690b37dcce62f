// A hash table over elements that lie elsewhere: open addressing in one array, no allocation an element. Who uses it
// hashes the keys and compares them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::projections {

[[nodiscard]] inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    std::uint64_t hash = (a ^ (b << 32 | b >> 32)) * 0x9e37'79b9'7f4a'7c15ull;
    hash ^= hash >> 32;
    hash *= 0xd6e8'feb8'6659'fd93ull;
    return hash ^ hash >> 32;
}
[[nodiscard]] inline std::uint64_t hash_of(std::string_view bytes) {
    return std::hash<std::string_view>()(bytes);
}

// `Value` is small and says where the element is: a pointer, a number. Pointers that find() gives hold until the next
// add() or remove().
template <class Value>
class FlatIndex {
public:
    // `same(value)` says whether it is the element that is looked for. nullptr: it is not there.
    template <class Same>
    [[nodiscard]] Value* find(std::uint64_t hash, const Same& same) {
        if (slots_.empty()) return nullptr;
        for (std::size_t at = place(hash); slots_[at].used; at = next(at))
            if (slots_[at].hash == hash && same(slots_[at].value)) return &slots_[at].value;
        return nullptr;
    }

    void add(std::uint64_t hash, Value value) {  // of an element that is not there
        if (10 * (size_ + 1) > 7 * slots_.size()) grow();
        put(hash, std::move(value));
        ++size_;
    }

    template <class Same>
    void remove(std::uint64_t hash, const Same& same) {  // of an element that is there
        std::size_t hole = place(hash);
        while (slots_[hole].hash != hash || !same(slots_[hole].value)) hole = next(hole);
        // What follows without a gap moves up, unless it would come before the place where it is looked for first.
        for (std::size_t at = next(hole); slots_[at].used; at = next(at)) {
            if (distance(place(slots_[at].hash), at) < distance(hole, at)) continue;
            slots_[hole] = slots_[at];
            hole = at;
        }
        slots_[hole] = {};
        --size_;
    }

    void clear() {
        if (size_ < slots_.size() / 16) slots_.clear();  // it was larger once
        for (auto& slot : slots_) slot = {};
        size_ = 0;
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

    // For a walk over all of them: the element at a place, nullptr where there is none.
    [[nodiscard]] std::size_t places() const { return slots_.size(); }
    [[nodiscard]] Value* at(std::size_t place) { return slots_[place].used ? &slots_[place].value : nullptr; }

private:
    struct Slot {
        std::uint64_t hash = 0;
        Value value{};
        bool used = false;
    };

    [[nodiscard]] std::size_t place(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
    [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
    [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
        return (to - from) & (slots_.size() - 1);
    }
    void put(std::uint64_t hash, Value value) {
        std::size_t at = place(hash);
        while (slots_[at].used) at = next(at);
        slots_[at] = {hash, std::move(value), true};
    }
    void grow() {
        std::vector<Slot> former(slots_.empty() ? 16 : 2 * slots_.size());  // a power of two
        former.swap(slots_);
        for (auto& slot : former)
            if (slot.used) put(slot.hash, std::move(slot.value));
    }

    std::vector<Slot> slots_;
    std::size_t size_ = 0;
};

}  // namespace tidemark::projections
