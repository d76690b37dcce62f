#include "consumers/command_processor/inbox.hpp"

#include "consumers/command_processor/answered.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tidemark::consumers {

// How many, from the front, there is room for; they are counted as queued from here on.
std::size_t Inbox::make_room(std::span<const std::size_t> sizes) {
    const std::scoped_lock lock(mutex_);
    if (draining_) return 0;
    std::size_t fitting = 0;
    std::size_t commands = commands_;
    std::size_t bytes = bytes_;
    while (fitting < sizes.size() && commands < max_commands_ && bytes + sizes[fitting] <= max_bytes_) {
        ++commands;
        bytes += sizes[fitting++];
    }
    // Both may have become less meanwhile, never more: only under the lock do they grow.
    for (const std::size_t size : sizes.first(fitting)) bytes_ += size;
    commands_ += fitting;
    preparing_ += fitting;
    return fitting;
}

std::size_t Inbox::put(std::span<Submission> submissions) {
    std::vector<std::size_t> sizes;
    sizes.reserve(submissions.size());
    for (const Submission& submission : submissions) sizes.push_back(submission.command.ByteSizeLong());
    const std::size_t fitting = make_room(sizes);
    if (fitting == 0) return 0;
    std::vector<PendingPtr> prepared;
    prepared.reserve(fitting);
    for (std::size_t i = 0; i < fitting; ++i) {
        prepared.push_back(preparation_.pending_of(std::move(submissions[i]), sizes[i]));
    }
    bool first = false;
    std::vector<PendingPtr> stale;
    {
        const std::scoped_lock lock(mutex_);
        std::vector<PendingPtr> of_this_term;
        of_this_term.reserve(prepared.size());
        for (PendingPtr& one : prepared) {
            const bool current = one->submission.term.value_or(term_) == term_;
            (current ? of_this_term : stale).push_back(std::move(one));
        }
        prepared = std::move(of_this_term);
        first = arrived_.empty();
        preparing_ -= fitting;
        if (first) {
            arrived_.swap(prepared);
        } else {
            std::ranges::move(prepared, std::back_inserter(arrived_));
        }
    }
    if (first) wake_.notify_one();
    answer_stale(std::move(stale));
    return fitting;
}

void Inbox::answer_stale(std::vector<PendingPtr> stale) {
    for (PendingPtr& one : stale) {
        done(1, one->bytes);
        one->submission.answer(unavailable(std::move(*one->submission.command.mutable_command_id())));
    }
}

std::vector<PendingPtr> Inbox::end_term() {
    const std::scoped_lock lock(mutex_);
    ++term_;
    return std::exchange(arrived_, {});
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

Inbox::Taken Inbox::take(bool want_commands, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, deadline,
                     [&] { return nudged_ || !appends_.empty() || (want_commands && !arrived_.empty()); });
    nudged_ = false;
    Taken taken;
    taken.appends.swap(appends_);
    if (want_commands) taken.commands.swap(arrived_);
    taken.closing = draining_;
    taken.drained = draining_ && arrived_.empty() && preparing_ == 0;
    return taken;
}

void Inbox::done(std::size_t commands, std::size_t bytes) {
    commands_ -= commands;
    bytes_ -= bytes;
}

bool Inbox::waiting() const {
    const std::scoped_lock lock(mutex_);
    return !arrived_.empty();
}

}  // namespace tidemark::consumers
