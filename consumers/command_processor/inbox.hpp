// What wakes the processor: commands, completed appends, progress of the derived stores. Bounded in commands and
// bytes. Commands wait in two lanes, so that bulk streams, which send as much as is taken, leave room and time to
// single commands: bulk fills at most three quarters of the queue, and per take all singles come first, then a few
// hundred of bulk. Each lane keeps its order. put from any thread; take from the processor's.
#pragma once

#include "consumers/command_processor/pending.hpp"
#include "consumers/log/log.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

namespace tidemark::consumers {

class Inbox {
public:
    struct Taken {
        std::vector<PendingPtr> commands;                // singles before bulk
        std::vector<std::vector<AppendResult>> appends;  // in the order of the appends
        bool closing = false;                            // nothing more is taken in
        bool drained = false;                            // and nothing is left in here
    };

    Inbox(const ProcessorOptions& options, Preparation preparation)
        : most_(options.queue_commands, options.queue_bytes),
          most_bulk_(most_.commands - most_.commands / 4, most_.bytes - most_.bytes / 4),
          bulk_at_once_(std::min<std::size_t>(options.group_records, 500)),
          preparation_(std::move(preparation)) {}

    [[nodiscard]] std::size_t put(std::span<Submission> submissions);  // from the front; returns how many fitted
    void appended(std::vector<AppendResult> results);
    void nudge();  // something else has changed: look again
    void drain();  // takes no more submissions

    // Takes every command that waits, and begins another term: those that come of the former one are answered here.
    [[nodiscard]] std::vector<PendingPtr> end_term();
    [[nodiscard]] std::uint64_t term() const { return term_; }

    // Waits for anything, at the latest until `deadline`. Commands only if `want_commands`.
    [[nodiscard]] Taken take(bool want_commands, std::chrono::steady_clock::time_point deadline);
    // Commands that the processor has taken are counted as queued until it says that they are done with.
    void done(const Pending& pending);
    [[nodiscard]] std::size_t queued() const { return all_.commands; }
    [[nodiscard]] std::size_t queued_bulk() const { return bulk_.commands; }
    [[nodiscard]] std::size_t queued_bytes() const { return all_.bytes; }
    [[nodiscard]] bool waiting() const;                              // commands, not taken yet
    [[nodiscard]] bool has_appends() const { return has_appends_; }  // not taken yet

private:
    struct Limits {
        std::size_t commands;
        std::size_t bytes;
    };
    struct Count {
        std::atomic<std::size_t> commands = 0;
        std::atomic<std::size_t> bytes = 0;
    };
    struct Size {
        Lane lane;
        std::size_t bytes;
    };
    void answer_stale(std::vector<PendingPtr> stale);
    [[nodiscard]] std::size_t room(Lane lane) const;
    [[nodiscard]] bool fits(const Size& size) const;
    [[nodiscard]] std::size_t make_room(std::span<const Size> sizes);
    [[nodiscard]] bool none_waits() const { return singles_.empty() && bulks_.empty(); }

    Limits most_;
    Limits most_bulk_;
    std::size_t bulk_at_once_;
    Preparation preparation_;
    Count all_;  // both grow under the mutex only
    Count bulk_;
    std::atomic<std::uint64_t> term_ = 1;  // changes only under the mutex

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::vector<PendingPtr> singles_;
    std::deque<PendingPtr> bulks_;
    std::vector<std::vector<AppendResult>> appends_;
    std::atomic<bool> has_appends_ = false;  // changes only under the mutex
    std::size_t preparing_ = 0;              // have room, and are in no lane yet
    bool nudged_ = false;
    bool draining_ = false;
};

}  // namespace tidemark::consumers
