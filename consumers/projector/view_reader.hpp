// Reads one colour of a view as of one moment, the shards merged in key order.
#pragma once

#include "consumers/projector/catalogue.hpp"

#include <memory>

namespace tidemark::consumers {

// Reading throws StoreFailed (a std::runtime_error) when the store does. One thread.
[[nodiscard]] std::unique_ptr<projections::ViewReader> make_view_reader(std::unique_ptr<KvSnapshot> snapshot,
                                                                        ColourTables tables);

}  // namespace tidemark::consumers
