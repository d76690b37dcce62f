// GET /v1/kpis and /v1/kpis/{name}: what is measured, and how it went.
#include "api/http/view_routes.hpp"

namespace tidemark::api {
namespace {

namespace kpi = projections::kpi;

Response list_kpis(const Context& context, const Request& request) {
    return answer(request, context.services.kpis.list());
}

// filter=owner:ada,region:north; may be repeated.
std::vector<std::pair<std::string, std::string>> filters(Params& params) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const std::string& part : params.list("filter")) {
        const std::size_t colon = part.find(':');
        if (colon == std::string::npos) {
            params.fault("filter", "expected dimension:value, with commas between: owner:ada,region:north");
            break;
        }
        out.emplace_back(part.substr(0, colon), part.substr(colon + 1));
    }
    return out;
}

Response kpi_series(const Context& context, const Request& request) {
    Params params(request);
    kpi::SeriesQuery query;
    query.tenant = params.tenant();
    query.from = params.text("from");
    query.to = params.text("to");
    if (const std::string grain = params.text("grain"); !grain.empty()) {
        query.grain = grain;
    }
    query.by = params.list("by");
    query.filter = filters(params);
    const std::string& name = request.path_param("name");
    return answer_query(context, request, params, kpi::view_name, [&](const projections::ViewReader& view) {
        return context.services.kpis.series(view, name, query);
    });
}

}  // namespace

void add_kpi_routes(Routes& routes, const Context& context) {
    add_view(routes, context, "/v1/kpis", "kpis", "Every KPI: its unit, formula and dimensions",
             v1::KpiList::descriptor(), {}, list_kpis);
    add_view(routes, context, "/v1/kpis/{name}", "kpis", "A KPI over time, by dimensions", v1::KpiSeries::descriptor(),
             {{"from", In::query, Kind::time, "or a date in the tenant's time zone; absent: from the first"},
              {"to", In::query, Kind::time, "exclusive; absent: to the last"},
              {"grain", In::query, Kind::choice, "absent: month", {"hour", "day", "week", "month", "quarter", "year"}},
              {"by", In::query, Kind::text, "dimensions, with commas between: owner,region"},
              {"filter", In::query, Kind::text, "dimension:value, with commas between: owner:ada,region:north"}},
             kpi_series);
}

}  // namespace tidemark::api
