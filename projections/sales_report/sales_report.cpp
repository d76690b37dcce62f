#include "projections/sales_report/sales_report.hpp"

#include <cmath>

namespace tidemark::projections::sales_report {

namespace {

constexpr std::string_view family = "sales";

v1::Money money(std::int64_t minor, const std::string& currency) {
    v1::Money money;
    money.set_minor(minor);
    money.set_currency(currency);
    return money;
}

struct Measures {
    explicit Measures(const kpi::Kpis& kpis)
        : opened(kpis.measure(family, "opened")),
          opened_value(kpis.measure(family, "opened_value")),
          won(kpis.measure(family, "won")),
          won_value(kpis.measure(family, "won_value")),
          lost(kpis.measure(family, "lost")),
          lost_value(kpis.measure(family, "lost_value")) {}
    int opened, opened_value, won, won_value, lost, lost_value;
};

// False: nothing of the report is in the cell.
bool fill(v1::SalesReportRow& row, const kpi::Cell& cell, const Measures& measures) {
    const auto value = [&](int measure) { return cell.amounts[static_cast<std::size_t>(measure)].value; };
    const auto won = value(measures.won);
    const auto lost = value(measures.lost);
    row.set_opened(value(measures.opened));
    row.set_won(won);
    row.set_lost(lost);
    *row.mutable_opened_value() = money(value(measures.opened_value), cell.currency);
    *row.mutable_won_value() = money(value(measures.won_value), cell.currency);
    *row.mutable_lost_value() = money(value(measures.lost_value), cell.currency);
    if (won > 0)
        *row.mutable_average_won_value() =
            money(std::llround(static_cast<long double>(row.won_value().minor()) / static_cast<long double>(won)),
                  cell.currency);
    if (won + lost > 0) row.set_win_rate(static_cast<double>(won) / static_cast<double>(won + lost));
    return row.opened() != 0 || won != 0 || lost != 0 || row.opened_value().minor() != 0 ||
           row.won_value().minor() != 0 || row.lost_value().minor() != 0;
}

}  // namespace

std::expected<v1::SalesReport, QueryError> query_report(const ViewReader& kpi_view, const kpi::Kpis& kpis,
                                                        const kpi::SeriesQuery& query) {
    const auto cells = kpis.cells(kpi_view, family, query, true);
    if (!cells) return std::unexpected(cells.error());
    const Measures measures(kpis);
    const auto& calendar = kpis.calendar(query.tenant);
    const auto grain = kpi::parse_grain(query.grain).value();
    v1::SalesReport report;
    report.set_grain(query.grain);
    report.set_time_zone(calendar.settings().zone);
    std::vector<std::string> names;
    for (const auto& name : query.by) {
        report.add_by(name);
        if (name != "currency") names.push_back(name);
    }
    for (const auto& cell : *cells) {
        v1::SalesReportRow row;
        if (!fill(row, cell, measures)) continue;
        row.set_bucket(calendar.label(grain, cell.bucket));
        row.set_start(calendar.start(grain, cell.bucket));
        row.set_currency(cell.currency);
        for (std::size_t d = 0; d < names.size(); ++d) {
            auto& dim = *row.add_dims();
            dim.set_name(names[d]);
            dim.set_value(cell.dims[d]);
        }
        *report.add_rows() = std::move(row);
    }
    return report;
}

}  // namespace tidemark::projections::sales_report
