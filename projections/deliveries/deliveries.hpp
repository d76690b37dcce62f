// The delivery board.
#pragma once

#include "projections/deliveries/deliveries.pb.h"
#include "projections/kpi/calendar.hpp"
#include "projections/page.hpp"
#include "projections/projection.hpp"

#include <expected>
#include <optional>
#include <string>

namespace tidemark::projections::deliveries {

inline constexpr std::string_view view_name = "deliveries";

[[nodiscard]] Projection make();

// What an event of the delivery, of time `at`, makes of its row.
void fold(v1::DeliveryRow& row, const v1::DeliveryEvent& what, events::Micros at);

struct BoardQuery {
    std::string tenant;
    events::Micros now = 0;                                                // up to when time is counted
    v1::DeliveryRow::Status status = v1::DeliveryRow::STATUS_UNSPECIFIED;  // unspecified, empty: any
    std::string owner, region, product, customer;
    std::optional<bool> on_time, on_budget;
    Page page;  // in order of id
};
// `calendar`: of the tenant, for what is due today.
[[nodiscard]] std::expected<v1::DeliveryBoard, QueryError> query_board(const ViewReader& view, const BoardQuery& query,
                                                                       const kpi::Calendar& calendar);

[[nodiscard]] std::optional<v1::DeliveryBoardEntry> query_one(const ViewReader& view, std::string_view tenant,
                                                              std::string_view id, events::Micros now,
                                                              const kpi::Calendar& calendar);

}  // namespace tidemark::projections::deliveries
