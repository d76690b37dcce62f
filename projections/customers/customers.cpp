#include "projections/customers/customers.hpp"

#include "projections/keys.hpp"
#include "projections/text.hpp"

#include <algorithm>

namespace tidemark::projections::customers {

namespace {

enum Table : std::uint32_t { rows, by_name, by_gram };

std::string name_key(std::string_view tenant, const v1::CustomerRow& row) {
    return Key(tenant).text(fold_text(row.name())).id(row.id()).take();
}

// Under what the customer is found: sorted, each once.
std::vector<std::string> grams_of(const v1::CustomerRow& row) {
    std::vector<std::string> all = grams(fold_text(row.name()));
    std::ranges::move(grams(fold_text(row.email())), std::back_inserter(all));
    std::ranges::move(grams(digits_of(row.phone())), std::back_inserter(all));
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    return all;
}

bool changes_text(const v1::CustomerEvent& e) {
    if (e.has_customer_created()) return true;
    const auto& change = e.customer_details_changed();
    return e.has_customer_details_changed() && (change.has_name() || change.has_phone() || change.has_email());
}

struct Indexed {
    std::string name;
    std::vector<std::string> grams;
};

void reindex(std::string_view tenant, std::string_view id, const Indexed& before, const Indexed& after, Rows& store) {
    if (before.name != after.name) {
        if (!before.name.empty()) store.erase(by_name, before.name);
        store.put(by_name, after.name, {});
    }
    std::vector<std::string> gone, come;
    std::ranges::set_difference(before.grams, after.grams, std::back_inserter(gone));
    std::ranges::set_difference(after.grams, before.grams, std::back_inserter(come));
    for (const auto& gram : gone) store.erase(by_gram, Key(tenant).text(gram).id(id));
    for (const auto& gram : come) store.put(by_gram, Key(tenant).text(gram).id(id), {});
}

void apply(const Event& event, Rows& store) {
    const auto* what = std::get_if<v1::CustomerEvent>(&event.payload);
    if (what == nullptr) return;
    const auto tenant = event.header.tenant;
    auto& row = store.row<v1::CustomerRow>(rows, Key(tenant).id(event.header.stream_id));
    const bool text = changes_text(*what);
    Indexed before;
    if (text && !row.id().empty()) before = {name_key(tenant, row), grams_of(row)};
    fold_details(row, event, *what);
    if (text) reindex(tenant, row.id(), before, {name_key(tenant, row), grams_of(row)}, store);
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name), .version = 1, .tables = {"rows", "by_name", "by_gram"}, .apply = apply};
}

}  // namespace tidemark::projections::customers
