// The fold behind the reference view: what decisions of other aggregates may look up about a stream.
#pragma once

#include "aggregates/reference.pb.h"
#include "events/record.hpp"

#include <expected>

namespace tidemark::aggregates {

// Whether the record changes a fact. Most do not: a follower skips those without decoding them.
[[nodiscard]] bool changes_reference(const events::RecordHeader& header);

// Folds such a record.
[[nodiscard]] std::expected<void, events::DecodeError> fold_reference(v1::Reference& reference,
                                                                      const events::RecordView& record);

}  // namespace tidemark::aggregates
