// The forecast: open sales, weighted by the probability of their stage, by category and by month of expected close.
// Worked out from the rows of view `sales`. The weights are summed exactly and rounded (half up) to minor units in each
// line.
#pragma once

#include "projections/forecast/forecast.pb.h"
#include "projections/projection.hpp"

#include <string>

namespace tidemark::projections::forecast {

struct Query {
    std::string tenant;
    std::string owner, region, product, pipeline;  // empty: any
};

[[nodiscard]] v1::Forecast query_forecast(const ViewReader& sales_view, const Query& query);

}  // namespace tidemark::projections::forecast
