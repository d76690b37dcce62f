// The customer list: every customer's details, in order of id or name, filtered, searched.
#pragma once

#include "projections/customers/customers.pb.h"
#include "projections/page.hpp"
#include "projections/projection.hpp"

#include <expected>
#include <optional>
#include <string>

namespace tidemark::projections::customers {

inline constexpr std::string_view view_name = "customers";

[[nodiscard]] Projection make();

enum class OrderBy : std::uint8_t { by_id, by_name };

struct ListQuery {
    std::string tenant;
    // Part of name, phone or email: case, width and, for phones, punctuation do not count. A single letter finds
    // words that begin with it; a single Chinese character is found anywhere.
    std::string search;
    std::string owner, region, sector;  // empty: any
    v1::CustomerKind kind = v1::CUSTOMER_KIND_UNSPECIFIED;
    std::optional<bool> archived;
    OrderBy order = OrderBy::by_id;  // of a list; what is searched comes in order of name
    Page page;
};
[[nodiscard]] std::expected<v1::CustomerList, QueryError> query_list(const ViewReader& view, const ListQuery& query);

[[nodiscard]] std::optional<v1::CustomerRow> query_one(const ViewReader& view, std::string_view tenant,
                                                       std::string_view id);

// Brings a customer's row up to date with one of its events; also for other views that show the details.
void fold_details(v1::CustomerRow& row, const Event& event, const v1::CustomerEvent& what);

}  // namespace tidemark::projections::customers
