#include "infra/memory/memory_kv.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>

namespace tidemark::infra {

using consumers::KvError;
using consumers::Table;

namespace {

constexpr std::size_t rows_per_lock = 256;  // a scan takes so many rows at a time

struct ValueVersion {
    std::uint64_t since = 0;           // the write that made it
    std::optional<std::string> value;  // nothing: deleted
};

// Ascending; the newest is the last. std::map's order of std::string is that of unsigned bytes.
using Rows = std::map<std::string, std::vector<ValueVersion>, std::less<>>;

const std::string* seen_at(const std::vector<ValueVersion>& versions, std::uint64_t moment) {
    for (auto at = versions.rbegin(); at != versions.rend(); ++at) {
        if (at->since <= moment) {
            return at->value ? &*at->value : nullptr;
        }
    }
    return nullptr;
}

using CopiedRows = std::vector<std::pair<std::string, std::string>>;

}  // namespace

struct MemoryKv::Impl {
    explicit Impl(std::size_t count) : tables(count) {}

    [[nodiscard]] bool knows(Table table) const { return table < tables.size(); }

    // Versions that neither a snapshot nor anybody new can see go; called with the lock held.
    void prune(Rows& rows, Rows::iterator row) {
        std::vector<ValueVersion>& versions = row->second;
        const std::uint64_t oldest = pinned.empty() ? now : *pinned.begin();
        auto keep = versions.begin();
        for (auto at = versions.begin(); at != versions.end() && at->since <= oldest; ++at) {
            keep = at;
        }
        versions.erase(versions.begin(), keep);
        if (versions.size() == 1 && !versions.front().value && versions.front().since <= oldest) {
            rows.erase(row);
        }
    }

    void set(Table table, const std::string& key, std::optional<std::string> value) {
        Rows& rows = tables[table];
        const auto row = rows.try_emplace(key).first;
        if (!row->second.empty() && row->second.back().since == now) {
            row->second.back().value = std::move(value);
        } else {
            row->second.push_back({now, std::move(value)});
        }
        if (!pinned.empty()) {
            crowded.emplace(table, key);
        }
        prune(rows, row);
    }

    void unpin(std::uint64_t moment) {
        const std::unique_lock lock(mutex);
        pinned.erase(pinned.find(moment));
        if (!pinned.empty()) {
            return;
        }
        for (const auto& [table, key] : crowded) {
            if (const auto row = tables[table].find(key); row != tables[table].end()) {
                prune(tables[table], row);
            }
        }
        crowded.clear();
    }

    std::shared_mutex mutex;
    std::vector<Rows> tables;
    std::uint64_t now = 0;                            // number of the last write
    std::multiset<std::uint64_t> pinned;              // moments that snapshots look at
    std::set<std::pair<Table, std::string>> crowded;  // keys that may hold versions for snapshots only
};

class MemorySnapshot final : public consumers::KvSnapshot {
public:
    explicit MemorySnapshot(std::shared_ptr<MemoryKv::Impl> store) : store_(std::move(store)) {
        const std::unique_lock lock(store_->mutex);
        moment_ = store_->now;
        store_->pinned.insert(moment_);
    }
    ~MemorySnapshot() override { store_->unpin(moment_); }
    MemorySnapshot(const MemorySnapshot&) = delete;
    MemorySnapshot& operator=(const MemorySnapshot&) = delete;

    std::expected<std::optional<std::string>, KvError> get(Table table, std::string_view key) const override {
        const std::shared_lock lock(store_->mutex);
        if (!store_->knows(table)) {
            return std::unexpected(KvError{"no table " + std::to_string(table)});
        }
        const auto row = store_->tables[table].find(key);
        const std::string* value = row == store_->tables[table].end() ? nullptr : seen_at(row->second, moment_);
        return value ? std::optional(*value) : std::nullopt;
    }

    std::expected<void, KvError> scan(Table table, std::string_view first, std::string_view last,
                                      const consumers::KvVisitor& visit) const override {
        std::string from(first);
        for (bool more = true; more;) {
            CopiedRows copied;
            if (auto read = copy_forward(table, from, last, copied); !read) {
                return read;
            }
            more = copied.size() == rows_per_lock;
            for (const auto& [key, value] : copied) {
                if (!visit(key, value)) {
                    return {};
                }
            }
            if (more) {
                from = copied.back().first + '\0';
            }
        }
        return {};
    }

    std::expected<void, KvError> scan_back(Table table, std::string_view first, std::string_view last,
                                           const consumers::KvVisitor& visit) const override {
        std::string end(last);
        for (bool more = true; more;) {
            CopiedRows copied;
            if (auto read = copy_backward(table, first, end, copied); !read) {
                return read;
            }
            more = copied.size() == rows_per_lock;
            for (const auto& [key, value] : copied) {
                if (!visit(key, value)) {
                    return {};
                }
            }
            // An empty `last` means "to the end": below the empty key there is nothing.
            if (more && (end = copied.back().first).empty()) {
                return {};
            }
        }
        return {};
    }

private:
    std::expected<void, KvError> copy_forward(Table table, const std::string& first, std::string_view last,
                                              CopiedRows& into) const {
        const std::shared_lock lock(store_->mutex);
        if (!store_->knows(table)) {
            return std::unexpected(KvError{"no table " + std::to_string(table)});
        }
        const Rows& rows = store_->tables[table];
        for (auto row = rows.lower_bound(first); row != rows.end() && into.size() < rows_per_lock; ++row) {
            if (!last.empty() && row->first >= last) {
                break;
            }
            if (const std::string* value = seen_at(row->second, moment_)) {
                into.emplace_back(row->first, *value);
            }
        }
        return {};
    }

    std::expected<void, KvError> copy_backward(Table table, std::string_view first, const std::string& last,
                                               CopiedRows& into) const {
        const std::shared_lock lock(store_->mutex);
        if (!store_->knows(table)) {
            return std::unexpected(KvError{"no table " + std::to_string(table)});
        }
        const Rows& rows = store_->tables[table];
        auto row = last.empty() ? rows.end() : rows.lower_bound(last);
        while (row != rows.begin() && into.size() < rows_per_lock) {
            --row;
            if (row->first < first) {
                break;
            }
            if (const std::string* value = seen_at(row->second, moment_)) {
                into.emplace_back(row->first, *value);
            }
        }
        return {};
    }

    std::shared_ptr<MemoryKv::Impl> store_;
    std::uint64_t moment_ = 0;
};

MemoryKv::MemoryKv(const std::vector<std::string>& tables) : MemoryKv(tables.size()) {}
MemoryKv::MemoryKv(std::size_t tables) : impl_(std::make_shared<Impl>(tables)) {}
MemoryKv::~MemoryKv() = default;

std::expected<std::optional<std::string>, KvError> MemoryKv::get(Table table, std::string_view key) {
    const std::shared_lock lock(impl_->mutex);
    if (!impl_->knows(table)) {
        return std::unexpected(KvError{"no table " + std::to_string(table)});
    }
    const auto row = impl_->tables[table].find(key);
    return row == impl_->tables[table].end() ? std::nullopt : row->second.back().value;
}

std::unique_ptr<consumers::KvSnapshot> MemoryKv::snapshot() {
    return std::make_unique<MemorySnapshot>(impl_);
}

std::expected<void, KvError> MemoryKv::write(consumers::KvBatch batch, consumers::Durability) {
    const std::unique_lock lock(impl_->mutex);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (!impl_->knows(batch[i].table)) {
            return std::unexpected(KvError{"no table " + std::to_string(batch[i].table)});
        }
    }
    ++impl_->now;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto op = batch[i];
        impl_->set(op.table, std::string(op.key), op.value ? std::optional(std::string(*op.value)) : std::nullopt);
    }
    return {};
}

std::expected<void, KvError> MemoryKv::write_bulk(consumers::KvBatch batch) {
    return write(std::move(batch), consumers::Durability::synced);
}

std::expected<void, KvError> MemoryKv::ingest(std::vector<consumers::KvRun> runs, consumers::KvBatch then) {
    consumers::KvBatch all;
    for (const consumers::KvRun& run : runs) {
        if (!run.ascending()) {
            return std::unexpected(
                KvError{"a run for table " + std::to_string(run.table()) + " is not in ascending order"});
        }
        for (std::size_t i = 0; i < run.size(); ++i) {
            all.put(run.table(), run[i].first, run[i].second);
        }
    }
    if (auto written = write(std::move(all), consumers::Durability::buffered); !written) {
        return written;
    }
    return write(std::move(then), consumers::Durability::buffered);
}

std::expected<void, KvError> MemoryKv::clear(Table table) {
    const std::unique_lock lock(impl_->mutex);
    if (!impl_->knows(table)) {
        return std::unexpected(KvError{"no table " + std::to_string(table)});
    }
    ++impl_->now;
    Rows& rows = impl_->tables[table];
    if (impl_->pinned.empty()) {
        rows.clear();
        return {};
    }
    std::vector<std::string> keys;
    for (const auto& row : rows) {
        keys.push_back(row.first);
    }
    for (const std::string& key : keys) {
        impl_->set(table, key, std::nullopt);
    }
    return {};
}

std::uint64_t MemoryKv::disk_bytes(Table table) {
    const std::shared_lock lock(impl_->mutex);
    std::uint64_t bytes = 0;
    if (impl_->knows(table)) {
        for (const auto& [key, versions] : impl_->tables[table]) {
            bytes += key.size() + (versions.back().value ? versions.back().value->size() : 0);
        }
    }
    return bytes;
}

}  // namespace tidemark::infra
