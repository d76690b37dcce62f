#include "consumers/projector/rebuild.hpp"

#include "consumers/projector/failures.hpp"

#include <thread>

namespace tidemark::consumers {

namespace {

constexpr std::chrono::milliseconds between_progress{200};

}  // namespace

Rebuild::Rebuild(Log& log, const Catalogue& catalogue, std::span<const projections::Projection> projections,
                 const std::vector<std::size_t>& views, BatchLimits limits)
    : log_(log), catalogue_(catalogue), projections_(projections) {
    for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
        workers_[shard] = std::make_unique<ShardWorker>(log_, catalogue_, shard, limits, [](const Folds&) {});
    }
    for (const auto view : views) {
        const ViewColour which{view, other(static_cast<Colour>(catalogue_.state(view).colour()))};
        if (!can_go_on(which)) begin_anew(which);
        colours_.push_back(which);
        for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
            workers_[shard]->adopt(fold_of(which, shard));
        }
    }
}

std::unique_ptr<ViewFold> Rebuild::fold_of(const ViewColour& which, std::uint32_t shard) const {
    return std::make_unique<ViewFold>(catalogue_, projections_[which.view], which, log_.identity(), shard,
                                      OnPoison::fail);
}

// Whether an interrupted rebuild of the same version, of this log, has left something that is whole.
bool Rebuild::can_go_on(const ViewColour& which) const {
    const auto state = catalogue_.state(which.view);
    if (static_cast<Colour>(state.building_colour()) != which.colour) return false;
    if (state.building_version() != projections_[which.view].version) return false;
    try {
        for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
            const auto fold = fold_of(which, shard);
            fold->check_against(log_);
            if (!fold->parked().empty()) return false;
        }
    } catch (const LogRefused&) {
        return false;
    }
    return true;
}

void Rebuild::begin_anew(const ViewColour& which) const {
    auto state = catalogue_.state(which.view);
    const auto put = [&] {
        KvBatch batch;
        catalogue_.put_state(batch, which.view, state);
        catalogue_.write(std::move(batch));
    };
    state.clear_building_colour();
    state.clear_building_version();
    put();
    catalogue_.clear(which.view, which.colour);
    state.set_building_colour(static_cast<std::uint32_t>(which.colour));
    state.set_building_version(projections_[which.view].version);
    put();
}

std::expected<void, std::string> Rebuild::run(const std::stop_token& stop, std::size_t leave,
                                              const OnProgress& on_progress) {
    std::stop_source giving_up;
    const std::stop_callback pass_on(stop, [&] { giving_up.request_stop(); });
    std::vector<std::jthread> threads;
    running_ = projections::shards;
    for (auto& worker : workers_) {
        threads.emplace_back([&] {
            std::string failed;
            try {
                build(*worker, giving_up.get_token(), leave);
            } catch (const std::exception& error) {
                failed = error.what();
                giving_up.request_stop();
            }
            const std::scoped_lock lock(mutex_);
            if (error_.empty()) error_ = failed;
            --running_;
            ended_.notify_all();
        });
    }
    for (std::unique_lock lock(mutex_); running_ > 0;) {
        ended_.wait_for(lock, between_progress, [&] { return running_ == 0; });
        lock.unlock();
        if (on_progress) on_progress(progress());
        lock.lock();
    }
    threads.clear();
    if (on_progress) on_progress(progress());  // they may have been done before the first look at them
    if (!error_.empty()) return std::unexpected(error_);
    if (stop.stop_requested())
        return std::unexpected("the rebuild was stopped; the next one goes on from where it was");
    drop_failed();
    return {};
}

// A view that failed in one shard is of no use in the others.
void Rebuild::drop_failed() {
    for (const auto& worker : workers_) {
        for (const auto& fold : worker->folds()) {
            if (fold->failure()) failures_.emplace(fold->which().view, *fold->failure());
        }
    }
    const auto failed = [&](const ViewColour& which) { return failures_.contains(which.view); };
    for (const auto& worker : workers_) {
        std::erase_if(worker->folds(), [&](const auto& fold) { return failed(fold->which()); });
    }
    std::erase_if(colours_, failed);
}

void Rebuild::build(ShardWorker& worker, const std::stop_token& stop, std::size_t leave) {
    while (worker.step(stop) > leave) {
    }
    worker.commit();
}

Progress Rebuild::progress() const {
    Progress progress;
    for (const auto& worker : workers_) progress.done += worker->folded();
    for (events::Partition p = 0; p < log_.identity().partitions; ++p) progress.total += log_.tip(p).next_sequence;
    return progress;
}

Folds Rebuild::take(std::uint32_t shard) {
    return std::move(workers_[shard]->folds());
}

}  // namespace tidemark::consumers
