#include "consumers/command_processor/answered.hpp"

#include "consumers/command_processor/command_group.hpp"
#include "events/v1/outcome.pb.h"

namespace tidemark::consumers {
namespace {

template <class Int>
void append_fixed(std::string& out, Int value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

v1::OutcomeStatus status_of(events::RecordKind kind) {
    switch (kind) {
        case events::RecordKind::event: return v1::ACCEPTED;
        case events::RecordKind::unchanged: return v1::UNCHANGED;
        case events::RecordKind::rejection: return v1::REJECTED;
        case events::RecordKind::control: break;
    }
    return v1::OUTCOME_STATUS_UNSPECIFIED;
}

}  // namespace

events::Digest body_digest(const events::KeyedDigest& key, const v1::Command& command, bool occurred_at_given) {
    static const google::protobuf::OneofDescriptor* const bodies = v1::Command::descriptor()->FindOneofByName("body");
    std::string bytes;
    bytes.reserve(256);
    append_fixed(bytes, static_cast<std::int32_t>(command.body_case()));
    append_fixed(bytes, static_cast<std::uint8_t>(command.has_expected_version()));
    append_fixed(bytes, command.expected_version());
    append_fixed(bytes, static_cast<std::uint8_t>(occurred_at_given));
    append_fixed(bytes, occurred_at_given ? command.occurred_at() : 0);
    const auto* reflection = command.GetReflection();
    if (const auto* field = reflection->GetOneofFieldDescriptor(command, bodies)) {
        // Commands have no map fields, so that equal bodies have equal bytes.
        (void)reflection->GetMessage(command, field).AppendPartialToString(&bytes);
    }
    return key.of(bytes);
}

v1::Outcome outcome_of(const Answered& answered, const events::Uuid& log_id, std::string command_id, bool repeated) {
    v1::Outcome outcome;
    outcome.set_command_id(std::move(command_id));
    outcome.set_status(answered.status);
    outcome.set_version(answered.version);
    outcome.mutable_position()->set_partition(answered.partition);
    outcome.mutable_position()->set_sequence(answered.first + answered.count - 1);
    if (answered.status == v1::ACCEPTED) {
        for (std::uint16_t i = 0; i < answered.count; ++i) {
            outcome.add_event_ids(
                events::event_uuid(log_id, {answered.partition, answered.first + i}, answered.recorded_at).text());
        }
    }
    if (answered.rejection) *outcome.mutable_rejection() = *answered.rejection;
    outcome.set_repeated(repeated);
    return outcome;
}

std::expected<std::optional<Answered>, std::string> read_answered(History& history, events::Position first,
                                                                  const events::StreamName& stream,
                                                                  std::string_view command_id) {
    const auto found = history.record(first);
    if (!found) return std::unexpected(found.error());
    if (!*found) {
        return std::unexpected("the outcomes name record " + std::to_string(first.sequence) + " of partition " +
                               std::to_string(first.partition) + " and the log ends before it");
    }
    const events::RecordView& record = (*found)->view;
    const events::RecordHeader& header = record.header;
    if (header.tenant != stream.tenant || header.stream_kind != stream.kind || header.stream_id != stream.id ||
        header.command_id != command_id) {
        return std::nullopt;
    }
    Answered answered;
    answered.body = header.body_digest;
    answered.status = status_of(header.kind);
    answered.partition = first.partition;
    answered.first = first.sequence;
    answered.count = header.count;
    answered.recorded_at = header.recorded_at;
    // The events of one command raise the version one by one; the others leave it.
    answered.version = header.kind == events::RecordKind::event ? header.version + header.count - 1 : header.version;
    if (header.kind == events::RecordKind::rejection) {
        auto rejection = std::make_shared<v1::Rejection>();
        if (!rejection->ParseFromArray(record.payload.data(), static_cast<int>(record.payload.size()))) {
            return std::unexpected("a rejection on record does not parse");
        }
        answered.rejection = std::move(rejection);
    }
    return answered;
}

void give(GroupAnswer answer, const events::Uuid& log_id) {
    Submission& submission = answer.pending->submission;
    submission.answer(answer.conflict
                          ? std::move(*answer.conflict)
                          : outcome_of(answer.answered, log_id, std::move(*submission.command.mutable_command_id()),
                                       answer.repeated));
}

v1::Outcome unavailable(std::string command_id, std::string_view why) {
    v1::Outcome outcome;
    outcome.set_detail(std::string(why));
    outcome.set_command_id(std::move(command_id));
    outcome.set_status(v1::UNAVAILABLE);
    outcome.set_retry_after_s(1);
    return outcome;
}

v1::Outcome command_id_reused(std::string command_id, std::string_view command_name) {
    v1::Outcome outcome;
    outcome.set_command_id(std::move(command_id));
    outcome.set_status(v1::REJECTED);
    v1::Rejection& rejection = *outcome.mutable_rejection();
    rejection.set_code("CommandIdReused");
    rejection.set_category(v1::COMMAND_ID_REUSED);
    rejection.set_field("command_id");
    rejection.set_command(std::string(command_name));
    rejection.set_detail(
        "this command id was used before on this stream with another body; use a new command id for a new command");
    return outcome;
}

}  // namespace tidemark::consumers
