#include "aggregates/aggregate_type.hpp"
#include "aggregates/reference.hpp"
#include "consumers/command_processor/answered.hpp"
#include "tests/simulation/audit.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tidemark::tests::simulation {
namespace {

using consumers::Answered;
using events::RecordKind;
using events::RecordView;

// The records of one command.
struct Recorded {
    std::vector<RecordView> records;
    const Asked* asked = nullptr;  // the body that was decided
    [[nodiscard]] const events::RecordHeader& header() const { return records.front().header; }
};

using CommandName = std::pair<std::string, std::string>;  // stream, command id
using StreamId = std::pair<std::string, std::string>;     // kind, id

class LogAudit {
public:
    LogAudit(infra::MemoryLog& log, const Clients& clients, consumers::DerivedStores& derived)
        : log_(log), clients_(clients), derived_(derived) {}

    std::vector<std::string> run() {
        read();
        fold_references();
        for (auto& [partition, commands] : by_partition_) {
            for (Recorded& command : commands) judge(command);
        }
        for (const Asked& asked : clients_.asked()) check_answers(asked);
        check_history();
        return std::move(wrong_);
    }

private:
    struct Stream {
        std::unique_ptr<aggregates::AggregateState> state;
        events::Version version = 0;
        std::uint64_t latest_sent = 0;  // of the commands decided so far
    };

    void complain(const RecordView& record, const std::string& what) {
        wrong_.push_back("record " + std::to_string(record.header.sequence) + " of partition " +
                         std::to_string(record.header.partition) + ", " + std::string(record.header.command_id) +
                         " on " + std::string(record.header.stream_id) + ": " + what);
    }
    static StreamId stream_of(const RecordView& record) {
        return {std::string(record.header.stream_kind), std::string(record.header.stream_id)};
    }

    void read();
    void add(const RecordView& record);
    void fold_references();
    void judge(Recorded& command);
    void judge_decision(const Recorded& command, Stream& stream);
    [[nodiscard]] bool decided_so(const Recorded& command, const Stream& stream,
                                  const std::vector<aggregates::Need>& needs,
                                  const std::vector<const v1::Reference*>& found) const;
    [[nodiscard]] bool known_before(const StreamId& stream, std::uint64_t moment) const;
    void check_answers(const Asked& asked);
    void check_history();

    infra::MemoryLog& log_;
    const Clients& clients_;
    consumers::DerivedStores& derived_;
    std::vector<std::string> wrong_;
    std::vector<events::BlockPtr> blocks_;  // records point into them
    std::map<events::Partition, std::vector<Recorded>> by_partition_;
    std::map<CommandName, const Recorded*> by_name_;
    std::map<StreamId, Stream> streams_;
    std::map<StreamId, v1::Reference> references_;
};

void LogAudit::read() {
    for (events::Partition partition = 0; partition < log_.identity().partitions; ++partition) {
        const auto end = log_.end(partition).tip.next_sequence;
        by_partition_[partition].reserve(end);
        for (events::Sequence next = 0; next < end;) {
            auto blocks = log_.read(partition, next, 1u << 20);
            if (!blocks) throw std::runtime_error(blocks.error());
            for (auto& block : *blocks) {
                for (std::size_t i = 0; i < block->size(); ++i) add(events::decode_record(block->record(i)).value());
                next = block->next_sequence();
                blocks_.push_back(std::move(block));
            }
        }
    }
}

// Commands whole, exactly once, in one piece.
void LogAudit::add(const RecordView& record) {
    auto& commands = by_partition_[record.header.partition];
    if (record.header.index > 0) {
        if (commands.empty() || commands.back().header().command_id != record.header.command_id ||
            commands.back().records.size() != record.header.index) {
            return complain(record, "its command is torn");
        }
        commands.back().records.push_back(record);
        return;
    }
    commands.push_back({{record}, nullptr});
    const CommandName name(record.header.stream_id, record.header.command_id);
    if (!by_name_.try_emplace(name, &commands.back()).second) complain(record, "its command was done twice");
}

void LogAudit::fold_references() {
    for (const auto& [partition, commands] : by_partition_) {
        for (const Recorded& command : commands) {
            for (const RecordView& record : command.records) {
                if (record.header.kind != RecordKind::event || !aggregates::changes_reference(record.header)) {
                    continue;
                }
                if (!aggregates::fold_reference(references_[stream_of(record)], record)) {
                    complain(record, "cannot be folded into a reference");
                }
            }
        }
    }
}

void LogAudit::judge(Recorded& command) {
    const RecordView& first = command.records.front();
    if (command.records.size() != first.header.count) complain(first, "its command is not whole");
    for (const Asked& asked : clients_.asked()) {
        if (asked.command.command_id() == first.header.command_id && asked.body == first.header.body_digest) {
            command.asked = &asked;
        }
    }
    Stream& stream = streams_[stream_of(first)];
    if (!stream.state) stream.state = aggregates::find_kind(first.header.stream_kind)->make();
    if (command.asked == nullptr) {
        complain(first, "nobody has sent this");
    } else {
        judge_decision(command, stream);
        // Order that a client could see: answered before another was sent means decided before it.
        if (command.asked->first_answered != 0 && command.asked->first_answered < stream.latest_sent) {
            complain(first, "stands behind a command that was sent after its answer");
        }
        stream.latest_sent = std::max(stream.latest_sent, command.asked->first_sent);
    }
    for (const RecordView& record : command.records) {
        const bool event = record.header.kind == RecordKind::event;
        if (event) ++stream.version;
        if (record.header.version != stream.version) {
            complain(record, "has version " + std::to_string(record.header.version) + " where the stream is at " +
                                 std::to_string(stream.version));
        }
        if (event && !stream.state->evolve(record)) complain(record, "cannot be folded");
    }
}

// Whether something that makes the stream exist was answered before that moment.
bool LogAudit::known_before(const StreamId& stream, std::uint64_t moment) const {
    return std::ranges::any_of(clients_.asked(), [&](const Asked& asked) {
        const auto* type = aggregates::type_of(asked.command);
        return type->kind == stream.first && asked.command.stream_id() == stream.second && asked.first_answered != 0 &&
               asked.first_answered < moment && asked.answers.front().status() == v1::ACCEPTED;
    });
}

// The log must say what the aggregate decides there. What a decision refers to does not change once it exists, so it
// was found as it is now; or it was not found, if nobody could know of it yet.
void LogAudit::judge_decision(const Recorded& command, Stream& stream) {
    const v1::Command& asked = command.asked->command;
    const RecordView& first = command.records.front();
    if (asked.has_expected_version() && asked.expected_version() != stream.version) {
        v1::Rejection rejection;
        const bool refused = first.header.kind == RecordKind::rejection &&
                             rejection.ParseFromString(std::string(first.payload)) &&
                             rejection.category() == v1::VERSION_CONFLICT;
        if (!refused) {
            complain(first, "expected version " + std::to_string(asked.expected_version()) +
                                " was not looked at: the stream was at " + std::to_string(stream.version));
        }
        return;
    }
    const auto needs = stream.state->needs(asked);
    std::vector<const v1::Reference*> found(needs.size());
    const std::size_t ways = std::size_t{1} << needs.size();
    for (std::size_t way = 0; way < ways; ++way) {
        bool possible = true;
        for (std::size_t i = 0; i < needs.size(); ++i) {
            const StreamId needed(needs[i].kind, needs[i].id);
            const auto reference = references_.find(needed);
            const bool missing = (way >> i & 1) != 0;
            found[i] = missing || reference == references_.end() ? nullptr : &reference->second;
            possible = possible && (found[i] != nullptr || !known_before(needed, command.asked->first_sent));
        }
        if (possible && decided_so(command, stream, needs, found)) return;
    }
    complain(first, "is not what the aggregate decides here");
}

bool LogAudit::decided_so(const Recorded& command, const Stream& stream, const std::vector<aggregates::Need>& needs,
                          const std::vector<const v1::Reference*>& found) const {
    const v1::Command& asked = command.asked->command;
    const auto state = stream.state->clone();
    const aggregates::Facts facts(needs, found);
    auto decided = state->decide(asked, {asked.stream_id(), asked.occurred_at(), stream.version, facts});
    const RecordView& first = command.records.front();
    if (!decided) {
        decided.error().set_command(std::string(aggregates::command_name(asked)));
        return first.header.kind == RecordKind::rejection && first.payload == decided.error().SerializeAsString();
    }
    if (decided->empty()) return first.header.kind == RecordKind::unchanged;
    return std::ranges::equal(*decided, command.records,
                              [](const aggregates::Decided& event, const RecordView& record) {
                                  return record.header.kind == RecordKind::event && record.header.type == event.type &&
                                         record.payload == event.payload;
                              });
}

void LogAudit::check_answers(const Asked& asked) {
    const std::string name = asked.command.command_id() + " on " + asked.command.stream_id();
    const auto found = by_name_.find({asked.command.stream_id(), asked.command.command_id()});
    if (found == by_name_.end()) {
        if (!asked.answers.empty()) wrong_.push_back(name + " was answered and is not in the log");
        return;
    }
    const Recorded& recorded = *found->second;
    const auto& header = recorded.header();
    Answered what;
    what.status = header.kind == RecordKind::event       ? v1::ACCEPTED
                  : header.kind == RecordKind::rejection ? v1::REJECTED
                                                         : v1::UNCHANGED;
    what.version = recorded.records.back().header.version;
    what.partition = header.partition;
    what.first = header.sequence;
    what.count = header.count;
    what.recorded_at = header.recorded_at;
    if (header.kind == RecordKind::rejection) {
        auto rejection = std::make_shared<v1::Rejection>();
        if (!rejection->ParseFromString(std::string(recorded.records.front().payload))) {
            wrong_.push_back(name + ": its rejection does not parse");
        }
        what.rejection = std::move(rejection);
    }
    std::size_t first_time = 0;
    for (const v1::Outcome& outcome : asked.answers) {
        if (recorded.asked != &asked) {
            if (outcome.rejection().category() != v1::COMMAND_ID_REUSED) {
                wrong_.push_back(name + ": another body was done under this id, and the answer does not say so");
            }
            continue;
        }
        first_time += !outcome.repeated();
        const auto told =
            consumers::outcome_of(what, log_.identity().id, asked.command.command_id(), outcome.repeated());
        if (told.SerializeAsString() != outcome.SerializeAsString()) {
            wrong_.push_back(name + " was answered " + outcome.ShortDebugString() + " and the log says " +
                             told.ShortDebugString());
        }
    }
    if (first_time > 1) wrong_.push_back(name + " was answered more than once as if it had been new");
}

// States as they are asked for, by snapshot and index, are those of a fold from the beginning.
void LogAudit::check_history() {
    consumers::History history(log_, derived_);
    for (const auto& [name, stream] : streams_) {
        const auto state = history.state({std::string(events::default_tenant), name.first, name.second}, {});
        const bool exists = stream.version > 0;
        const bool same =
            state && state->has_value() == exists &&
            (!exists || ((*state)->version == stream.version && (*state)->state->message().SerializeAsString() ==
                                                                    stream.state->message().SerializeAsString()));
        if (!same) wrong_.push_back("the state of " + name.second + " is not what its events make");
    }
}

}  // namespace

std::vector<std::string> audit_log(const Rest& rest) {
    return LogAudit(rest.log, rest.clients, rest.derived).run();
}

std::vector<std::string> audit(const Rest& rest) {
    std::vector<std::string> wrong = audit_log(rest);
    for (auto& what : audit_followers(rest)) wrong.push_back(std::move(what));
    return wrong;
}

}  // namespace tidemark::tests::simulation
