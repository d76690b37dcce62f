// The key-value store on RocksDB, for derived stores and views: one column family per table.
#pragma once

#include "consumers/store/kv_store.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace rocksdb {
class FileSystem;
}

namespace tidemark::infra {

struct RocksKvOptions {
    std::size_t block_cache_bytes = 64u << 20;   // of read blocks, index and filter blocks, over all tables
    std::size_t write_buffer_bytes = 64u << 20;  // not flushed yet, over all tables
    std::size_t ingest_rows = 4096;              // runs of so many rows are ingested as files; shorter ones are written
    std::size_t bulk_bytes = 4u << 20;           // bulk writes from so many bytes on make files
    // Filters are held in memory whole, 10 bits a key, beside the cache: a look-up for a key that is not there costs a
    // fraction. For tables whose keys are many and short-lived questions: what cannot be bounded so is left in pieces
    // in the cache.
    bool filters_in_memory = false;
    bool drop_other_tables = false;              // drops tables that are there and not asked for; else they are kept
    std::shared_ptr<rocksdb::FileSystem> files;  // that the database lies on; none: the system's own. For tests
};

// Any thread. Visitors may read and write the store.
// After a loss of power, what was written is there up to some write, and nothing of those behind it; what was ingested
// is there whole, or not.
class RocksKv final : public consumers::KvStore {
public:
    // Makes the database and the tables that are missing. The error is for people: held by another process, damaged.
    [[nodiscard]] static std::expected<std::unique_ptr<RocksKv>, std::string> open(
        const std::filesystem::path& directory, const std::vector<std::string>& tables, RocksKvOptions options = {});
    ~RocksKv() override;
    RocksKv(const RocksKv&) = delete;
    RocksKv& operator=(const RocksKv&) = delete;

    [[nodiscard]] std::expected<std::optional<std::string>, consumers::KvError> get(consumers::Table table,
                                                                                    std::string_view key) override;
    // Keeps the database open as long as it lives.
    [[nodiscard]] std::unique_ptr<consumers::KvSnapshot> snapshot() override;
    [[nodiscard]] std::expected<void, consumers::KvError> write(consumers::KvBatch batch,
                                                                consumers::Durability durability) override;
    // Large ones as finished files of all tables, which the database takes over at once.
    [[nodiscard]] std::expected<void, consumers::KvError> write_bulk(consumers::KvBatch batch) override;
    [[nodiscard]] std::expected<void, consumers::KvError> ingest(std::vector<consumers::KvRun> runs,
                                                                 consumers::KvBatch then) override;
    // Drops the table and makes it anew: snapshots go on seeing the old one. That survives the loss of power, and so
    // does what was written before.
    [[nodiscard]] std::expected<void, consumers::KvError> clear(consumers::Table table) override;
    [[nodiscard]] std::uint64_t disk_bytes(consumers::Table table) override;

private:
    struct Impl;
    explicit RocksKv(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
    friend class RocksSnapshot;
};

}  // namespace tidemark::infra
