// Snapshots made by one scan of the log, for when a fold has changed or they were dropped.
#pragma once

#include "consumers/derived/derived_stores.hpp"

namespace tidemark::consumers {

// Compares the folds of this program with those that the stored snapshots were made by; where they
// differ, clears the snapshots and makes one of every stream. Before commands are taken.
[[nodiscard]] std::expected<void, std::string> remake_snapshots_if_folds_changed(Log& log, KvStore& store,
                                                                                 const OnProgress& progress);

}  // namespace tidemark::consumers
