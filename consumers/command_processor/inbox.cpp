#include "consumers/command_processor/inbox.hpp"

namespace tidemark::consumers {

std::size_t Inbox::put(std::span<Submission> submissions) {
    std::size_t taken = 0;
    {
        const std::scoped_lock lock(mutex_);
        if (draining_) return 0;
        for (Submission& submission : submissions) {
            const std::size_t bytes = submission.command.ByteSizeLong();
            if (commands_ + 1 > max_commands_ || bytes_ + bytes > max_bytes_) break;
            ++commands_;
            bytes_ += bytes;
            submissions_.push_back(std::move(submission));
            ++taken;
        }
    }
    if (taken > 0) wake_.notify_one();
    return taken;
}

void Inbox::appended(std::vector<AppendResult> results) {
    {
        const std::scoped_lock lock(mutex_);
        appends_.push_back(std::move(results));
    }
    wake_.notify_one();
}

void Inbox::nudge() {
    {
        const std::scoped_lock lock(mutex_);
        nudged_ = true;
    }
    wake_.notify_one();
}

void Inbox::drain() {
    {
        const std::scoped_lock lock(mutex_);
        draining_ = true;
        nudged_ = true;
    }
    wake_.notify_one();
}

Inbox::Taken Inbox::take(bool want_submissions, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, deadline,
                     [&] { return nudged_ || !appends_.empty() || (want_submissions && !submissions_.empty()); });
    nudged_ = false;
    Taken taken;
    taken.draining = draining_;
    taken.appends.swap(appends_);
    if (want_submissions) taken.submissions.swap(submissions_);
    // Drained means: nothing is left in here either.
    if (draining_ && !submissions_.empty()) taken.draining = false;
    return taken;
}

void Inbox::done(std::size_t commands, std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    commands_ -= commands;
    bytes_ -= bytes;
}

std::size_t Inbox::queued() const {
    const std::scoped_lock lock(mutex_);
    return commands_;
}

}  // namespace tidemark::consumers
