// What wakes the processor: commands, completed appends, progress of the derived stores. Bounded in commands and
// bytes. put from any thread; take from the processor's.
#pragma once

#include "consumers/command_processor/pending.hpp"
#include "consumers/log/log.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace tidemark::consumers {

class Inbox {
public:
    struct Taken {
        std::vector<PendingPtr> commands;
        std::vector<std::vector<AppendResult>> appends;  // in the order of the appends
        bool closing = false;                            // nothing more is taken in
        bool drained = false;                            // and nothing is left in here
    };

    Inbox(const ProcessorOptions& options, Preparation preparation)
        : max_commands_(options.queue_commands),
          max_bytes_(options.queue_bytes),
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
    void done(std::size_t commands, std::size_t bytes);
    [[nodiscard]] std::size_t queued() const { return commands_; }
    [[nodiscard]] bool waiting() const;  // commands, not taken yet

private:
    void answer_stale(std::vector<PendingPtr> stale);
    [[nodiscard]] std::size_t make_room(std::span<const std::size_t> sizes);

    std::size_t max_commands_;
    std::size_t max_bytes_;
    Preparation preparation_;
    std::atomic<std::size_t> commands_ = 0;
    std::atomic<std::size_t> bytes_ = 0;
    std::atomic<std::uint64_t> term_ = 1;  // changes only under the mutex

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::vector<PendingPtr> arrived_;
    std::vector<std::vector<AppendResult>> appends_;
    std::size_t preparing_ = 0;  // have room, and are not in arrived_ yet
    bool nudged_ = false;
    bool draining_ = false;
};

}  // namespace tidemark::consumers
