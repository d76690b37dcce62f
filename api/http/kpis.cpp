// GET /v1/kpis and /v1/kpis/{name}: what is measured, and how it went.
#include "api/http/view_routes.hpp"
#include "api/json/tables.hpp"

namespace tidemark::api {
namespace {

namespace kpi = projections::kpi;

Response list_kpis(const Context& context, const Request& request) {
    return answer(request, context.services.kpis.list());
}

// With the name that was probably meant, and where all of them are.
std::string no_such_kpi(const kpi::Kpis& kpis, const std::string& name) {
    const v1::KpiList list = kpis.list();
    std::vector<std::string_view> names;
    for (const auto& known : list.kpis()) {
        names.push_back(known.name());
    }
    const std::string_view near = json::nearest_of(name, names);
    return "there is no KPI of that name; " +
           (near.empty() ? std::string() : "did you mean " + std::string(near) + "? ") +
           "GET /v1/kpis and `tidemark kpi` list all of them";
}

Response kpi_series(const Context& context, const Request& request) {
    Params params(request);
    const auto query = series_query(params);
    const std::string& name = request.path_param("name");
    return answer_query(context, request, params, kpi::view_name, [&](const projections::ViewReader& view) {
        auto series = context.services.kpis.series(view, name, query);
        if (!series && series.error().field == "kpi") {
            series.error().what = no_such_kpi(context.services.kpis, name);
        }
        return series;
    });
}

}  // namespace

void add_kpi_routes(Routes& routes, const Context& context) {
    // What is measured is said by the catalogue: no view has to be there for it.
    add_view(routes, context, streams_themselves, "/v1/kpis", "kpis", "Every KPI: its unit, formula and dimensions",
             v1::KpiList::descriptor(), {}, list_kpis);
    add_view(routes, context, {kpi::view_name}, "/v1/kpis/{name}", "kpis", "A KPI over time, by dimensions",
             v1::KpiSeries::descriptor(), series_params(), kpi_series);
}

}  // namespace tidemark::api
