// The sales report: by period (hour to year) and owner, product, region ..., in each currency. Read from the cells of
// the KPI family `sales`: there is no second set of counters.
#pragma once

#include "projections/kpi/kpi.hpp"
#include "projections/sales_report/sales_report.pb.h"

#include <expected>

namespace tidemark::projections::sales_report {

// `kpi_view` is a reader of the projection "kpi". Ranges, grains and dimensions as for a KPI of the family `sales`.
[[nodiscard]] std::expected<v1::SalesReport, QueryError> query_report(const ViewReader& kpi_view, const kpi::Kpis& kpis,
                                                                      const kpi::SeriesQuery& query);

}  // namespace tidemark::projections::sales_report
