// The end of a partition as it is kept in the database, so that an opening need not fold from the first block.
#pragma once

#include "consumers/log/log.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::infra {

[[nodiscard]] std::string encode_end(const consumers::Log::End& end);
// Nothing: this is none.
[[nodiscard]] std::optional<consumers::Log::End> decode_end(std::string_view bytes);

}  // namespace tidemark::infra
