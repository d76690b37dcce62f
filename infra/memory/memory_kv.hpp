// The key-value store in memory, for tests: every value keeps the versions that a snapshot still sees.
#pragma once

#include "consumers/store/kv_store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidemark::infra {

// Any thread. Visitors are called without a lock, so they may read and write the store.
class MemoryKv final : public consumers::KvStore {
public:
    explicit MemoryKv(const std::vector<std::string>& tables);
    explicit MemoryKv(std::size_t tables);
    ~MemoryKv() override;
    MemoryKv(const MemoryKv&) = delete;
    MemoryKv& operator=(const MemoryKv&) = delete;

    [[nodiscard]] std::expected<std::optional<std::string>, consumers::KvError> get(consumers::Table table,
                                                                                    std::string_view key) override;
    // May outlive the store.
    [[nodiscard]] std::unique_ptr<consumers::KvSnapshot> snapshot() override;
    [[nodiscard]] std::expected<void, consumers::KvError> write(consumers::KvBatch batch,
                                                                consumers::Durability durability) override;
    [[nodiscard]] std::expected<void, consumers::KvError> write_bulk(consumers::KvBatch batch) override;
    [[nodiscard]] std::expected<void, consumers::KvError> ingest(std::vector<consumers::KvRun> runs,
                                                                 consumers::KvBatch then) override;
    [[nodiscard]] std::expected<void, consumers::KvError> clear(consumers::Table table) override;
    [[nodiscard]] std::uint64_t disk_bytes(
        consumers::Table table) override;  // of the newest values; nothing is on disk

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
    friend class MemorySnapshot;
};

}  // namespace tidemark::infra
