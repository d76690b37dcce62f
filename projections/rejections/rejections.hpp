// Rejected commands: newest first, by actor, command or code; and how many of each there were since the beginning.
// (Counts by time are KPIs: commands_rejected.)
#pragma once

#include "projections/page.hpp"
#include "projections/projection.hpp"
#include "projections/rejections/rejections.pb.h"

#include <expected>
#include <string>

namespace tidemark::projections::rejections {

inline constexpr std::string_view view_name = "rejections";

[[nodiscard]] Projection make();

struct ListQuery {
    std::string tenant;
    std::string actor, command, code;  // empty: any
    Page page;
};
[[nodiscard]] std::expected<v1::RejectedCommands, QueryError> query_list(const ViewReader& view,
                                                                         const ListQuery& query);
[[nodiscard]] v1::RejectionCounts query_counts(const ViewReader& view, std::string_view tenant);

}  // namespace tidemark::projections::rejections
