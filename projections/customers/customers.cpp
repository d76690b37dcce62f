#include "projections/customers/customers.hpp"

#include "projections/customers/search.hpp"
#include "projections/keys.hpp"
#include "projections/text.hpp"

namespace tidemark::projections::customers {

namespace {

enum Table : std::uint32_t { rows, by_name };

std::string name_key(std::string_view tenant, const v1::CustomerRow& row) {
    return Key(tenant).text(fold_text(row.name())).id(row.id()).take();
}

bool changes_text(const v1::CustomerEvent& e) {
    if (e.has_customer_created()) return true;
    const auto& change = e.customer_details_changed();
    return e.has_customer_details_changed() && (change.has_name() || change.has_phone() || change.has_email());
}

void apply(const Event& event, Rows& store) {
    const auto* what = std::get_if<v1::CustomerEvent>(&event.payload);
    if (what == nullptr) return;
    const auto tenant = event.header.tenant;
    auto& row = store.row<v1::CustomerRow>(rows, Key(tenant).id(event.header.stream_id));
    const bool text = changes_text(*what);
    const std::string before = text && !row.id().empty() ? name_key(tenant, row) : std::string();
    fold_details(row, event, *what);
    if (!text) return;
    const std::string after = name_key(tenant, row);
    if (!before.empty() && before != after) store.erase(by_name, before);
    store.put(by_name, after, search_text(fold_text(row.email()), digits_of(row.phone())));
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name), .version = 2, .tables = {"rows", "by_name"}, .apply = apply};
}

}  // namespace tidemark::projections::customers
