// Folds one shard's partitions into any number of views: reads each block once, decodes each payload once, hands it
// to every view that wants it, and writes what changed in one batch. Knows nothing of threads. One thread.
#pragma once

#include "consumers/projector/view_fold.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

namespace tidemark::consumers {

using Folds = std::vector<std::unique_ptr<ViewFold>>;

struct BatchLimits {
    std::size_t events;
    std::chrono::milliseconds time;
    std::size_t cache_bytes;
    bool bulk = false;  // every batch is written with KvStore::write_bulk
};

// Throws StoreFailed or LogRefused: then rewind() before going on.
class ShardWorker {
public:
    // `on_commit` is called after each commit with what is in the store now.
    ShardWorker(Log& log, const Catalogue& catalogue, std::uint32_t shard, BatchLimits limits,
                std::function<void(const Folds&)> on_commit);

    // Reads and folds a chunk of each partition, commits whenever a batch is full; returns how many blocks and records
    // that were. 0: there is nothing more, commit() what there is.
    std::size_t step(const std::stop_token& stop);
    void commit();
    void rewind();
    // Not before this is it worth while to commit what there is: under load a tenth of the time goes into writing, and
    // rows that many events touch are written once for all of them. At once when little was written of late. `hurried`:
    // somebody waits for it; then half of the time may go into writing.
    [[nodiscard]] std::chrono::steady_clock::time_point commit_due(bool hurried) const;

    // With nothing uncommitted. A view that is behind the others catches up on its own, the others wait for it.
    void adopt(std::unique_ptr<ViewFold> fold);
    [[nodiscard]] std::unique_ptr<ViewFold> release(ViewColour which);
    [[nodiscard]] ViewFold* find(ViewColour which);
    [[nodiscard]] Folds& folds() { return folds_; }

    // Records that every view has folded. Any thread.
    [[nodiscard]] std::uint64_t folded() const { return folded_; }

private:
    [[nodiscard]] const FoldPlace* least_place(events::Partition partition) const;
    std::size_t fold_partition(events::Partition partition);
    void fold_block(const events::Block& block);
    [[nodiscard]] bool batch_is_full() const;
    [[nodiscard]] std::size_t cached_bytes() const;
    void trim_caches();
    void count_folded();

    Log& log_;
    const Catalogue& catalogue_;
    std::uint32_t shard_;
    BatchLimits limits_;
    std::function<void(const Folds&)> on_commit_;
    Folds folds_;
    std::vector<ViewFold*> takers_;  // of the block at hand
    std::size_t uncommitted_ = 0;    // blocks and records
    std::chrono::steady_clock::time_point batch_began_;
    std::chrono::steady_clock::time_point last_commit_;  // when it ended
    std::chrono::steady_clock::duration commit_took_{};
    std::size_t last_ops_ = 0;  // of the last commit: what the next one may need
    std::size_t last_bytes_ = 0;
    std::atomic<std::uint64_t> folded_ = 0;
};

}  // namespace tidemark::consumers
