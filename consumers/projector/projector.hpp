// Runs projections behind the log: rows and position in one batch (exactly-once effect), poison events
// parked with the rest of their stream, blue/green rebuild, lag per projection, waiting for a position.
#pragma once

#include "consumers/derived/derived_stores.hpp"
#include "consumers/log/log.hpp"
#include "consumers/store/kv_store.hpp"
#include "projections/projection.hpp"

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tidemark::consumers {

struct ProjectorOptions {
    std::size_t cache_bytes = 256u << 20;  // of decoded rows, over all projections; a rebuild takes as much again
    std::size_t batch_events = 100'000;    // folded before rows are written, under load
    // And at the latest after so long; at once when there is nothing more to fold and little was written of late.
    std::chrono::milliseconds batch_time{2000};
    std::size_t rebuild_batch_events = 500'000;  // the same for a rebuild, whose rows stay in memory while they fit
    std::chrono::milliseconds rebuild_batch_time{5000};
    std::function<events::Micros()> clock;  // wall time, for lag_us; empty: the system's
    std::function<void()> on_thread;        // what each thread that follows does first, such as to step back
};

// How a database for views is opened: with these table names. The store outlives the projector.
using OpenViews =
    std::function<std::expected<std::unique_ptr<KvStore>, std::string>(const std::vector<std::string>& tables)>;

struct ParkedStream {
    std::string projection;
    events::StreamName stream;
    events::Position first;    // the poison event
    std::uint64_t events = 0;  // parked so far, that one included
    std::string why;
};

struct ProjectionStatus {
    std::string name;
    std::uint64_t version = 0;
    bool ready = false;            // it has been made once, and can be asked
    std::uint64_t lag_events = 0;  // counted in the log, not folded yet
    events::Micros lag_us = 0;     // age of the oldest of those; 0: none
    bool rebuilding = false;
    Progress rebuild;
    std::vector<ParkedStream> parked;
    std::string failure;  // why it does not follow, or why its last rebuild failed; empty: all is well
};

class ViewNotReady {};  // a wait ran out

// Calls may come from any thread.
class Projector {
public:
    Projector(Log& log, KvStore& views, std::vector<projections::Projection> projections, ProjectorOptions options);
    ~Projector();

    // Table names that the views database must have for these projections (two colours each, plus meta).
    [[nodiscard]] static std::vector<std::string> tables(std::span<const projections::Projection> projections);

    // Compares what is stored with the list; what is new or of another version is rebuilt beside the old. Then follows.
    [[nodiscard]] std::expected<void, std::string> start();
    void stop();

    // A consistent look at a view (its current colour) once it has passed every position; nullptr when the deadline
    // came first.
    [[nodiscard]] std::unique_ptr<projections::ViewReader> read(std::string_view projection,
                                                                std::span<const events::Position> at_least,
                                                                std::chrono::steady_clock::time_point deadline);

    // Makes views again from the first event beside the ones in use, in parallel over shards, resumable; then switches.
    // A poison event makes it fail loudly, and the old view stays. Blocking; empty names: all.
    [[nodiscard]] std::expected<void, std::string> rebuild(std::span<const std::string> names,
                                                           const OnProgress& progress);

    // Folds a parked stream again from its poison event.
    [[nodiscard]] std::expected<void, std::string> retry_parked(std::string_view projection,
                                                                const events::StreamName& stream);

    [[nodiscard]] std::vector<ProjectionStatus> status() const;
    // Records that count and that some view in use has not written yet. Cheap.
    [[nodiscard]] std::uint64_t behind() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::consumers
