// What the meta table of the derived stores says: of which log they are, how far they have followed it, and whether
// they are being cleared. Errors are for people and say what to do.
#pragma once

#include "consumers/derived/generation.hpp"

#include <expected>
#include <string>

namespace tidemark::consumers {

[[nodiscard]] std::expected<void, std::string> clear_derived(KvStore& store);

// Finishes a clearing that was cut short, clears stores of an older layout, and makes stores that are empty those of
// the log; those of another log or of a newer layout are an error.
[[nodiscard]] std::expected<void, std::string> claim_derived(KvStore& store, const LogIdentity& log);

// How far a partition was followed; an error if the log does not reach there, or ends there with another block.
[[nodiscard]] std::expected<Place, std::string> stored_place(KvStore& store, Log& log, events::Partition partition);

}  // namespace tidemark::consumers
