// Figures over many sales: the funnel of a pipeline, the forecast, the sales report.
#include "api/http/view_routes.hpp"
#include "projections/forecast/forecast.hpp"
#include "projections/funnel/funnel.hpp"
#include "projections/sales/sales.hpp"
#include "projections/sales_report/sales_report.hpp"

namespace tidemark::api {
namespace {

namespace sales = projections::sales;

Response funnel(const Context& context, const Request& request) {
    Params params(request);
    projections::funnel::Query query;
    query.tenant = params.tenant();
    query.pipeline = request.path_param("id");
    query.owner = params.text("owner");
    query.region = params.text("region");
    query.product = params.text("product");
    const auto& calendar = context.services.kpis.calendar(query.tenant);
    const auto occurred = params.time("as_of", calendar);
    const auto recorded = params.time("as_of_recorded", calendar);
    if (occurred && recorded) {
        params.fault("as_of", "give one of as_of, as_of_recorded");
    }
    if (occurred) {
        query.as_of = {sales::Clock::occurred, *occurred};
    } else if (recorded) {
        query.as_of = {sales::Clock::recorded, *recorded};
    }
    return answer_query(context, request, params, sales::view_name, [&](const projections::ViewReader& view) {
        return projections::funnel::query_funnel(view, query);
    });
}

Response forecast(const Context& context, const Request& request) {
    Params params(request);
    projections::forecast::Query query;
    query.tenant = params.tenant();
    query.owner = params.text("owner");
    query.region = params.text("region");
    query.product = params.text("product");
    query.pipeline = params.text("pipeline");
    return answer_query(
        context, request, params, sales::view_name,
        [&](const projections::ViewReader& view) -> std::expected<v1::Forecast, projections::QueryError> {
            return projections::forecast::query_forecast(view, query);
        });
}

Response sales_report(const Context& context, const Request& request) {
    Params params(request);
    const auto query = series_query(params);
    return answer_query(context, request, params, projections::kpi::view_name,
                        [&](const projections::ViewReader& view) {
                            return projections::sales_report::query_report(view, context.services.kpis, query);
                        });
}

}  // namespace

void add_report_routes(Routes& routes, const Context& context) {
    add_view(
        routes, context, {sales::view_name}, "/v1/pipelines/{id}/funnel", "reports",
        "A pipeline's stages: how many, how much, how many go on", v1::Funnel::descriptor(),
        {{"as_of", In::query, Kind::time,
          "what was true then (by occurred_at), with every correction known today. " + std::string(date_is_its_end)},
         {"as_of_recorded", In::query, Kind::time,
          "what was known then (by recorded_at). " + std::string(date_is_its_end)},
         {"owner", In::query, Kind::text, ""},
         {"region", In::query, Kind::text, ""},
         {"product", In::query, Kind::text, ""}},
        funnel);
    add_view(routes, context, {sales::view_name}, "/v1/forecast", "reports",
             "Open sales, weighted by the probability of their stage", v1::Forecast::descriptor(),
             {{"owner", In::query, Kind::text, ""},
              {"region", In::query, Kind::text, ""},
              {"product", In::query, Kind::text, ""},
              {"pipeline", In::query, Kind::text, ""}},
             forecast);
    add_view(routes, context, {projections::kpi::view_name}, "/v1/reports/sales", "reports",
             "Sales opened, won and lost, by period and dimension", v1::SalesReport::descriptor(), series_params(),
             sales_report);
}

}  // namespace tidemark::api
