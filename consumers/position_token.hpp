// Read-your-writes tokens: where a command's records stand, as text that a client gives back with a query.
#pragma once

#include "consumers/log/log.hpp"

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::consumers {

// Eight hexadecimal digits of the log's id: enough to tell a log from the one that stood there before.
[[nodiscard]] std::string log_mark(const LogIdentity& log);

// "<mark of the log>-<incarnation>:<partition>.<sequence>,..." At most one position a partition is kept: the last one.
[[nodiscard]] std::string format_position_token(const LogIdentity& log, std::span<const events::Position> positions);

// The positions of a token that this log has given out. An error is a sentence for the client: what is wrong with
// the text, or that it belongs to another log or another incarnation of it (restored from a backup): ask without it.
[[nodiscard]] std::expected<std::vector<events::Position>, std::string> parse_position_token(std::string_view token,
                                                                                             const LogIdentity& log);

}  // namespace tidemark::consumers
