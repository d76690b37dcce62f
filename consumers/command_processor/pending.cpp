#include "consumers/command_processor/pending.hpp"

#include "consumers/command_processor/answered.hpp"

namespace tidemark::consumers {

PendingPtr Preparation::pending_of(Submission submission, std::size_t bytes) const {
    auto pending = std::make_unique<Pending>();
    pending->submission = std::move(submission);
    const v1::Command& command = pending->submission.command;
    pending->type = aggregates::type_of(command);
    const std::string_view kind = pending->type->kind;
    pending->stream = events::stream_key(command.tenant(), kind, command.stream_id());
    pending->command = events::command_key(pending->stream, command.command_id());
    pending->partition = events::partition_of(command.tenant(), kind, command.stream_id(), partitions_);
    pending->body = body_digest(key_, command, pending->submission.occurred_at_given);
    pending->bytes = bytes;
    return pending;
}

}  // namespace tidemark::consumers
