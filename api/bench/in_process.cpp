// Durable commands of one event each, submitted in this process: decide, dedupe, version check, hashes, derived stores;
// with the views following, and without.
#include "api/bench/bench.hpp"
#include "api/bench/submitting.hpp"

#include <fmt/core.h>
#include <initializer_list>

namespace tidemark::api {

namespace {

BenchResult burst(BenchRun& run, std::string_view what, std::size_t in_flight,
                  const std::function<v1::Command()>& make) {
    Submitting submitting(run.bed->commands(), in_flight);
    const auto before = run.bed->commands().stats();
    const auto started = BenchClock::now();
    const auto answered = submitting.run([&]() -> std::optional<v1::Command> {
        if (BenchClock::now() - started >= run.time()) return std::nullopt;
        return make();
    });
    if (!answered) return std::unexpected(answered.error());
    const double rate = static_cast<double>(*answered) / seconds_since(started);
    const auto after = run.bed->commands().stats();
    const std::uint64_t groups = std::max<std::uint64_t>(1, after.groups - before.groups);
    const std::uint64_t group = (after.records - before.records) / groups;
    std::string floor = "floor: synced single write";
    if (in_flight > 1) {
        auto of_group = group_floor(run, group);
        if (!of_group) return std::unexpected(of_group.error());
        floor = *of_group;
    }
    run.figures.add({.name = fmt::format("in process, {} in flight: {}", in_flight, what),
                     .value = rate,
                     .against = floor,
                     .note = fmt::format("{} records a group", group)});
    return {};
}

BenchResult changes(BenchRun& run, std::string_view what, std::initializer_list<std::size_t> in_flight) {
    for (const std::size_t many : in_flight) {
        if (auto done = burst(run, what, many, [&] { return run.work->next(); }); !done) return done;
    }
    return {};
}

// What is hot was asked for before; a server that has just begun has to read it first.
BenchResult warm_up(BenchRun& run) {
    std::size_t left = run.arguments.live;
    const auto warmed = Submitting(run.bed->commands(), 4'096).run([&]() -> std::optional<v1::Command> {
        if (left-- == 0) return std::nullopt;
        return run.work->next();
    });
    if (!warmed) return std::unexpected(warmed.error());
    return {};
}

}  // namespace

BenchResult bench_in_process(BenchRun& run) {
    if (auto open = open_live_sales(run); !open) return open;
    if (auto followed = until_views_followed(run); !followed) return followed;
    if (auto opened = open_bed(run, Views::wait); !opened) return opened;
    if (auto warmed = warm_up(run); !warmed) return warmed;
    if (auto done = changes(run, "changes of live sales", {1, 256, 4'096}); !done) return done;
    if (auto opened = open_bed(run, Views::follow); !opened) return opened;
    if (auto warmed = warm_up(run); !warmed) return warmed;
    if (auto followed = until_views_followed(run); !followed) return followed;
    if (auto done = changes(run, "the same, views following", {1, 256, 4'096}); !done) return done;
    if (auto followed = until_views_followed(run); !followed) return followed;
    std::uint64_t number = 0;
    return burst(run, "new customers, views following", 256, [&] { return create_customer("new", number++); });
}

}  // namespace tidemark::api
