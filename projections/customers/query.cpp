#include "projections/customers/customers.hpp"
#include "projections/keys.hpp"
#include "projections/text.hpp"

#include <algorithm>

namespace tidemark::projections::customers {

namespace {

enum Table : std::uint32_t { rows, by_name, by_gram };

bool passes_filters(const v1::CustomerRow& row, const ListQuery& query) {
    return passes(query.owner, row.owner()) && passes(query.region, row.region()) &&
           passes(query.sector, row.sector()) &&
           (query.kind == v1::CUSTOMER_KIND_UNSPECIFIED || query.kind == row.kind()) &&
           (!query.archived || *query.archived == row.archived());
}

// Customers, in order of id, that are indexed under every one of some grams. It leaps from one gram's list to the
// next, always to the highest id seen, so that the rarest gram sets the pace.
class Candidates {
public:
    Candidates(const ViewReader& view, std::string_view tenant, const std::vector<std::string>& grams) : view_(view) {
        for (const auto& gram : grams) lists_.push_back(Key(tenant).text(gram).take());
    }

    // The first whose id is not before `from`; empty: none.
    [[nodiscard]] std::string next(std::string from) const {
        if (lists_.empty()) return {};
        for (std::size_t agreeing = 0, i = 0; agreeing < lists_.size(); i = (i + 1) % lists_.size()) {
            std::string id = seek(lists_[i], from);
            if (id.empty()) return {};
            agreeing = id == from ? agreeing + 1 : 1;
            from = std::move(id);
        }
        return from;
    }

private:
    [[nodiscard]] std::string seek(const std::string& list, std::string_view from) const {
        std::string id;
        view_.scan(by_gram, std::string(list).append(from), range_end(list),
                   [&](std::string_view key, std::string_view) {
                       id = key.substr(list.size());
                       return false;
                   });
        return id;
    }

    const ViewReader& view_;
    std::vector<std::string> lists_;
};

std::expected<v1::CustomerList, QueryError> search(const ViewReader& view, const ListQuery& query) {
    if (auto checked = check_limit(query.page); !checked) return std::unexpected(checked.error());
    auto from = from_cursor(query.page.cursor);
    if (!from) return std::unexpected(from.error());
    const std::string text = fold_text(query.search);
    const std::string digits = looks_like_phone(text) ? digits_of(text) : std::string();
    const Candidates by_text(view, query.tenant, grams_to_find(text));
    const Candidates by_digits(view, query.tenant, grams_to_find(digits));
    const auto found = [&](const v1::CustomerRow& row) {
        return fold_text(row.name()).contains(text) || fold_text(row.email()).contains(text) ||
               (!digits.empty() && digits_of(row.phone()).contains(digits));
    };

    v1::CustomerList answer;
    std::string next = *from;
    if (!query.page.cursor.empty()) next.push_back('\0');
    for (;;) {
        std::string id = by_text.next(next);
        if (std::string other = by_digits.next(next); id.empty() || (!other.empty() && other < id)) id = other;
        if (id.empty()) return answer;
        auto row = query_one(view, query.tenant, id);
        if (row && found(*row) && passes_filters(*row, query)) {
            if (answer.customers_size() == static_cast<int>(query.page.limit)) {
                answer.set_next_cursor(to_cursor(answer.customers().rbegin()->id()));
                return answer;
            }
            *answer.add_customers() = std::move(*row);
        }
        next = id;
        next.push_back('\0');
    }
}

}  // namespace

std::optional<v1::CustomerRow> query_one(const ViewReader& view, std::string_view tenant, std::string_view id) {
    return view.row<v1::CustomerRow>(rows, Key(tenant).id(id));
}

std::expected<v1::CustomerList, QueryError> query_list(const ViewReader& view, const ListQuery& query) {
    if (!fold_text(query.search).empty()) return search(view, query);
    v1::CustomerList answer;
    const auto take = [&](std::string_view, std::string_view value) {
        auto row = parse_row<v1::CustomerRow>(value);
        if (row.id().empty() || !passes_filters(row, query)) return false;
        *answer.add_customers() = std::move(row);
        return true;
    };
    const auto take_named = [&](std::string_view rest, std::string_view) {
        (void)take_text(rest);
        auto row = query_one(view, query.tenant, rest);
        if (!row || !passes_filters(*row, query)) return false;
        *answer.add_customers() = std::move(*row);
        return true;
    };
    const Key prefix(query.tenant);
    auto next = query.order == OrderBy::by_name
                    ? walk(view, Table::by_name, prefix, query.page, Order::ascending, take_named)
                    : walk(view, rows, prefix, query.page, Order::ascending, take);
    if (!next) return std::unexpected(next.error());
    answer.set_next_cursor(*next);
    return answer;
}

}  // namespace tidemark::projections::customers
