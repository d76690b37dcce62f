// A cursor of the feed as text: the log it belongs to, and the next sequence of every partition. Opaque to who holds
// it; safe in a URL.
#pragma once

#include "consumers/log/log.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::consumers {

// "<mark of the log>-<incarnation>-<base64url of: the least place, then of each partition how far it is beyond>",
// numbers as varints: one or two bytes a partition once they have grown evenly, where decimal text took eight.
[[nodiscard]] std::string cursor_text(const LogIdentity& log, const std::vector<events::Sequence>& places);

// The places. An error is a sentence for the client: what is wrong with the text, or that it belongs to another log
// or incarnation.
[[nodiscard]] std::expected<std::vector<events::Sequence>, std::string> parse_cursor(std::string_view text,
                                                                                     const LogIdentity& log);

}  // namespace tidemark::consumers
