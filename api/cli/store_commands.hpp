// The subcommands that work on an opened data directory itself: replay, rebuild, check. They know ports only; main
// opens the adapters.
#pragma once

#include "api/cli/command_line.hpp"
#include "consumers/derived/derived_stores.hpp"
#include "consumers/history/history.hpp"
#include "consumers/log/log.hpp"
#include "consumers/projector/projector.hpp"

namespace tidemark::api {

// Folds the whole log through the aggregates, partitions side by side, and says how fast; with `verify`, holds
// the result against the stored snapshots.
[[nodiscard]] ExitCode replay_log(consumers::Log& log, const consumers::DerivedStores& derived,
                                  const ReplayArguments& arguments);
// Shows the events of one stream.
[[nodiscard]] ExitCode show_stream(consumers::History& history, const ReplayArguments& arguments);
[[nodiscard]] ExitCode check_log(consumers::Log& log, consumers::KvStore& derived, const CheckArguments& arguments);
[[nodiscard]] ExitCode rebuild_derived_stores(consumers::Log& log, consumers::KvStore& derived,
                                              const RebuildArguments& arguments);
// `names` empty: all of them.
[[nodiscard]] ExitCode rebuild_views(consumers::Projector& projector, const std::vector<std::string>& names,
                                     const RebuildArguments& arguments);

struct ReplayedLog {
    std::uint64_t blocks = 0;
    std::uint64_t records = 0;
    std::uint64_t events = 0;
    std::uint64_t streams = 0;
    double seconds = 0;
    std::uint64_t snapshots_compared = 0;
    std::vector<std::string> differences;  // between folded states and snapshots
};
// The fold itself, for `bench` too. `derived` null: nothing is compared. `progress` is called by any of its threads, by
// one at a time.
[[nodiscard]] std::expected<ReplayedLog, std::string> fold_log(consumers::Log& log,
                                                               const consumers::DerivedStores* derived,
                                                               const consumers::OnProgress& progress);

}  // namespace tidemark::api
