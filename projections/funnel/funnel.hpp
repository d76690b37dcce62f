// The funnel of a pipeline, now or as of any moment by either clock: worked out, each time, from the histories of the
// pipeline's sales (view `sales`), so that now and then are one definition.
#pragma once

#include "projections/funnel/funnel.pb.h"
#include "projections/page.hpp"
#include "projections/projection.hpp"
#include "projections/sales/timeline.hpp"

#include <expected>
#include <string>

namespace tidemark::projections::funnel {

struct Query {
    std::string tenant;
    std::string pipeline;
    std::string owner, region, product;  // of the sale, as of the moment; empty: any
    sales::AsOf as_of;
};

// `sales_view` is a reader of the projection "sales". An unknown pipeline is `not_found`.
[[nodiscard]] std::expected<v1::Funnel, QueryError> query_funnel(const ViewReader& sales_view, const Query& query);

}  // namespace tidemark::projections::funnel
