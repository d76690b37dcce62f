// GET /v1/kpis and /v1/kpis/{name}: what is measured, and how it went.
#include "api/http/view_routes.hpp"

namespace tidemark::api {
namespace {

namespace kpi = projections::kpi;

Response list_kpis(const Context& context, const Request& request) {
    return answer(request, context.services.kpis.list());
}

Response kpi_series(const Context& context, const Request& request) {
    Params params(request);
    const auto query = series_query(params);
    const std::string& name = request.path_param("name");
    return answer_query(context, request, params, kpi::view_name, [&](const projections::ViewReader& view) {
        return context.services.kpis.series(view, name, query);
    });
}

}  // namespace

void add_kpi_routes(Routes& routes, const Context& context) {
    // What is measured is said by the catalogue: no view has to be there for it.
    add_view(routes, context, streams_themselves, "/v1/kpis", "kpis", "Every KPI: its unit, formula and dimensions",
             v1::KpiList::descriptor(), {}, list_kpis);
    add_view(routes, context, kpi::view_name, "/v1/kpis/{name}", "kpis", "A KPI over time, by dimensions",
             v1::KpiSeries::descriptor(), series_params(), kpi_series);
}

}  // namespace tidemark::api
