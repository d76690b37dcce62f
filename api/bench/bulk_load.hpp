// One bulk stream over a plain socket: what a client costs that has its bytes ready and looks at every outcome.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace tidemark::api {

enum class BulkForm : std::uint8_t { protobuf, ndjson };

struct BulkLoadResult {
    std::uint64_t outcomes = 0;
    double seconds = 0;  // from the first byte sent to the last outcome
};
// Sends what `next` gives (whole commands in the form's framing; empty: that was all) and reads on meanwhile. An
// outcome other than accepted is an error. Two threads, blocking calls.
[[nodiscard]] std::expected<BulkLoadResult, std::string> put_bulk(std::uint16_t port, BulkForm form,
                                                                  const std::function<std::string_view()>& next);

}  // namespace tidemark::api
