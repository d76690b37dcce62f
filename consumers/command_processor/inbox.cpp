#include "consumers/command_processor/inbox.hpp"

#include "consumers/command_processor/answered.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tidemark::consumers {

// At most so many more commands of the lane; it may have become less before they are counted.
std::size_t Inbox::room(Lane lane) const {
    const auto left = [](std::size_t most, std::size_t taken) { return most - std::min(most, taken); };
    const std::size_t of_all = left(most_.commands, all_.commands);
    return lane == Lane::bulk ? std::min(of_all, left(most_bulk_.commands, bulk_.commands)) : of_all;
}

bool Inbox::fits(const Size& size) const {
    return room(size.lane) > 0 && all_.bytes + size.bytes <= most_.bytes &&
           (size.lane == Lane::single || bulk_.bytes + size.bytes <= most_bulk_.bytes);
}

// How many, from the front, there is room for; they are counted as queued from here on.
std::size_t Inbox::make_room(std::span<const Size> sizes) {
    const std::scoped_lock lock(mutex_);
    if (draining_) return 0;
    std::size_t fitting = 0;
    while (fitting < sizes.size() && fits(sizes[fitting])) {
        const Size& size = sizes[fitting++];
        ++all_.commands;
        all_.bytes += size.bytes;
        if (size.lane == Lane::single) continue;
        ++bulk_.commands;
        bulk_.bytes += size.bytes;
    }
    preparing_ += fitting;
    return fitting;
}

std::size_t Inbox::put(std::span<Submission> submissions) {
    if (submissions.empty()) return 0;
    // Streams ask again and again while the queue is full: what cannot fit is not even measured.
    const auto candidates = submissions.first(std::min(submissions.size(), room(submissions.front().lane)));
    std::vector<Size> sizes;
    sizes.reserve(candidates.size());
    for (const Submission& one : candidates) sizes.push_back({one.lane, one.command.ByteSizeLong()});
    const std::size_t fitting = make_room(sizes);
    if (fitting == 0) return 0;
    std::vector<PendingPtr> prepared;
    prepared.reserve(fitting);
    for (std::size_t i = 0; i < fitting; ++i) {
        prepared.push_back(preparation_.pending_of(std::move(submissions[i]), sizes[i].bytes));
    }
    bool first = false;
    std::vector<PendingPtr> stale;
    {
        const std::scoped_lock lock(mutex_);
        first = none_waits();
        for (PendingPtr& one : prepared) {
            if (one->submission.term.value_or(term_) != term_) {
                stale.push_back(std::move(one));
            } else if (one->submission.lane == Lane::bulk) {
                bulks_.push_back(std::move(one));
            } else {
                singles_.push_back(std::move(one));
            }
        }
        preparing_ -= fitting;
    }
    if (first) wake_.notify_one();
    answer_stale(std::move(stale));
    return fitting;
}

void Inbox::answer_stale(std::vector<PendingPtr> stale) {
    for (PendingPtr& one : stale) {
        done(*one);
        one->submission.answer(unavailable(std::move(*one->submission.command.mutable_command_id()),
                                           "an earlier command of the stream could not be done, and order is kept"));
    }
}

std::vector<PendingPtr> Inbox::end_term() {
    const std::scoped_lock lock(mutex_);
    ++term_;
    std::vector<PendingPtr> all = std::exchange(singles_, {});
    std::ranges::move(bulks_, std::back_inserter(all));
    bulks_.clear();
    return all;
}

void Inbox::appended(std::vector<AppendResult> results) {
    {
        const std::scoped_lock lock(mutex_);
        appends_.push_back(std::move(results));
        has_appends_ = true;
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
    wake_.wait_until(lock, deadline, [&] { return nudged_ || !appends_.empty() || (want_commands && !none_waits()); });
    nudged_ = false;
    Taken taken;
    taken.appends.swap(appends_);
    has_appends_ = false;
    if (want_commands) {
        taken.commands.swap(singles_);
        const auto end = bulks_.begin() + static_cast<std::ptrdiff_t>(std::min(bulks_.size(), bulk_at_once_));
        taken.commands.insert(taken.commands.end(), std::make_move_iterator(bulks_.begin()),
                              std::make_move_iterator(end));
        bulks_.erase(bulks_.begin(), end);
    }
    taken.closing = draining_;
    taken.drained = draining_ && none_waits() && preparing_ == 0;
    return taken;
}

void Inbox::done(const Pending& pending) {
    --all_.commands;
    all_.bytes -= pending.bytes;
    if (pending.submission.lane == Lane::single) return;
    --bulk_.commands;
    bulk_.bytes -= pending.bytes;
}

bool Inbox::waiting() const {
    const std::scoped_lock lock(mutex_);
    return !none_waits();
}

}  // namespace tidemark::consumers
