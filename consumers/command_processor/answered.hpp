// What became of a command, in the short form that the processor keeps, and where it is read from again.
#pragma once

#include "aggregates/command.pb.h"
#include "consumers/history/history.hpp"
#include "events/digest.hpp"
#include "events/ids.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <string>

namespace tidemark::consumers {

struct Answered {
    events::Digest body{};  // keyed digest: same command id, other body is a conflict
    v1::OutcomeStatus status = v1::OUTCOME_STATUS_UNSPECIFIED;
    events::Version version = 0;
    events::Partition partition = 0;
    events::Sequence first = 0;  // of the command's records
    std::uint16_t count = 0;
    events::Micros recorded_at = 0;
    std::shared_ptr<const v1::Rejection> rejection;
};

// The keyed digest of what a repetition must repeat: the body, its expected_version and, if it was
// given, its time. Not who sent it, nor by which way.
[[nodiscard]] events::Digest body_digest(const events::KeyedDigest& key, const v1::Command& command,
                                         bool occurred_at_given);

[[nodiscard]] v1::Outcome outcome_of(const Answered& answered, const events::Uuid& log_id, std::string command_id,
                                     bool repeated);

// The outcome that stands in the log at the command's first record. Nothing: the record there is another
// command's (two keys that share 128 bits).
[[nodiscard]] std::expected<std::optional<Answered>, std::string> read_answered(History& history,
                                                                                events::Position first,
                                                                                const events::StreamName& stream,
                                                                                std::string_view command_id);

[[nodiscard]] v1::Outcome unavailable(std::string command_id, std::string_view why);

// Same id, another body: never the old answer.
[[nodiscard]] v1::Outcome command_id_reused(std::string command_id, std::string_view command_name);

}  // namespace tidemark::consumers
