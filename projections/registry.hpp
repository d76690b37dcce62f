// Every projection that Tidemark runs.
#pragma once

#include "projections/projection.hpp"

#include <vector>

namespace tidemark::projections {

struct Settings {};

[[nodiscard]] std::vector<Projection> all(const Settings& settings);

}  // namespace tidemark::projections
