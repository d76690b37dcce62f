#include "consumers/projector/projector.hpp"

#include "consumers/projector/failures.hpp"
#include "consumers/projector/projector_impl.hpp"
#include "consumers/projector/view_reader.hpp"

#include <algorithm>

namespace tidemark::consumers {

namespace {

events::Micros system_time() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

bool passed(const std::vector<events::Sequence>& next, std::span<const events::Position> positions) {
    return std::ranges::all_of(
        positions, [&](const events::Position& position) { return next[position.partition] > position.sequence; });
}

}  // namespace

Projector::Impl::Impl(Log& log_in, KvStore& store, std::vector<projections::Projection> list,
                      ProjectorOptions options_in)
    : log(log_in),
      projections(std::move(list)),
      options(std::move(options_in)),
      catalogue(store, projections),
      views(projections.size()) {
    for (auto& view : views) {
        for (auto& colour : view.colours) colour.next.assign(log.identity().partitions, 0);
    }
}

// Takes up what the store says is in use.
void Projector::Impl::load() {
    const std::scoped_lock lock(mutex);
    if (loaded) return;
    for (std::size_t i = 0; i < views.size(); ++i) {
        const auto state = catalogue.state(i);
        views[i].colour = static_cast<Colour>(state.colour());
        views[i].version = state.version();
    }
    loaded = true;
}

void Projector::Impl::start() {
    load();
    std::vector<std::size_t> changed_views;
    Followers made;
    for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
        const BatchLimits limits{options.batch_events, options.batch_time, options.cache_bytes / projections::shards};
        auto worker = std::make_unique<ShardWorker>(log, catalogue, shard, limits,
                                                    [this](const Folds& folds) { published(folds); });
        for (std::size_t i = 0; i < views.size(); ++i) {
            if (views[i].colour == Colour::none) continue;
            auto fold = std::make_unique<ViewFold>(catalogue, projections[i], ViewColour{i, views[i].colour},
                                                   log.identity(), shard, OnPoison::park);
            fold->check_against(log);
            worker->adopt(std::move(fold));
        }
        made.push_back(std::make_shared<Follower>(log, std::move(worker), options.on_thread));
    }
    for (std::size_t i = 0; i < views.size(); ++i) {
        if (views[i].colour == Colour::none || views[i].version != projections[i].version) changed_views.push_back(i);
        // A switch that was interrupted before it had cleared the old colour.
        const auto unused = other(views[i].colour);
        if (catalogue.state(i).building_colour() == 0 && catalogue.followed(i, unused)) catalogue.clear(i, unused);
    }
    for (const auto& follower : made) follower->start();
    {
        const std::scoped_lock lock(mutex);
        followers = std::move(made);
        for (const auto view : changed_views) views[view].rebuilding = true;
    }
    if (changed_views.empty()) return;
    builder = std::jthread([this, changed_views] {
        const auto result = make(changed_views, {});
        (void)result;  // an error is in the views' failure
    });
}

void Projector::Impl::stop() {
    stopping.request_stop();
    // The followers first: a rebuild may be waiting for one that does not get on.
    for (const auto& follower : following()) follower->stop();
    if (builder.joinable()) builder.join();
    const std::scoped_lock no_rebuild(rebuilding);
    stopping = std::stop_source();
    const std::scoped_lock lock(mutex);
    followers.clear();
}

void Projector::Impl::published(const Folds& folds) {
    {
        const std::scoped_lock lock(mutex);
        for (const auto& fold : folds) {
            auto& progress = views[fold->which().view].progress_of(fold->which().colour);
            for (events::Partition p = 0; p < log.identity().partitions; ++p) {
                if (projections::shard_of(p) == fold->shard()) progress.next[p] = fold->place(p).next_sequence;
            }
            if (std::exchange(progress.parked_version[fold->shard()], fold->parked_version()) !=
                fold->parked_version()) {
                progress.parked[fold->shard()] = fold->parked();
            }
        }
    }
    changed.notify_all();
}

Followers Projector::Impl::following() {
    const std::scoped_lock lock(mutex);
    return followers;
}

std::size_t Projector::Impl::index_of(std::string_view name) const {
    const auto found = std::ranges::find(projections, name, &projections::Projection::name);
    return static_cast<std::size_t>(found - projections.begin());
}

std::unique_ptr<projections::ViewReader> Projector::Impl::read(std::size_t view,
                                                               std::span<const events::Position> at_least,
                                                               std::chrono::steady_clock::time_point deadline) {
    for (const auto& position : at_least) {
        if (position.partition >= log.identity().partitions) return nullptr;
    }
    std::unique_lock lock(mutex);
    const auto& wanted = views[view];
    const auto ready = [&] { return wanted.colour != Colour::none && passed(wanted.progress().next, at_least); };
    const auto hopeless = [&] { return wanted.colour == Colour::none && !wanted.rebuilding; };
    if (!ready() && !hopeless()) {
        for (const auto& follower : followers) follower->hurry();
    }
    changed.wait_until(lock, deadline, [&] { return ready() || hopeless(); });
    if (!ready()) return nullptr;
    // Under the lock, so that the snapshot is of the colour that is in use.
    return make_view_reader(catalogue.store().snapshot(), catalogue.tables(view, wanted.colour));
}

std::expected<void, std::string> Projector::Impl::retry_parked(std::size_t view, const events::StreamName& stream) {
    const auto shard =
        projections::shard_of(events::partition_of(stream.tenant, stream.kind, stream.id, log.identity().partitions));
    const auto follow = following();
    if (follow.empty()) return std::unexpected("the projector is not following the log");
    return follow[shard]->run([&](ShardWorker& worker) -> std::expected<void, std::string> {
        Colour colour;
        {
            const std::scoped_lock lock(mutex);
            colour = views[view].colour;
        }
        auto* fold = worker.find({view, colour});
        if (!fold) return std::unexpected("view " + projections[view].name + " is not ready yet");
        auto retried = fold->retry(stream, log);
        worker.commit();
        return retried;
    });
}

std::vector<ProjectionStatus> Projector::Impl::status() {
    std::vector<ProjectionStatus> list;
    std::vector<std::vector<events::Sequence>> next;
    {
        const std::scoped_lock lock(mutex);
        for (std::size_t i = 0; i < views.size(); ++i) {
            const auto& view = views[i];
            auto& status = list.emplace_back();
            status.name = projections[i].name;
            status.version = view.version;
            status.ready = view.colour != Colour::none;
            status.rebuilding = view.rebuilding;
            status.rebuild = view.rebuild;
            status.failure = view.failure;
            for (const auto& parked : view.progress().parked) {
                status.parked.insert(status.parked.end(), parked.begin(), parked.end());
            }
            next.push_back(view.progress().next);
        }
    }
    const auto follow = following();
    for (std::size_t i = 0; i < list.size(); ++i) {
        for (const auto& follower : follow) {
            if (auto failure = follower->failure()) list[i].failure = *failure;
        }
        add_lag(list[i], next[i]);
    }
    return list;
}

std::uint64_t Projector::Impl::behind() {
    std::uint64_t most = 0;
    std::vector<events::Sequence> ends;
    for (events::Partition p = 0; p < log.identity().partitions; ++p) ends.push_back(log.end(p).tip.next_sequence);
    const std::scoped_lock lock(mutex);
    for (const View& view : views) {
        if (view.colour == Colour::none) continue;  // its first build sets its own pace
        std::uint64_t missing = 0;
        const auto& next = view.progress().next;
        for (events::Partition p = 0; p < ends.size(); ++p) missing += ends[p] > next[p] ? ends[p] - next[p] : 0;
        most = std::max(most, missing);
    }
    return most;
}

void Projector::Impl::add_lag(ProjectionStatus& status, const std::vector<events::Sequence>& next) {
    const auto now = options.clock ? options.clock() : system_time();
    for (events::Partition p = 0; p < next.size(); ++p) {
        const auto end = log.tip(p).next_sequence;
        if (end <= next[p]) continue;
        status.lag_events += end - next[p];
        const auto blocks = log.read(p, next[p], 1);
        if (!blocks) {
            status.failure = blocks.error();
            continue;
        }
        for (const auto& block : *blocks) {
            if (block->next_sequence() <= next[p]) continue;
            const auto oldest = events::decode_record(block->record(next[p] - block->header().first_sequence));
            if (oldest) status.lag_us = std::max(status.lag_us, now - oldest->header.recorded_at);
            break;
        }
    }
}

Projector::Projector(Log& log, KvStore& views, std::vector<projections::Projection> projections,
                     ProjectorOptions options)
    : impl_(std::make_unique<Impl>(log, views, std::move(projections), std::move(options))) {}

Projector::~Projector() {
    stop();
}

std::vector<std::string> Projector::tables(std::span<const projections::Projection> projections) {
    return Catalogue::table_names(projections);
}

std::expected<void, std::string> Projector::start() {
    try {
        impl_->start();
        return {};
    } catch (const std::exception& failed) {
        return std::unexpected(failed.what());
    }
}

void Projector::stop() {
    impl_->stop();
}

std::unique_ptr<projections::ViewReader> Projector::read(std::string_view projection,
                                                         std::span<const events::Position> at_least,
                                                         std::chrono::steady_clock::time_point deadline) {
    const auto view = impl_->index_of(projection);
    if (view == impl_->projections.size()) throw std::invalid_argument("there is no view " + std::string(projection));
    return impl_->read(view, at_least, deadline);
}

std::expected<void, std::string> Projector::rebuild(std::span<const std::string> names, const OnProgress& progress) {
    std::vector<std::size_t> which;
    for (std::size_t i = 0; names.empty() && i < impl_->projections.size(); ++i) which.push_back(i);
    for (const auto& name : names) {
        which.push_back(impl_->index_of(name));
        if (which.back() == impl_->projections.size()) return std::unexpected("there is no view " + name);
    }
    std::ranges::sort(which);
    which.erase(std::unique(which.begin(), which.end()), which.end());
    return impl_->make(which, progress);
}

std::expected<void, std::string> Projector::retry_parked(std::string_view projection,
                                                         const events::StreamName& stream) {
    const auto view = impl_->index_of(projection);
    if (view == impl_->projections.size()) return std::unexpected("there is no view " + std::string(projection));
    return impl_->retry_parked(view, stream);
}

std::vector<ProjectionStatus> Projector::status() const {
    return impl_->status();
}

std::uint64_t Projector::behind() const {
    return impl_->behind();
}

}  // namespace tidemark::consumers
