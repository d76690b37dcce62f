// Every projection that Tidemark runs.
#pragma once

#include "projections/kpi/kpi.hpp"
#include "projections/projection.hpp"

#include <memory>
#include <vector>

namespace tidemark::projections {

// Shared by the projector, which folds with it, and the API, which asks: kpi::Kpis::make(catalogue, tenant times).
[[nodiscard]] std::vector<Projection> all(std::shared_ptr<const kpi::Kpis> kpis);

}  // namespace tidemark::projections
