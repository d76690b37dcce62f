// The parts of the projector and what they share.
#pragma once

#include "consumers/projector/follower.hpp"
#include "consumers/projector/rebuild.hpp"

namespace tidemark::consumers {

// What is in the store of one colour of a view, as its shards have said after their last commits.
struct ColourProgress {
    std::vector<events::Sequence> next;  // by partition
    std::array<std::vector<ParkedStream>, projections::shards> parked;
    std::array<std::uint64_t, projections::shards> parked_version{};
};

struct View {
    Colour colour = Colour::none;  // in use
    std::uint64_t version = 0;     // of what is in use
    bool rebuilding = false;
    Progress rebuild;
    std::string failure;                    // of the last rebuild
    std::array<ColourProgress, 3> colours;  // by Colour

    [[nodiscard]] ColourProgress& progress_of(Colour which) { return colours[static_cast<std::size_t>(which)]; }
    [[nodiscard]] const ColourProgress& progress() const { return colours[static_cast<std::size_t>(colour)]; }
};

using ViewFailures = std::map<std::size_t, std::string>;  // why a view could not be made, by view
using Followers = std::vector<std::shared_ptr<Follower>>;

struct Projector::Impl {
    Impl(Log& log_in, KvStore& store, std::vector<projections::Projection> list, ProjectorOptions options_in);

    // projector.cpp
    void load();
    void start();
    void stop();
    void published(const Folds& folds);
    [[nodiscard]] Followers following();  // empty: not started, or stopped
    [[nodiscard]] std::size_t index_of(std::string_view name) const;
    [[nodiscard]] std::unique_ptr<projections::ViewReader> read(std::size_t view,
                                                                std::span<const events::Position> at_least,
                                                                std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] std::expected<void, std::string> retry_parked(std::size_t view, const events::StreamName& stream);
    [[nodiscard]] std::vector<ProjectionStatus> status();
    [[nodiscard]] std::uint64_t behind();
    void add_lag(ProjectionStatus& status, const std::vector<events::Sequence>& next);

    // switching.cpp: the way from one colour to the other
    [[nodiscard]] std::expected<void, std::string> make(const std::vector<std::size_t>& which,
                                                        const OnProgress& progress);
    [[nodiscard]] std::expected<ViewFailures, std::string> make_and_switch(const std::vector<std::size_t>& which,
                                                                           const OnProgress& progress);
    [[nodiscard]] std::expected<void, std::string> join(const Followers& following, Rebuild& rebuild);
    void switch_to(const std::vector<ViewColour>& made);
    void drop(const Followers& following, const ViewColour& which);

    Log& log;
    const std::vector<projections::Projection> projections;
    const ProjectorOptions options;
    Catalogue catalogue;

    std::mutex mutex;  // guards what follows
    std::condition_variable_any changed;
    std::vector<View> views;
    Followers followers;  // one a shard, from start to stop
    bool loaded = false;

    std::mutex rebuilding;  // one rebuild at a time; taken before `mutex`
    std::stop_source stopping;
    std::jthread builder;  // of what start() has found changed
};

}  // namespace tidemark::consumers
