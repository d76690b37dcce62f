// Checks a message against the rules declared on its fields (events/v1/rules.proto). Pure; any thread.
#pragma once

#include "events/v1/outcome.pb.h"

#include <google/protobuf/message.h>

#include <optional>

namespace tidemark::aggregates {

// The first broken rule as a rejection (category RULE_VIOLATED) whose `field` is the path from
// `message` ("sale.open_sale.lines[2].quantity"), whose `code` is one of Required, TooLong, TooMany,
// BadFormat, BadUtf8, OutOfRange, UnknownCurrency, UnknownValue, NegativeAmount, and whose `detail`
// says what is allowed, never the value of a personal field. Nothing: all rules hold.
[[nodiscard]] std::optional<v1::Rejection> validate(const google::protobuf::Message& message);

}  // namespace tidemark::aggregates
