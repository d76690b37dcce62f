#include "tests/simulation/durable_kv.hpp"

namespace tidemark::tests::simulation {

using consumers::Durability;
using consumers::KvBatch;
using consumers::KvError;

namespace {

void copy_op(const KvBatch::Op& op, KvBatch& into) {
    if (op.value) {
        into.put(op.table, op.key, *op.value);
    } else {
        into.erase(op.table, op.key);
    }
}

}  // namespace

std::expected<void, KvError> DurableKv::apply(Written written) {
    auto done = store_->write(written.batch, Durability::buffered);
    if (done) written_.push_back(std::move(written));
    return done;
}

KvBatch DurableKv::without_dropped(KvBatch batch) const {
    if (!dropped_) return batch;
    KvBatch kept;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto op = batch[i];
        if (!dropped_(op.table, op.key)) copy_op(op, kept);
    }
    return kept;
}

std::expected<void, KvError> DurableKv::write(KvBatch batch, Durability durability) {
    points_.pass("before a batch is written");
    auto done = apply({without_dropped(std::move(batch)), false});
    if (durability == Durability::synced) synced_ = written_.size();
    points_.pass("after a batch was written");
    return done;
}

// All that was written before is safe with it.
std::expected<void, KvError> DurableKv::write_bulk(KvBatch batch) {
    return write(std::move(batch), Durability::synced);
}

std::expected<void, KvError> DurableKv::ingest(std::vector<consumers::KvRun> runs, KvBatch then) {
    if (place_first_ && !then.empty()) {
        if (auto done = write(std::move(then), Durability::buffered); !done) return done;
        then = {};
    }
    for (const auto& run : runs) {
        points_.pass("before a sorted run is taken in");
        KvBatch rows;
        for (std::size_t i = 0; i < run.size(); ++i) {
            rows.put(run.table(), run[i].first, run[i].second);
        }
        if (auto done = apply({without_dropped(std::move(rows)), true}); !done) return done;
    }
    points_.pass("between the sorted runs and their places");
    return then.empty() ? std::expected<void, KvError>() : write(std::move(then), Durability::buffered);
}

std::expected<void, KvError> DurableKv::clear(consumers::Table table) {
    points_.pass("before a table is cleared");
    KvBatch erased;
    const auto scanned = store_->snapshot()->scan(table, {}, {}, [&](std::string_view key, std::string_view) {
        erased.erase(table, std::string(key));
        return true;
    });
    if (!scanned) return scanned;
    auto done = apply({std::move(erased), false});
    if (done) synced_ = written_.size();  // a table is dropped at once, and all that was written before is safe
    return done;
}

void DurableKv::lose_power(Dice& dice) {
    const std::size_t kept = dice.between(synced_, written_.size());
    // What is appended to the write-ahead log goes from its end; files that were taken in may stay, or go as well.
    const bool runs_stay = dice.one_in(2);
    std::vector<Written> before = std::move(written_);
    written_.clear();
    store_ = std::make_unique<infra::MemoryKv>(tables_);
    for (std::size_t i = 0; i < before.size(); ++i) {
        if (i < kept || (before[i].run && runs_stay)) (void)apply(std::move(before[i]));
    }
    synced_ = written_.size();
}

}  // namespace tidemark::tests::simulation
