// Reading one's own writes: `Tidemark-At-Least` carries a position that an answer gave, and a query waits,
// bounded, until what it reads from has passed it. It waits on its connection's loop and takes a thread of the query
// pool only when there is something to read: however many wait, others are answered.
#pragma once

#include "api/http/context.hpp"

#include <expected>
#include <memory>
#include <string_view>
#include <vector>

namespace tidemark::api {

// What a query reads from: the views of these names; of none, the streams (the derived stores).
using Sources = std::vector<std::string_view>;
inline const Sources streams_themselves{};

// Runs a query on the pool once its sources have passed the positions that the request names; 400 for a token that this
// log has not given out, 503 when the wait runs out or the pool's queue is full. On the connection's thread.
void answer_when_passed(const Context& context, RequestPtr request, Responder responder, Sources sources, Query query);

// The view as it is now. A problem (503): it is not made yet. Any thread.
[[nodiscard]] std::expected<std::unique_ptr<projections::ViewReader>, Response> open_view(const Context& context,
                                                                                          std::string_view projection);

}  // namespace tidemark::api
