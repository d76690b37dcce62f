// The customer page: details, needs, consents, and the sales and deliveries of a customer. A delivery is a stream of
// its own, in another partition: it keeps a row under the customer's key. Sales are read in their own view, which lists
// them by customer. The query puts all together.
#pragma once

#include "projections/customer_360/customer_360.pb.h"
#include "projections/projection.hpp"

#include <optional>
#include <string_view>

namespace tidemark::projections::customer_360 {

inline constexpr std::string_view view_name = "customer_360";

[[nodiscard]] Projection make();

// `sales_view` is a reader of sales::view_name. Nothing: there is no such customer.
[[nodiscard]] std::optional<v1::CustomerOverview> query_overview(const ViewReader& view, const ViewReader& sales_view,
                                                                 std::string_view tenant, std::string_view customer_id);

}  // namespace tidemark::projections::customer_360
