#include "projections/products/products.hpp"

#include "projections/keys.hpp"

#include <stdexcept>

namespace tidemark::projections::products {

namespace {

enum Table : std::uint32_t { rows };

void defined(v1::ListedProduct& row, const Event& event, const v1::ProductDefined& e) {
    row.set_id(std::string(event.header.stream_id));
    row.set_code(e.code());
    row.set_name(e.name());
    row.set_series(e.series());
    *row.mutable_list_price() = e.list_price();
    row.set_defined_at(event.header.occurred_at);
}

void apply(const Event& event, Rows& store) {
    const auto* what = std::get_if<v1::ProductEvent>(&event.payload);
    if (what == nullptr) return;
    auto& row = store.row<v1::ListedProduct>(rows, Key(event.header.tenant).id(event.header.stream_id));
    row.set_version(event.header.version);
    row.set_changed_at(event.header.occurred_at);
    switch (what->event_case()) {
        case v1::ProductEvent::kProductDefined: return defined(row, event, what->product_defined());
        case v1::ProductEvent::kListPriceChanged: *row.mutable_list_price() = what->list_price_changed().to(); return;
        case v1::ProductEvent::kProductRetired:
            row.set_retired(true);
            row.set_retire_reason(what->product_retired().reason());
            return;
        case v1::ProductEvent::EVENT_NOT_SET: throw std::runtime_error("a product event without an event");
    }
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name), .version = 1, .tables = {"rows"}, .apply = apply};
}

std::expected<v1::ProductList, QueryError> query_list(const ViewReader& view, const ListQuery& query) {
    v1::ProductList answer;
    const auto take = [&](std::string_view, std::string_view value) {
        auto row = parse_row<v1::ListedProduct>(value);
        if (!passes(query.series, row.series()) || (query.retired && *query.retired != row.retired())) return false;
        *answer.add_products() = std::move(row);
        return true;
    };
    auto next = walk(view, rows, Key(query.tenant), query.page, Order::ascending, take);
    if (!next) return std::unexpected(next.error());
    answer.set_next_cursor(*next);
    return answer;
}

}  // namespace tidemark::projections::products
