// What queries share: what is wrong with a question, and answers in pages.
#pragma once

#include "projections/projection.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tidemark::projections {

// The question cannot be answered as it was put: which parameter, and how to mend it. (HTTP: 400; an unknown name:
// 404.)
struct QueryError {
    std::string field;
    std::string what;
    bool not_found = false;
};

struct Page {
    std::uint32_t limit = 50;  // 1 to 1,000
    std::string cursor;        // `next_cursor` of the former page; empty: the first
};

enum class Order : std::uint8_t { ascending, descending };

// Walks the rows whose key begins with `prefix`, from behind the cursor on. `take` gets what follows the prefix in
// the key, and says whether the row belongs to the page. Returns the next cursor; empty: there is no more. A filter
// that few rows pass makes a page end early, after `max_examined` rows: shorter than its limit, with a cursor.
[[nodiscard]] std::expected<std::string, QueryError> walk(
    const ViewReader& view, std::uint32_t table, std::string_view prefix, const Page& page, Order order,
    const std::function<bool(std::string_view rest, std::string_view value)>& take, std::size_t max_examined = 100'000);

// A cursor is the key behind the prefix, in hex: it cannot leave the tenant's rows.
[[nodiscard]] std::string to_cursor(std::string_view rest);
[[nodiscard]] std::expected<std::string, QueryError> from_cursor(std::string_view cursor);
[[nodiscard]] std::expected<void, QueryError> check_limit(const Page& page);

// Empty filters let everything pass.
[[nodiscard]] inline bool passes(std::string_view filter, std::string_view value) {
    return filter.empty() || filter == value;
}

// A row out of its bytes. Throws std::runtime_error when they do not parse: a damaged view must not look empty.
template <class Row>
[[nodiscard]] Row parse_row(std::string_view value) {
    Row row;
    if (!row.ParseFromArray(value.data(), static_cast<int>(value.size())))
        throw std::runtime_error("a row of a view does not parse as " + row.GetTypeName());
    return row;
}

}  // namespace tidemark::projections
