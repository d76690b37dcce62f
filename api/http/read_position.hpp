// Reading one's own writes: `Tidemark-At-Least` carries a position that an answer gave, and a query waits,
// bounded, until what it reads from has passed it. For the query pool's threads.
#pragma once

#include "api/http/context.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <vector>

namespace tidemark::api {

// The positions that the request names; none: it names none. A token that is not ours is a problem (400).
[[nodiscard]] std::expected<std::vector<events::Position>, Response> at_least(const Context& context,
                                                                              const Request& request);

// For what is read through the derived stores. A problem (400, 503): do not go on.
[[nodiscard]] std::optional<Response> wait_for_derived(const Context& context, const Request& request);

// For views. A problem (400, 503) says which view is behind.
[[nodiscard]] std::expected<std::unique_ptr<projections::ViewReader>, Response> open_view(const Context& context,
                                                                                          const Request& request,
                                                                                          std::string_view projection);

}  // namespace tidemark::api
