// How the writer loop decides: repetition, state, facts, decision, records of the open group.
#include "consumers/command_processor/writer_loop.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace tidemark::consumers {
namespace {

v1::Rejection version_conflict(events::Version expected, events::Version actual) {
    v1::Rejection rejection;
    rejection.set_code("VersionConflict");
    rejection.set_category(v1::VERSION_CONFLICT);
    rejection.set_field("expected_version");
    rejection.set_detail("the command expects version " + std::to_string(expected) + " and the stream is at version " +
                         std::to_string(actual) + "; read it again and decide anew, with a new command id");
    return rejection;
}

}  // namespace

void WriterLoop::decide_arrived() {
    // The committer is not to wait for what comes next: a look at what it has done every few decisions.
    for (std::size_t decided = 1; owning_ && !throttled_ && !arrived_.empty() && !group_full(); ++decided) {
        if (decided % 16 == 0 && inbox_.has_appends()) return;
        PendingPtr& next = arrived_.front();
        if (!partitions_[next->partition].has_room()) {
            if (appending_) return;
            send_group();
            continue;
        }
        PendingPtr pending = std::move(next);
        arrived_.pop_front();
        if (gate_.parked_before(pending->stream, pending->ticket)) {
            gate_.queue_behind(std::move(pending));
        } else {
            (void)decide_guarded(pending);
        }
        // The disk need not wait for the rest of what has arrived.
        if (!appending_ && open_.records >= 64) send_group();
    }
}

// Commands whose wait is over, and those behind them.
void WriterLoop::decide_ready() {
    if (gate_.empty()) return;
    for (events::Partition partition = 0; partition < partitions_.size(); ++partition) {
        for (PendingPtr& head : gate_.ready(partition, derived_.followed(partition))) decide_stream(std::move(head));
    }
    for (auto heads = gate_.take_unparked(); !heads.empty(); heads = gate_.take_unparked()) {
        for (PendingPtr& head : heads) decide_stream(std::move(head));
    }
}

void WriterLoop::decide_stream(PendingPtr pending) {
    while (pending) {
        const events::Key128 stream = pending->stream;
        if (!owning_) {
            // The partitions are to be taken over anew, and what waits is answered with the rest: no state that the
            // look-ups have not followed is loaded in between.
            gate_.park_until_followed(std::move(pending), 0, 0);
            return;
        }
        if (!partitions_[pending->partition].has_room() && !appending_) send_group();
        if (!partitions_[pending->partition].has_room()) {
            // No room in the open block: looked at again when the append under way has returned.
            gate_.park_until_followed(std::move(pending), 0, 0);
            return;
        }
        if (decide_guarded(pending) == Turn::parked) return;
        pending = gate_.next_of(stream);
    }
}

// A stream that cannot be read fails its own commands only, unless the derived stores do not know all of its events
// yet: then nobody could read it again, and the partitions are taken over anew, which waits for them.
WriterLoop::Turn WriterLoop::decide_guarded(PendingPtr& pending) {
    const events::Key128 stream = pending->stream;
    try {
        return decide(pending);
    } catch (const std::exception& error) {
        say_undecided(error.what());
        if (pending && pending->submission.answer) {
            v1::Command& command = pending->submission.command;
            inbox_.done(*pending);
            pending->submission.answer(unavailable(std::move(*command.mutable_command_id()), error.what()));
        }
        if (const CachedState* state = cache_.peek(stream)) {
            if (state->end_sequence > derived_.followed(state->partition)) disown(error.what());
            cache_.forget(stream);  // it may be half folded
        }
        return Turn::decided;
    }
}

// One line a second: what fails may fail for every command that comes.
void WriterLoop::say_undecided(const char* why) {
    const auto now = timer_();
    if (now < next_undecided_) {
        ++undecided_;
        return;
    }
    next_undecided_ = now + std::chrono::seconds(1);
    const std::uint64_t more = std::exchange(undecided_, 0);
    spdlog::error("a command could not be decided: {}{}", why,
                  more == 0 ? "" : " (and " + std::to_string(more) + " before it, since the last time this was said)");
}

WriterLoop::Turn WriterLoop::decide(PendingPtr& pending) {
    if (answer_repetition(pending)) return Turn::decided;
    CachedState& state = load(*pending);
    const v1::Command& command = pending->submission.command;
    if (command.has_expected_version() && command.expected_version() != state.version) {
        reject(pending, state, version_conflict(command.expected_version(), state.version));
        return Turn::decided;
    }
    std::vector<aggregates::Need> needs = state.state->needs(command);
    std::vector<std::shared_ptr<const v1::Reference>> held;
    std::vector<const v1::Reference*> found;
    for (const aggregates::Need& need : needs) {
        // Neither "yes" nor "no" is said on facts that may be about to change. Asked before the look-up: what is
        // followed in between must not look settled and be the former fact.
        if (const std::optional<Wait> wait = unsettled(*pending, need)) {
            park(std::move(pending), *wait);
            return Turn::parked;
        }
        held.push_back(derived_.reference(events::stream_key(command.tenant(), need.kind, need.id)));
        found.push_back(held.back().get());
    }

    const aggregates::Facts facts(std::move(needs), std::move(found));
    auto decided = state.state->decide(command, {command.stream_id(), command.occurred_at(), state.version, facts});
    if (!decided) {
        reject(pending, state, std::move(decided.error()));
        return Turn::decided;
    }
    std::vector<Draft> drafts;
    drafts.reserve(decided->size() + 1);
    for (aggregates::Decided& event : *decided) {
        drafts.push_back({events::RecordKind::event, event.type, std::move(event.payload)});
    }
    Answered answered;
    answered.status = drafts.empty() ? v1::UNCHANGED : v1::ACCEPTED;
    if (drafts.empty()) {
        v1::Unchanged unchanged;
        unchanged.set_command(std::string(aggregates::command_name(command)));
        drafts.push_back({events::RecordKind::unchanged, 0, unchanged.SerializeAsString()});
    }
    bump(answered.status == v1::ACCEPTED ? counters_.accepted : counters_.unchanged);
    record(pending, state, std::move(drafts), std::move(answered));
    return Turn::decided;
}

bool WriterLoop::answer_repetition(PendingPtr& pending) {
    const v1::Command& command = pending->submission.command;
    std::optional<Answered> original;
    std::vector<GroupAnswer>* with = nullptr;
    if (const RecentCommand* recent = recent_.find(pending->command)) {
        original = recent->answered;
        if (!recent_.counts(*recent)) with = recent->group == open_.number ? &open_.answers : &late_;
    } else if (const auto first = derived_.outcome(pending->command)) {
        auto read = read_answered(history_, {pending->partition, *first},
                                  {command.tenant(), std::string(pending->type->kind), command.stream_id()},
                                  command.command_id());
        if (!read) throw std::runtime_error(read.error());
        original = std::move(*read);
    }
    if (!original) return false;
    inbox_.done(*pending);
    bump(counters_.commands);
    bump(counters_.repeated);
    std::unique_ptr<v1::Outcome> conflict;
    if (original->body != pending->body) {
        conflict =
            std::make_unique<v1::Outcome>(command_id_reused(command.command_id(), aggregates::command_name(command)));
    }
    if (with != nullptr) {
        with->push_back({std::move(pending), std::move(*original), true, std::move(conflict)});
    } else if (conflict) {
        pending->submission.answer(std::move(*conflict));
    } else {
        pending->submission.answer(outcome_of(*original, owner_.log.id, command.command_id(), true));
    }
    return true;
}

CachedState& WriterLoop::load(const Pending& pending) {
    if (CachedState* cached = cache_.find(pending.stream)) {
        bump(counters_.cache_hits);
        return *cached;
    }
    bump(counters_.cache_misses);
    const v1::Command& command = pending.submission.command;
    CachedState fresh;
    fresh.key = pending.stream;
    fresh.partition = pending.partition;
    fresh.type = pending.type;
    auto past = history_.state({command.tenant(), std::string(pending.type->kind), command.stream_id()}, {});
    if (!past) throw std::runtime_error(past.error());
    if (*past) {
        fresh.state = std::move((*past)->state);
        fresh.version = fresh.counted_version = (*past)->version;
        fresh.snapshot_version = (*past)->version;
    } else {
        fresh.state = pending.type->make();
    }
    CachedState& cached = cache_.insert(std::move(fresh));
    counters_.cache_bytes = cache_.bytes();  // before anybody is answered, who may ask
    return cached;
}

std::optional<WriterLoop::Wait> WriterLoop::unsettled(const Pending& pending, const aggregates::Need& need) const {
    const events::Key128 stream = events::stream_key(pending.submission.command.tenant(), need.kind, need.id);
    if (stream == pending.stream) return std::nullopt;
    if (gate_.parked_before(stream, pending.ticket)) return Wait{.stream = stream};
    // A state that the view has not followed cannot have left the cache.
    const CachedState* state = cache_.peek(stream);
    if (state == nullptr || state->end_sequence <= derived_.followed(state->partition)) return std::nullopt;
    return Wait{.stream = {}, .partition = state->partition, .end = state->end_sequence};
}

void WriterLoop::park(PendingPtr pending, const Wait& wait) {
    if (wait.end > 0) {
        gate_.park_until_followed(std::move(pending), wait.partition, wait.end);
    } else {
        gate_.park_until_unparked(std::move(pending), wait.stream);
    }
}

void WriterLoop::reject(PendingPtr& pending, CachedState& state, v1::Rejection rejection) {
    rejection.set_command(std::string(aggregates::command_name(pending->submission.command)));
    std::vector<Draft> drafts;
    drafts.push_back({events::RecordKind::rejection, 0, rejection.SerializeAsString()});
    Answered answered;
    answered.status = v1::REJECTED;
    answered.rejection = std::make_shared<const v1::Rejection>(std::move(rejection));
    bump(counters_.rejected);
    record(pending, state, std::move(drafts), std::move(answered));
}

void WriterLoop::record(PendingPtr& pending, CachedState& state, std::vector<Draft> drafts, Answered answered) {
    const v1::Command& command = pending->submission.command;
    const auto written = partitions_[pending->partition].append(command, pending->type->kind, pending->body,
                                                                state.version, drafts, clock_());
    if (answered.status == v1::ACCEPTED) {
        state.version += drafts.size();
        cache_.grown(state);
        open_.streams.emplace_back(pending->stream, state.version);
    }
    state.end_sequence = written.first + drafts.size();
    answered.body = pending->body;
    answered.version = state.version;
    answered.partition = pending->partition;
    answered.first = written.first;
    answered.count = static_cast<std::uint16_t>(drafts.size());
    answered.recorded_at = written.recorded_at;
    recent_.add(pending->command, {answered, open_.number});
    open_.records += drafts.size();
    bump(counters_.commands);
    inbox_.done(*pending);
    open_.answers.push_back({std::move(pending), std::move(answered), false, nullptr});
}

}  // namespace tidemark::consumers
