#include "consumers/command_processor/writer_loop.hpp"

#include <spdlog/spdlog.h>

#include <future>

namespace tidemark::consumers {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto snapshot_interval = std::chrono::seconds(2);
constexpr auto take_over_interval = std::chrono::milliseconds(200);
constexpr auto follow_patience = std::chrono::seconds(30);
constexpr std::size_t snapshots_at = 20'000;  // states changed since their last snapshot

std::uint64_t bump(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
    return counter.fetch_add(by, std::memory_order_relaxed);
}

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

v1::Rejection too_large() {
    v1::Rejection rejection;
    rejection.set_code("DecisionTooLarge");
    rejection.set_category(v1::RULE_VIOLATED);
    rejection.set_detail("the events of one command must fit in 256 KiB; split it into several commands");
    return rejection;
}

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

WriterLoop::WriterLoop(Log& log, DerivedStores& derived, std::string digest_key, std::function<events::Micros()> clock,
                       ProcessorOptions options, Inbox& inbox, WriterCounters& counters)
    : log_(log),
      derived_(derived),
      history_(log, derived),
      digest_key_(digest_key),
      clock_(std::move(clock)),
      options_(options),
      inbox_(inbox),
      counters_(counters),
      owner_{events::random_uuid(), log.identity(), options.compress},
      cache_(derived, options.cache_bytes),
      recent_(log.identity().partitions),
      gate_(log.identity().partitions) {
    for (events::Partition partition = 0; partition < log.identity().partitions; ++partition) {
        partitions_.emplace_back(partition, owner_);
    }
}

std::expected<void, std::string> WriterLoop::take_over() {
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
    const auto deadline = Clock::now() + follow_patience;
    std::uint64_t seen = 0;
    for (events::Partition partition = 0; partition < partitions_.size(); ++partition) {
        while (derived_.followed(partition) < partitions_[partition].next_sequence()) {
            if (auto failed = derived_.failure()) return std::unexpected(*failed);
            if (Clock::now() > deadline) return std::unexpected("the derived stores do not follow the log");
            seen = log_.wait(seen, Clock::now() + std::chrono::milliseconds(1));
        }
    }
    cache_.settle();
    owning_ = true;
    return {};
}

void WriterLoop::run() {
    next_snapshots_ = Clock::now() + snapshot_interval;
    for (;;) {
        const bool busy = owning_ && !appending_ && (!open_.empty() || (!arrived_.empty() && !throttled_));
        const auto deadline = busy ? Clock::now() : std::min(next_snapshots_, Clock::now() + take_over_interval);
        Inbox::Taken taken = inbox_.take(arrived_.empty(), deadline);
        for (Submission& submission : taken.submissions) {
            auto pending = std::make_unique<Pending>();
            pending->submission = std::move(submission);
            pending->ticket = next_ticket_++;
            arrived_.push_back(std::move(pending));
        }
        for (auto& results : taken.appends) finish_group(std::move(results));
        if (!owning_ && !appending_) {
            abandon();
            if (Clock::now() >= next_take_over_) {
                (void)take_over();  // on failure: again later; meanwhile every command is answered "unavailable"
                next_take_over_ = Clock::now() + take_over_interval;
            }
        }
        if (owning_) {
            decide_ready();
            decide_arrived();
            if (!appending_) send_group();
        }
        housekeeping();
        // Whoever parked while the derived stores moved on was not nudged: look once more.
        if (owning_) decide_ready();
        if (taken.draining && arrived_.empty() && gate_.empty() && open_.empty() && !appending_) break;
    }
    cache_.write_snapshots();
}

bool WriterLoop::group_full() const {
    return open_.records >= options_.group_records;
}

void WriterLoop::decide_arrived() {
    while (owning_ && !throttled_ && !arrived_.empty() && !group_full()) {
        PendingPtr& next = arrived_.front();
        const v1::Command& command = next->submission.command;
        if (next->type == nullptr) {
            next->type = aggregates::type_of(command);
            next->stream = events::stream_key(command.tenant(), next->type->kind, command.stream_id());
            next->command = events::command_key(next->stream, command.command_id());
            next->partition = events::partition_of(command.tenant(), next->type->kind, command.stream_id(),
                                                   static_cast<std::uint32_t>(partitions_.size()));
            next->body = body_digest(digest_key_, command, next->submission.occurred_at_given);
        }
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

// A stream that cannot be read fails its own commands only, unless events of it are under way.
WriterLoop::Turn WriterLoop::decide_guarded(PendingPtr& pending) {
    const events::Key128 stream = pending->stream;
    try {
        return decide(pending);
    } catch (const std::exception& error) {
        spdlog::error("a command could not be decided: {}", error.what());
        if (pending && pending->submission.answer) {
            v1::Command& command = pending->submission.command;
            inbox_.done(1, command.ByteSizeLong());
            pending->submission.answer(unavailable(std::move(*command.mutable_command_id())));
        }
        const CachedState* state = cache_.peek(stream);
        if (state != nullptr && state->version != state->counted_version) {
            owning_ = false;
        } else {
            cache_.forget(stream);
        }
        return Turn::decided;
    }
}

WriterLoop::Turn WriterLoop::decide(PendingPtr& pending) {
    if (answer_repetition(*pending)) return Turn::decided;
    CachedState& state = load(*pending);
    const v1::Command& command = pending->submission.command;
    if (command.has_expected_version() && command.expected_version() != state.version) {
        reject(*pending, state, version_conflict(command.expected_version(), state.version));
        return Turn::decided;
    }
    std::vector<aggregates::Need> needs = state.state->needs(command);
    std::vector<std::shared_ptr<const v1::Reference>> held;
    std::vector<const v1::Reference*> found;
    for (const aggregates::Need& need : needs) {
        held.push_back(derived_.reference(events::stream_key(command.tenant(), need.kind, need.id)));
        found.push_back(held.back().get());
    }
    const aggregates::Facts facts(std::move(needs), std::move(found));
    if (facts.missing() != nullptr && park_if_unsettled(pending, facts)) return Turn::parked;

    auto decided = state.state->decide(command, {command.stream_id(), command.occurred_at(), state.version, facts});
    if (!decided) {
        // A fact that is on its way could change the answer: "no" is said only on facts that have settled.
        if (park_if_unsettled(pending, facts)) return Turn::parked;
        reject(*pending, state, std::move(decided.error()));
        return Turn::decided;
    }
    std::vector<Draft> drafts;
    std::size_t bytes = 0;
    for (aggregates::Decided& event : *decided) {
        bytes += event.payload.size();
        drafts.push_back({events::RecordKind::event, event.type, std::move(event.payload)});
    }
    if (bytes > events::max_decision_bytes / 2) {
        cache_.forget(pending->stream);  // it has folded events that will not be
        reject(*pending, load(*pending), too_large());
        return Turn::decided;
    }
    Answered answered;
    answered.status = drafts.empty() ? v1::UNCHANGED : v1::ACCEPTED;
    if (drafts.empty()) {
        v1::Unchanged unchanged;
        unchanged.set_command(std::string(aggregates::command_name(command)));
        drafts.push_back({events::RecordKind::unchanged, 0, unchanged.SerializeAsString()});
    }
    bump(answered.status == v1::ACCEPTED ? counters_.accepted : counters_.unchanged);
    record(*pending, state, std::move(drafts), std::move(answered));
    return Turn::decided;
}

bool WriterLoop::answer_repetition(Pending& pending) {
    const v1::Command& command = pending.submission.command;
    std::optional<Answered> original;
    CommandGroup* group = nullptr;
    if (const RecentCommand* recent = recent_.find(pending.command)) {
        original = recent->answered;
        if (!recent->counted) group = appending_ && recent->group == in_flight_.number ? &in_flight_ : &open_;
    } else if (const auto first = derived_.outcome(pending.command)) {
        auto read = read_answered(history_, {pending.partition, *first},
                                  {command.tenant(), std::string(pending.type->kind), command.stream_id()},
                                  command.command_id());
        if (!read) throw std::runtime_error(read.error());
        original = std::move(*read);
    }
    if (!original) return false;
    inbox_.done(1, command.ByteSizeLong());
    bump(counters_.commands);
    bump(counters_.repeated);
    if (original->body != pending.body) {
        pending.submission.answer(command_id_reused(command.command_id(), aggregates::command_name(command)));
    } else if (group != nullptr) {
        group->answers.push_back({std::move(pending.submission.answer), command.command_id(), *original, true});
    } else {
        pending.submission.answer(outcome_of(*original, owner_.log.id, command.command_id(), true));
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
    return cache_.insert(std::move(fresh));
}

bool WriterLoop::park_if_unsettled(PendingPtr& pending, const aggregates::Facts& facts) {
    const std::string& tenant = pending->submission.command.tenant();
    for (const aggregates::Need& need : facts.needs()) {
        const events::Key128 stream = events::stream_key(tenant, need.kind, need.id);
        if (stream == pending->stream) continue;
        if (gate_.parked_before(stream, pending->ticket)) {
            gate_.park_until_unparked(std::move(pending), stream);
            return true;
        }
        // A state that the view has not followed cannot have left the cache.
        const CachedState* state = cache_.peek(stream);
        if (state != nullptr && state->end_sequence > derived_.followed(state->partition)) {
            gate_.park_until_followed(std::move(pending), state->partition, state->end_sequence);
            return true;
        }
    }
    return false;
}

void WriterLoop::reject(Pending& pending, CachedState& state, v1::Rejection rejection) {
    rejection.set_command(std::string(aggregates::command_name(pending.submission.command)));
    std::vector<Draft> drafts;
    drafts.push_back({events::RecordKind::rejection, 0, rejection.SerializeAsString()});
    Answered answered;
    answered.status = v1::REJECTED;
    answered.rejection = std::make_shared<const v1::Rejection>(std::move(rejection));
    bump(counters_.rejected);
    record(pending, state, std::move(drafts), std::move(answered));
}

void WriterLoop::record(Pending& pending, CachedState& state, std::vector<Draft> drafts, Answered answered) {
    v1::Command& command = pending.submission.command;
    const auto written = partitions_[pending.partition].append(command, pending.type->kind, pending.body, state.version,
                                                               drafts, clock_());
    if (answered.status == v1::ACCEPTED) {
        state.version += drafts.size();
        cache_.grown(state);
        open_.streams.emplace_back(pending.stream, state.version);
    }
    state.end_sequence = written.first + drafts.size();
    answered.body = pending.body;
    answered.version = state.version;
    answered.partition = pending.partition;
    answered.first = written.first;
    answered.count = static_cast<std::uint16_t>(drafts.size());
    answered.recorded_at = written.recorded_at;
    recent_.add(pending.command, {answered, open_.number, false});
    open_.records += drafts.size();
    open_.commands.push_back(pending.command);
    bump(counters_.commands);
    inbox_.done(1, command.ByteSizeLong());
    open_.answers.push_back(
        {std::move(pending.submission.answer), std::move(*command.mutable_command_id()), std::move(answered), false});
}

void WriterLoop::send_group() {
    if (open_.empty() || appending_) return;
    std::vector<events::BlockPtr> blocks;
    for (PartitionWriter& partition : partitions_) {
        if (!partition.empty()) blocks.push_back(partition.seal());
    }
    const std::uint64_t next = open_.number + 1;
    bump(counters_.groups);
    bump(counters_.records, open_.records);
    in_flight_ = std::move(open_);
    open_ = CommandGroup{};
    open_.number = next;
    appending_ = true;
    log_.append(std::move(blocks),
                [inbox = &inbox_](std::vector<AppendResult> results) { inbox->appended(std::move(results)); });
}

void WriterLoop::finish_group(std::vector<AppendResult> results) {
    CommandGroup group = std::move(in_flight_);
    in_flight_ = CommandGroup{};
    appending_ = false;
    for (const AppendResult& result : results) {
        if (result.status == AppendStatus::counted) continue;
        owning_ = false;
        next_take_over_ = {};
    }
    if (!owning_) {
        in_flight_ = std::move(group);
        return;  // abandoned with all that was decided on top of it
    }
    for (const events::Key128& command : group.commands) recent_.counted(command);
    for (const auto& [stream, version] : group.streams) cache_.counted(stream, version);
    send_group();  // the disk first, then the answers
    for (GroupAnswer& answer : group.answers) {
        answer.answer(outcome_of(answer.answered, owner_.log.id, std::move(answer.command_id), answer.repeated));
    }
}

// An append failed: nothing decided since then is known to count. Forget it, and say so; the same command
// ids may be sent again.
void WriterLoop::abandon() {
    for (CommandGroup* group : {&in_flight_, &open_}) {
        for (GroupAnswer& answer : group->answers) answer.answer(unavailable(std::move(answer.command_id)));
        const std::uint64_t number = group->number;
        *group = CommandGroup{};
        group->number = number;
    }
    cache_.drop_speculative();
    recent_.drop_uncounted();
    auto waiting = gate_.take_all();
    std::move(waiting.begin(), waiting.end(), std::back_inserter(arrived_));
    for (PendingPtr& pending : arrived_) {
        v1::Command& command = pending->submission.command;
        inbox_.done(1, command.ByteSizeLong());
        pending->submission.answer(unavailable(std::move(*command.mutable_command_id())));
    }
    arrived_.clear();
}

void WriterLoop::housekeeping() {
    for (events::Partition partition = 0; partition < partitions_.size(); ++partition) {
        recent_.trim(partition, derived_.followed(partition));
    }
    const auto now = Clock::now();
    if (cache_.dirty() >= snapshots_at || now >= next_snapshots_) {
        cache_.write_snapshots();
        next_snapshots_ = now + snapshot_interval;
    }
    cache_.evict();
    throttled_ = derived_.failure().has_value() || derived_.overfull();
    counters_.wants_nudge = throttled_ || !gate_.empty();
    counters_.waiting = gate_.size();
    counters_.cache_bytes = cache_.bytes();
}

}  // namespace tidemark::consumers
