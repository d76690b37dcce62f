// What single and bulk commands share: how a v1.Command is completed and checked before it is submitted.
#pragma once

#include "aggregates/command.pb.h"
#include "api/json/parse.hpp"
#include "consumers/command_processor/command_processor.hpp"

#include <optional>
#include <string>

namespace tidemark::api {

// Fills in tenant and actor where they are empty and checks every rule, and that occurred_at is not later than a day
// after `now` (TimeInFuture); what is broken comes back as a rejection whose `field` is the path from the command. Sets
// occurred_at to `now` where it is absent, and says so in the submission.
[[nodiscard]] std::optional<v1::Rejection> complete(consumers::Submission& submission, events::Micros now);

[[nodiscard]] v1::Rejection to_rejection(const json::Fault& fault);

// Reads Protobuf strictly: bytes that do not parse, or fields that this program does not know, are a fault.
[[nodiscard]] std::optional<json::Fault> parse_protobuf(std::string_view bytes, google::protobuf::Message& into);

}  // namespace tidemark::api
