// The fold behind the reference view: what decisions of other aggregates may look up about a stream.
#pragma once

#include "aggregates/reference.pb.h"
#include "events/record.hpp"

#include <expected>

namespace tidemark::aggregates {

// Kinds whose events make facts; a follower skips the others without decoding them.
[[nodiscard]] bool has_reference(std::string_view stream_kind);

// Folds an event of such a kind; other records of the stream change nothing.
[[nodiscard]] std::expected<void, events::DecodeError> fold_reference(v1::Reference& reference,
                                                                      const events::RecordView& record);

}  // namespace tidemark::aggregates
