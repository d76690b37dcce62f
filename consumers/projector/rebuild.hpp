// Makes colours of views from the first event on, beside those in use: a thread a shard, large batches, rows in memory
// while they fit. What is interrupted goes on from where it was.
#pragma once

#include "consumers/projector/shard_worker.hpp"

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>

namespace tidemark::consumers {

class Rebuild {
public:
    // Chooses for each view the colour that is not in use. Throws StoreFailed.
    Rebuild(Log& log, const Catalogue& catalogue, std::span<const projections::Projection> projections,
            const std::vector<std::size_t>& views, BatchLimits limits);

    // Folds until fewer than `leave` blocks and records are left to fold (0: to the end). Blocks; progress comes from
    // the calling thread. An error concerns all views; that of a single one is in failures(), and the others are made.
    [[nodiscard]] std::expected<void, std::string> run(const std::stop_token& stop, std::size_t leave,
                                                       const OnProgress& progress);

    // What is (being) made; after run() without those that failed.
    [[nodiscard]] const std::vector<ViewColour>& colours() const { return colours_; }
    [[nodiscard]] const std::map<std::size_t, std::string>& failures() const { return failures_; }  // by view
    [[nodiscard]] Folds take(std::uint32_t shard);  // what was made, of views that did not fail

private:
    [[nodiscard]] bool can_go_on(const ViewColour& which) const;
    void begin_anew(const ViewColour& which) const;
    [[nodiscard]] std::unique_ptr<ViewFold> fold_of(const ViewColour& which, std::uint32_t shard) const;
    void drop_failed();
    static void build(ShardWorker& worker, const std::stop_token& stop, std::size_t leave);
    [[nodiscard]] Progress progress() const;

    Log& log_;
    const Catalogue& catalogue_;
    std::span<const projections::Projection> projections_;
    std::vector<ViewColour> colours_;
    std::array<std::unique_ptr<ShardWorker>, projections::shards> workers_;
    std::map<std::size_t, std::string> failures_;

    std::mutex mutex_;
    std::condition_variable ended_;
    std::uint32_t running_ = 0;
    std::string error_;
};

}  // namespace tidemark::consumers
