// Port: an ordered key-value store with named tables, for everything that can be made again from the
// log (derived stores, views). Adapters: infra/rocksdb, infra/memory (tests).
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::consumers {

// Index into the list of table names that the store was opened with.
using Table = std::uint32_t;

struct KvError {
    std::string what;     // what failed, where, and what may be done
    bool damage = false;  // what is stored is damaged; else the world failed, and it may be tried again
};

// Puts and deletes, in their order. Keys are ordered as unsigned bytes. What it holds lies in one piece of memory.
class KvBatch {
public:
    struct Op {
        Table table;
        std::string_view key;
        std::optional<std::string_view> value;  // nothing: delete
    };
    void put(Table table, std::string_view key, std::string_view value) {
        std::copy(value.begin(), value.end(), make_room(table, key, value.size()));
    }
    // A put whose value the caller writes: into this room, before the next call.
    [[nodiscard]] char* make_room(Table table, std::string_view key, std::size_t value_bytes) {
        ops_.push_back({table, bytes_.size(), key.size(), value_bytes});
        bytes_.append(key);
        const auto begin = bytes_.size();
        bytes_.resize(begin + value_bytes);
        return bytes_.data() + begin;
    }
    void erase(Table table, std::string_view key) {
        ops_.push_back({table, bytes_.size(), key.size(), no_value});
        bytes_.append(key);
    }
    [[nodiscard]] std::size_t size() const { return ops_.size(); }
    // Valid until the batch changes.
    [[nodiscard]] Op operator[](std::size_t index) const {
        const auto& op = ops_[index];
        const std::string_view all(bytes_);
        Op found{op.table, all.substr(op.begin, op.key), std::nullopt};
        if (op.value != no_value) found.value = all.substr(op.begin + op.key, op.value);
        return found;
    }
    void reserve(std::size_t ops, std::size_t bytes) {
        ops_.reserve(ops);
        bytes_.reserve(bytes);
    }
    [[nodiscard]] bool empty() const { return ops_.empty(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
    // Back to the first `size` of them.
    void truncate(std::size_t size) {
        if (size < ops_.size()) bytes_.resize(ops_[size].begin);
        ops_.resize(std::min(size, ops_.size()));
    }
    void clear() {
        ops_.clear();
        bytes_.clear();
    }

private:
    static constexpr auto no_value = static_cast<std::size_t>(-1);
    struct Stored {
        Table table;
        std::size_t begin, key, value;  // in bytes_: the key, then the value
    };
    std::vector<Stored> ops_;
    std::string bytes_;
};

// One table's part of a sorted run: keys ascending and unique. Rows lie one behind the other in one buffer, so that a
// run of a million small ones is no million allocations.
class KvRun {
public:
    using Row = std::pair<std::string_view, std::string_view>;

    explicit KvRun(Table table, std::initializer_list<Row> rows = {}) : table_(table) {
        for (const auto& [key, value] : rows) add(key, value);
    }
    void reserve(std::size_t rows, std::size_t bytes) {
        places_.reserve(rows);
        bytes_.reserve(bytes);
    }
    void add(std::string_view key, std::string_view value) {
        bytes_.append(key).append(value);
        places_.push_back({bytes_.size(), key.size(), value.size()});
    }
    [[nodiscard]] Table table() const { return table_; }
    [[nodiscard]] std::size_t size() const { return places_.size(); }
    [[nodiscard]] bool empty() const { return places_.empty(); }
    // Until the next add.
    [[nodiscard]] Row operator[](std::size_t i) const {
        const auto& [end, key, value] = places_[i];
        const std::string_view bytes(bytes_);
        return {bytes.substr(end - value - key, key), bytes.substr(end - value, value)};
    }
    [[nodiscard]] bool ascending() const {
        for (std::size_t i = 1; i < size(); ++i) {
            if ((*this)[i - 1].first >= (*this)[i].first) return false;
        }
        return true;
    }

private:
    struct Place {
        std::size_t end, key, value;  // end of both in bytes_, and their lengths
    };
    Table table_;
    std::string bytes_;
    std::vector<Place> places_;
};

enum class Durability : std::uint8_t {
    buffered,  // survives a kill of the process; a loss of power takes some of the last writes, in their order
    synced,    // survives the loss of power
};

// Called with each row in key order; false ends the scan.
using KvVisitor = std::function<bool(std::string_view key, std::string_view value)>;

// A consistent read-only look at the store as of one moment. One thread.
class KvSnapshot {
public:
    virtual ~KvSnapshot() = default;
    [[nodiscard]] virtual std::expected<std::optional<std::string>, KvError> get(Table table,
                                                                                 std::string_view key) const = 0;
    // Rows with `first` <= key < `last` (empty: to the end).
    [[nodiscard]] virtual std::expected<void, KvError> scan(Table table, std::string_view first, std::string_view last,
                                                            const KvVisitor& visit) const = 0;
    [[nodiscard]] virtual std::expected<void, KvError> scan_back(Table table, std::string_view first,
                                                                 std::string_view last,
                                                                 const KvVisitor& visit) const = 0;  // descending
};

// Calls may come from any thread; writes to one key come from one thread at a time.
class KvStore {
public:
    virtual ~KvStore() = default;
    [[nodiscard]] virtual std::expected<std::optional<std::string>, KvError> get(Table table, std::string_view key) = 0;
    [[nodiscard]] virtual std::unique_ptr<KvSnapshot> snapshot() = 0;
    [[nodiscard]] virtual std::expected<void, KvError> write(KvBatch batch,
                                                             Durability durability) = 0;  // all or nothing
    // As write; for large batches cheaper. Each key is there once. A batch that is written so, and all that was written
    // before it, survives the loss of power.
    [[nodiscard]] virtual std::expected<void, KvError> write_bulk(KvBatch batch) = 0;
    // Sorted runs, cheaper than write for large ones, then the batch. Not atomic together: the runs are
    // visible first. Rows of a run replace those with the same key.
    [[nodiscard]] virtual std::expected<void, KvError> ingest(std::vector<KvRun> runs, KvBatch then) = 0;
    // Survives the loss of power, and so does all that was written before.
    [[nodiscard]] virtual std::expected<void, KvError> clear(Table table) = 0;
    [[nodiscard]] virtual std::uint64_t disk_bytes(Table table) = 0;  // estimate
};

// The end of the range of keys that begin with `prefix`: scan(table, prefix, after_prefix(prefix), ...).
[[nodiscard]] std::string after_prefix(std::string_view prefix);

}  // namespace tidemark::consumers
