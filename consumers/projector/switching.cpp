// Blue and green: how a colour that was made beside the one in use takes its place.
#include "consumers/projector/failures.hpp"
#include "consumers/projector/projector_impl.hpp"

namespace tidemark::consumers {

std::expected<void, std::string> Projector::Impl::make(const std::vector<std::size_t>& which,
                                                       const OnProgress& progress) {
    const std::scoped_lock alone(rebuilding);
    {
        const std::scoped_lock lock(mutex);
        for (const auto view : which) {
            views[view].rebuilding = true;
            views[view].rebuild = {};
            views[view].failure.clear();
        }
    }
    ViewFailures failures;
    try {
        auto result = make_and_switch(which, progress);
        if (result) failures = std::move(*result);
        for (const auto view : which) {
            if (!result) failures[view] = result.error();
        }
    } catch (const std::exception& failed) {
        for (const auto view : which) failures[view] = failed.what();
    }
    std::string said;
    {
        const std::scoped_lock lock(mutex);
        for (const auto view : which) views[view].rebuilding = false;
        for (const auto& [view, why] : failures) {
            views[view].failure = why;
            if (said.find(why) == std::string::npos) said += (said.empty() ? "" : "; ") + why;
        }
    }
    changed.notify_all();
    if (!said.empty()) return std::unexpected(said);
    return {};
}

std::expected<ViewFailures, std::string> Projector::Impl::make_and_switch(const std::vector<std::size_t>& which,
                                                                          const OnProgress& progress) {
    load();
    const auto stop = stopping.get_token();
    const BatchLimits limits{options.rebuild_batch_events, options.rebuild_batch_time,
                             options.cache_bytes / projections::shards, true};
    Rebuild rebuild(log, catalogue, projections, which, limits);
    const auto follow = following();
    // While others append, the followers go the last part of the way; else it is gone to the end here.
    const auto leave = follow.empty() ? 0 : options.batch_events;
    const auto on_progress = [&](Progress now) {
        {
            const std::scoped_lock lock(mutex);
            for (const auto view : which) views[view].rebuild = now;
        }
        if (progress) progress(now);
    };
    if (auto made = rebuild.run(stop, leave, on_progress); !made) return std::unexpected(made.error());

    if (!follow.empty()) {
        if (auto joined = join(follow, rebuild); !joined) return std::unexpected(joined.error());
    }
    switch_to(rebuild.colours());
    for (const auto& made : rebuild.colours()) drop(follow, {made.view, other(made.colour)});
    return rebuild.failures();
}

// From now on the followers fold both colours. It is time to switch when the new one has passed what the old one has
// passed: nobody who has read his write sees it vanish.
std::expected<void, std::string> Projector::Impl::join(const Followers& following, Rebuild& rebuild) {
    std::vector<events::Sequence> ends;
    for (events::Partition p = 0; p < log.identity().partitions; ++p) ends.push_back(log.tip(p).next_sequence);
    for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
        auto adopted = following[shard]->run([&](ShardWorker& worker) -> std::expected<void, std::string> {
            for (auto& fold : rebuild.take(shard)) {
                fold->park_from_now_on();
                worker.adopt(std::move(fold));
            }
            return {};
        });
        if (!adopted) return adopted;
    }
    const auto not_behind = [&] {
        for (const auto& made : rebuild.colours()) {
            auto& view = views[made.view];
            const auto& next = view.progress_of(made.colour).next;
            const auto& wanted = view.colour == Colour::none ? ends : view.progress().next;
            for (events::Partition p = 0; p < next.size(); ++p) {
                if (next[p] < wanted[p]) return false;
            }
        }
        return true;
    };
    std::unique_lock lock(mutex);
    if (!changed.wait(lock, stopping.get_token(), not_behind)) {
        return std::unexpected("the rebuild was stopped; the next one goes on from where it was");
    }
    return {};
}

// One write, for all of them; readers see either all or none of it.
void Projector::Impl::switch_to(const std::vector<ViewColour>& made) {
    KvBatch batch;
    const std::scoped_lock lock(mutex);
    for (const auto& [view, colour] : made) {
        v1::ViewState state;
        state.set_colour(static_cast<std::uint32_t>(colour));
        state.set_version(projections[view].version);
        catalogue.put_state(batch, view, state);
    }
    if (batch.empty()) return;
    catalogue.write(std::move(batch));
    for (const auto& [view, colour] : made) {
        views[view].colour = colour;
        views[view].version = projections[view].version;
    }
}

void Projector::Impl::drop(const Followers& following, const ViewColour& which) {
    for (const auto& follower : following) {
        // When the thread has stopped, nobody folds it any more.
        (void)follower->run([&](ShardWorker& worker) -> std::expected<void, std::string> {
            (void)worker.release(which);
            return {};
        });
    }
    catalogue.clear(which.view, which.colour);
    const std::scoped_lock lock(mutex);
    views[which.view].progress_of(which.colour) = {std::vector<events::Sequence>(log.identity().partitions, 0), {}, {}};
}

}  // namespace tidemark::consumers
