// Sales: what they are now, with their stage history; and the pipelines that they move in.
#pragma once

#include "projections/page.hpp"
#include "projections/projection.hpp"
#include "projections/sales/sales.pb.h"

#include <expected>
#include <functional>
#include <optional>
#include <string>

namespace tidemark::projections::sales {

inline constexpr std::string_view view_name = "sales";

[[nodiscard]] Projection make();

struct ListQuery {
    std::string tenant;
    v1::SaleStatus status = v1::SALE_STATUS_UNSPECIFIED;  // unspecified, empty: any
    std::string owner, region, pipeline, stage, customer, product;
    Page page;  // in order of id
};
[[nodiscard]] std::expected<v1::SaleList, QueryError> query_list(const ViewReader& view, const ListQuery& query);

[[nodiscard]] std::optional<v1::SaleRow> query_one(const ViewReader& view, std::string_view tenant,
                                                   std::string_view id);

// Every stay in every stage. `now`: up to when a stay that is still running is counted.
[[nodiscard]] std::optional<v1::SaleHistoryAnswer> query_history(const ViewReader& view, std::string_view tenant,
                                                                 std::string_view id, events::Micros now);

// For views over all sales (funnel, forecast), or over a customer's, in order of id: false ends it.
void each_sale(const ViewReader& view, std::string_view tenant, const std::function<bool(const v1::SaleRow&)>& visit);
void each_sale_of(const ViewReader& view, std::string_view tenant, std::string_view customer_id,
                  const std::function<bool(const v1::SaleRow&)>& visit);
void each_history(const ViewReader& view, std::string_view tenant,
                  const std::function<bool(const v1::SaleHistory&)>& visit);
[[nodiscard]] std::optional<v1::PipelineRow> pipeline(const ViewReader& view, std::string_view tenant,
                                                      std::string_view id);

}  // namespace tidemark::projections::sales
