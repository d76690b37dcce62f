// What wakes the processor: submissions, completed appends, progress of the derived stores. Bounded in
// commands and bytes. put from any thread; take from the processor's.
#pragma once

#include "consumers/command_processor/command_processor.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace tidemark::consumers {

class Inbox {
public:
    struct Taken {
        std::vector<Submission> submissions;
        std::vector<std::vector<AppendResult>> appends;  // in the order of the appends
        bool draining = false;
    };

    explicit Inbox(const ProcessorOptions& options)
        : max_commands_(options.queue_commands), max_bytes_(options.queue_bytes) {}

    [[nodiscard]] std::size_t put(std::span<Submission> submissions);  // from the front; returns how many fitted
    void appended(std::vector<AppendResult> results);
    void nudge();  // something else has changed: look again
    void drain();  // takes no more submissions

    // Waits for anything, at the latest until `deadline`. Submissions only if `want_submissions`.
    [[nodiscard]] Taken take(bool want_submissions, std::chrono::steady_clock::time_point deadline);
    // Commands that the processor has taken are counted as queued until it says that they are done with.
    void done(std::size_t commands, std::size_t bytes);
    [[nodiscard]] std::size_t queued() const;

private:
    std::size_t max_commands_;
    std::size_t max_bytes_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Submission> submissions_;
    std::vector<std::vector<AppendResult>> appends_;
    std::size_t commands_ = 0;
    std::size_t bytes_ = 0;
    bool nudged_ = false;
    bool draining_ = false;
};

}  // namespace tidemark::consumers
