// A key-value store that outlives the process. It can die at every write; a loss of power takes the end of what was
// not synced.
#pragma once

#include "infra/memory/memory_kv.hpp"
#include "tests/simulation/crash_points.hpp"
#include "tests/simulation/defect.hpp"
#include "tests/simulation/dice.hpp"

#include <functional>

namespace tidemark::tests::simulation {

class DurableKv final : public consumers::KvStore {
public:
    DurableKv(std::size_t tables, CrashPoints& points)
        : tables_(tables), points_(points), store_(std::make_unique<infra::MemoryKv>(tables)) {}

    void lose_power(Dice& dice);
    // Planted faults: rows that are not to be written, and places that come first.
    void drop(std::function<bool(consumers::Table, std::string_view key)> what) { dropped_ = std::move(what); }
    void write_place_first() { place_first_ = true; }

    std::expected<std::optional<std::string>, consumers::KvError> get(consumers::Table table,
                                                                      std::string_view key) override {
        return store_->get(table, key);
    }
    std::unique_ptr<consumers::KvSnapshot> snapshot() override { return store_->snapshot(); }
    std::expected<void, consumers::KvError> write(consumers::KvBatch batch, consumers::Durability durability) override;
    std::expected<void, consumers::KvError> write_bulk(consumers::KvBatch batch) override;
    std::expected<void, consumers::KvError> ingest(std::vector<consumers::KvRun> runs,
                                                   consumers::KvBatch then) override;
    std::expected<void, consumers::KvError> clear(consumers::Table table) override;
    std::uint64_t disk_bytes(consumers::Table table) override { return store_->disk_bytes(table); }

private:
    struct Written {
        consumers::KvBatch batch;
        bool run = false;  // a file of its own, which is there when it was taken in
    };
    [[nodiscard]] std::expected<void, consumers::KvError> apply(Written written);
    [[nodiscard]] consumers::KvBatch without_dropped(consumers::KvBatch batch) const;

    std::size_t tables_;
    CrashPoints& points_;
    std::unique_ptr<infra::MemoryKv> store_;
    std::vector<Written> written_;  // since the beginning: what is there is what these make
    std::size_t synced_ = 0;        // of written_, that no loss of power takes
    std::function<bool(consumers::Table, std::string_view key)> dropped_;
    bool place_first_ = false;
};

}  // namespace tidemark::tests::simulation
