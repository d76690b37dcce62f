#include "consumers/command_processor/writer_loop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

namespace tidemark::consumers {
namespace {

constexpr auto snapshot_interval = std::chrono::seconds(2);
constexpr auto take_over_interval = std::chrono::milliseconds(200);
constexpr auto follow_patience = std::chrono::seconds(30);
constexpr auto throttled_interval = std::chrono::milliseconds(5);  // whoever is held back looks again
constexpr std::size_t snapshots_at = 20'000;                       // states changed since their last snapshot
// A group of so few records is committed on this thread, if nothing waits: to wake another one and to be woken costs
// more than hashing them.
constexpr std::size_t few_records = 4;

// When the last record of a partition was recorded: the writer's clock goes on from there.
std::expected<events::Micros, std::string> last_recorded_at(Log& log, events::Partition partition,
                                                            events::Sequence next) {
    if (next == 0) return 0;
    const auto blocks = log.read(partition, next - 1, 1);
    if (!blocks) return std::unexpected(blocks.error());
    for (const events::BlockPtr& block : *blocks) {
        if (block->size() == 0) continue;
        const auto record = events::decode_record(block->record(block->size() - 1));
        if (!record) return std::unexpected(record.error().what);
        return record->header.recorded_at;
    }
    return std::unexpected("the last record of partition " + std::to_string(partition) + " cannot be found");
}

}  // namespace

WriterLoop::WriterLoop(Log& log, DerivedStores& derived, std::function<events::Micros()> clock,
                       ProcessorOptions options, Inbox& inbox, WriterCounters& counters, std::function<Time()> timer)
    : log_(log),
      derived_(derived),
      history_(log, derived),
      clock_(std::move(clock)),
      timer_(std::move(timer)),
      options_(options),
      inbox_(inbox),
      counters_(counters),
      owner_{events::random_uuid(), log.identity(), options.compress},
      cache_(derived, options.cache_bytes),
      recent_(log.identity().partitions),
      gate_(log.identity().partitions),
      committer_(log, inbox, partitions_),
      next_snapshots_(timer_() + snapshot_interval) {
    for (events::Partition partition = 0; partition < log.identity().partitions; ++partition) {
        partitions_.emplace_back(partition, owner_);
    }
}

std::expected<void, std::string> WriterLoop::take_over() {
    if (auto failed = derived_.failure()) return std::unexpected(*failed);  // before a barrier is written for nothing
    std::vector<events::BlockPtr> barriers;
    for (events::Partition partition = 0; partition < partitions_.size(); ++partition) {
        Log::End end = log_.end(partition);
        const auto recorded_at = last_recorded_at(log_, partition, end.tip.next_sequence);
        if (!recorded_at) return std::unexpected(recorded_at.error());
        partitions_[partition].reset(std::move(end), *recorded_at);
        barriers.push_back(partitions_[partition].seal_barrier());
    }
    std::promise<std::vector<AppendResult>> appended;
    auto results = appended.get_future();
    log_.append(barriers, [&appended](std::vector<AppendResult> done) { appended.set_value(std::move(done)); });
    for (const AppendResult& result : results.get()) {
        if (result.status == AppendStatus::counted) continue;
        return std::unexpected(result.status == AppendStatus::superseded
                                   ? "another writer has taken a partition over"
                                   : "the barrier could not be appended: " + result.what);
    }
    // What an append of unknown outcome left behind counts now or never; the look-ups must know it before the first
    // decision.
    const auto deadline = timer_() + follow_patience;
    std::uint64_t seen = 0;
    for (events::Partition partition = 0; partition < partitions_.size(); ++partition) {
        while (derived_.followed(partition) < partitions_[partition].next_sequence()) {
            if (auto failed = derived_.failure()) return std::unexpected(*failed);
            if (timer_() > deadline) return std::unexpected("the derived stores do not follow the log");
            derived_.hurry();
            seen = log_.wait(seen, timer_() + std::chrono::milliseconds(1));
        }
    }
    cache_.settle();
    owning_ = true;
    counters_.trouble.set("");
    return {};
}

// On failure: again later; meanwhile every command is answered "unavailable".
void WriterLoop::take_over_again() {
    if (const auto taken = take_over(); !taken) {
        why_not_ = taken.error();
        if (counters_.trouble.set(why_not_)) {
            spdlog::error(
                "the partitions cannot be taken over: {}. It is tried again, and commands are refused meanwhile",
                why_not_);
        }
    }
    next_take_over_ = timer_() + take_over_interval;
}

void WriterLoop::disown(std::string_view why) {
    owning_ = false;
    why_not_ = why;
}

void WriterLoop::run() {
    committer_.start();
    for (bool more = true; more;) {
        const bool busy = owning_ && !appending_ && (!open_.empty() || (!arrived_.empty() && !throttled_));
        const auto rest = throttled_ ? throttled_interval : take_over_interval;
        more = turn(busy ? timer_() : std::min(next_snapshots_, timer_() + rest));
    }
    cache_.write_snapshots();
    committer_.stop();
}

bool WriterLoop::turn(Time deadline) {
    Inbox::Taken taken = inbox_.take(arrived_.empty(), deadline);
    for (PendingPtr& pending : taken.commands) {
        pending->ticket = next_ticket_++;
        arrived_.push_back(std::move(pending));
    }
    for (auto& results : taken.appends) finish_group(std::move(results));
    if (!owning_ && !appending_) {
        abandon();
        if (timer_() >= next_take_over_) {
            take_over_again();
        }
    }
    if (owning_) {
        decide_ready();
        decide_arrived();
        if (owning_ && !appending_) send_group();
    }
    housekeeping(taken.closing);
    // Whoever parked while the derived stores moved on was not nudged: look once more.
    if (owning_) decide_ready();
    return !(taken.drained && arrived_.empty() && gate_.empty() && open_.empty() && !appending_);
}

bool WriterLoop::group_full() const {
    return open_.records >= options_.group_records;
}

void WriterLoop::send_group() {
    if (open_.empty() || appending_) return;
    for (events::Partition partition = 0; partition < partitions_.size(); ++partition) {
        if (partitions_[partition].empty()) continue;
        partitions_[partition].close();
        open_.partitions.push_back(partition);
    }
    open_.log_id = owner_.log.id;
    const std::uint64_t next = open_.number + 1;
    bump(counters_.groups);
    bump(counters_.records, open_.records);
    in_flight_ = std::move(open_);
    open_ = CommandGroup{};
    open_.number = next;
    appending_ = true;
    if (in_flight_.records <= few_records && arrived_.empty() && !inbox_.waiting()) {
        committer_.commit_here(in_flight_);
    } else {
        committer_.commit(in_flight_);
    }
}

void WriterLoop::finish_group(std::vector<AppendResult> results) {
    appending_ = false;
    for (const AppendResult& result : results) {
        if (result.status == AppendStatus::counted) continue;
        disown(result.status == AppendStatus::superseded ? "another writer has taken a partition over"
               : result.what.empty()                     ? "what became of its block is not known"
                                                         : result.what);
        next_take_over_ = {};
    }
    if (!owning_) return;  // abandoned with all that was decided on top of it
    const CommandGroup group = std::exchange(in_flight_, {});
    std::vector<GroupAnswer> late = std::exchange(late_, {});
    send_group();  // the disk first
    recent_.group_counts(group.number);
    for (const auto& [stream, version] : group.streams) cache_.counted(stream, version);
    for (GroupAnswer& answer : late) give(std::move(answer), owner_.log.id);
}

// An append failed: nothing decided since then is known to count. Forget it, and say so; the same command
// ids may be sent again.
void WriterLoop::abandon() {
    auto arriving = inbox_.end_term();  // first: who hears of it may begin again at once
    for (CommandGroup* group : {&in_flight_, &open_}) {
        std::ranges::move(group->answers, std::back_inserter(late_));
        const std::uint64_t number = group->number;
        *group = CommandGroup{};
        group->number = number;
    }
    for (GroupAnswer& answer : std::exchange(late_, {})) {
        Submission& submission = answer.pending->submission;
        submission.answer(unavailable(std::move(*submission.command.mutable_command_id()), why_not_));
    }
    cache_.drop_speculative();
    recent_.drop_uncounted();
    std::move(arriving.begin(), arriving.end(), std::back_inserter(arrived_));
    refuse_waiting(why_not_);
}

// Those that were taken and are not decided.
void WriterLoop::refuse_waiting(std::string_view why) {
    auto waiting = gate_.take_all();
    std::move(waiting.begin(), waiting.end(), std::back_inserter(arrived_));
    for (PendingPtr& pending : arrived_) {
        inbox_.done(*pending);
        v1::Command& command = pending->submission.command;
        pending->submission.answer(unavailable(std::move(*command.mutable_command_id()), why));
    }
    arrived_.clear();
}

void WriterLoop::housekeeping(bool closing) {
    for (events::Partition partition = 0; partition < partitions_.size(); ++partition) {
        recent_.trim(partition, derived_.followed(partition));
    }
    const auto now = timer_();
    if (cache_.dirty() >= snapshots_at || now >= next_snapshots_) {
        cache_.write_snapshots();
        next_snapshots_ = now + snapshot_interval;
    }
    cache_.evict();
    // Look-ups that do not follow any more cannot be decided by: everybody is told, and a new start is tried.
    if (const auto failure = derived_.failure()) disown(*failure);
    const bool overfull = derived_.overfull();
    // Whoever closes waits for no view; and for derived stores only while they get on.
    throttled_ = overfull || (!closing && options_.hold_back && options_.hold_back());
    if (const auto held_up = closing ? derived_.held_up() : std::nullopt) refuse_waiting(*held_up);
    counters_.wants_nudge = overfull || !gate_.empty();
    if (counters_.wants_nudge) derived_.hurry();
    counters_.waiting = gate_.size();
    counters_.cache_bytes = cache_.bytes();
}

}  // namespace tidemark::consumers
