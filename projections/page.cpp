#include "projections/page.hpp"

#include "projections/keys.hpp"

namespace tidemark::projections {

namespace {
constexpr std::uint32_t max_limit = 1'000;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}
}  // namespace

std::string to_cursor(std::string_view rest) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string cursor;
    cursor.reserve(rest.size() * 2);
    for (const char c : rest) {
        const auto byte = static_cast<unsigned char>(c);
        cursor.push_back(digits[byte >> 4]);
        cursor.push_back(digits[byte & 15]);
    }
    return cursor;
}

std::expected<std::string, QueryError> from_cursor(std::string_view cursor) {
    std::string rest;
    for (std::size_t i = 0; i < cursor.size(); i += 2) {
        const int high = hex_digit(cursor[i]);
        const int low = i + 1 < cursor.size() ? hex_digit(cursor[i + 1]) : -1;
        if (high < 0 || low < 0)
            return std::unexpected(QueryError{"cursor", "is not one that was given: send next_cursor as it came"});
        rest.push_back(static_cast<char>(high * 16 + low));
    }
    return rest;
}

std::expected<void, QueryError> check_limit(const Page& page) {
    if (page.limit == 0 || page.limit > max_limit)
        return std::unexpected(QueryError{"limit", "must be from 1 to " + std::to_string(max_limit)});
    return {};
}

std::expected<std::string, QueryError> walk(
    const ViewReader& view, std::uint32_t table, std::string_view prefix, const Page& page, Order order,
    const std::function<bool(std::string_view rest, std::string_view value)>& take, std::size_t max_examined) {
    if (auto checked = check_limit(page); !checked) return std::unexpected(checked.error());
    auto from = from_cursor(page.cursor);
    if (!from) return std::unexpected(from.error());

    std::uint32_t taken = 0;
    std::size_t examined = 0;
    std::string last;
    bool more = false;
    const auto visit = [&](std::string_view key, std::string_view value) {
        if (taken == page.limit || examined == max_examined) {
            more = true;
            return false;
        }
        last = key.substr(prefix.size());
        ++examined;
        if (take(last, value)) ++taken;
        return true;
    };
    std::string first(prefix);
    std::string end = range_end(prefix);
    if (order == Order::ascending) {
        if (!page.cursor.empty()) first.append(*from).push_back('\0');  // right behind the cursor's key
        view.scan(table, first, end, visit);
    } else {
        if (!page.cursor.empty()) end = first + *from;
        view.scan_back(table, first, end, visit);
    }
    return more ? to_cursor(last) : std::string();
}

}  // namespace tidemark::projections
