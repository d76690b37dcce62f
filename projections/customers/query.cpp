#include "projections/customers/customers.hpp"
#include "projections/customers/search.hpp"
#include "projections/keys.hpp"

namespace tidemark::projections::customers {

namespace {

enum Table : std::uint32_t { rows, by_name };

// So many names are looked through for a page; reading a million takes some 0.2 s.
constexpr std::size_t max_searched = 1'000'000;

bool passes_filters(const v1::CustomerRow& row, const ListQuery& query) {
    return passes(query.owner, row.owner()) && passes(query.region, row.region()) &&
           passes(query.sector, row.sector()) &&
           (query.kind == v1::CUSTOMER_KIND_UNSPECIFIED || query.kind == row.kind()) &&
           (!query.archived || *query.archived == row.archived());
}

}  // namespace

std::optional<v1::CustomerRow> query_one(const ViewReader& view, std::string_view tenant, std::string_view id) {
    return view.row<v1::CustomerRow>(rows, Key(tenant).id(id));
}

std::expected<v1::CustomerList, QueryError> query_list(const ViewReader& view, const ListQuery& query) {
    v1::CustomerList answer;
    const auto take = [&](std::string_view, std::string_view value) {
        auto row = parse_row<v1::CustomerRow>(value);
        if (row.id().empty() || !passes_filters(row, query)) return false;
        *answer.add_customers() = std::move(row);
        return true;
    };
    const Wanted wanted(query.search);
    const auto take_named = [&](std::string_view rest, std::string_view beside) {
        const std::string name = take_text(rest);
        if (!wanted.empty() && !wanted.found_in(name, beside)) return false;
        auto row = query_one(view, query.tenant, rest);
        if (!row || !passes_filters(*row, query)) return false;
        *answer.add_customers() = std::move(*row);
        return true;
    };
    const Key prefix(query.tenant);
    const bool by_id = wanted.empty() && query.order == OrderBy::by_id;
    auto next = by_id ? walk(view, rows, prefix, query.page, Order::ascending, take)
                      : walk(view, by_name, prefix, query.page, Order::ascending, take_named, max_searched);
    if (!next) return std::unexpected(next.error());
    answer.set_next_cursor(*next);
    return answer;
}

}  // namespace tidemark::projections::customers
