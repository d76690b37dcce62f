// The pipeline list: by which stages sales are led, in order of id.
#pragma once

#include "projections/page.hpp"
#include "projections/pipelines/pipelines.pb.h"
#include "projections/projection.hpp"

#include <expected>
#include <string>

namespace tidemark::projections::pipelines {

inline constexpr std::string_view view_name = "pipelines";

[[nodiscard]] Projection make();

struct ListQuery {
    std::string tenant;
    Page page;
};
[[nodiscard]] std::expected<v1::PipelineList, QueryError> query_list(const ViewReader& view, const ListQuery& query);

}  // namespace tidemark::projections::pipelines
