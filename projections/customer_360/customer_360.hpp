// The customer page: details, needs, consents, and the sales and deliveries of a customer. Sales and deliveries are
// streams of their own, in other partitions: each keeps its row under the customer's key, and the query puts them
// together.
#pragma once

#include "projections/customer_360/customer_360.pb.h"
#include "projections/projection.hpp"

#include <optional>
#include <string_view>

namespace tidemark::projections::customer_360 {

inline constexpr std::string_view view_name = "customer_360";

[[nodiscard]] Projection make();

// Nothing: there is no such customer.
[[nodiscard]] std::optional<v1::CustomerOverview> query_overview(const ViewReader& view, std::string_view tenant,
                                                                 std::string_view customer_id);

}  // namespace tidemark::projections::customer_360
