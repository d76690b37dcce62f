// The product list: what can be sold and for how much, in order of id.
#pragma once

#include "projections/page.hpp"
#include "projections/products/products.pb.h"
#include "projections/projection.hpp"

#include <expected>
#include <optional>
#include <string>

namespace tidemark::projections::products {

inline constexpr std::string_view view_name = "products";

[[nodiscard]] Projection make();

struct ListQuery {
    std::string tenant;
    std::string series;  // empty: any
    std::optional<bool> retired;
    Page page;
};
[[nodiscard]] std::expected<v1::ProductList, QueryError> query_list(const ViewReader& view, const ListQuery& query);

}  // namespace tidemark::projections::products
