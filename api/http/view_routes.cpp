#include "api/http/view_routes.hpp"

namespace tidemark::api {
namespace {

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

}  // namespace

Response query_problem(const projections::QueryError& error) {
    return error.not_found ? problem(404, "NotFound", error.what, error.field)
                           : problem(400, "BadParameter", error.what, error.field);
}

void add_view(Routes& routes, const Context& context, Sources views, std::string pattern, std::string group,
              std::string summary, const google::protobuf::Descriptor* response, std::vector<Param> params,
              Response (*handle)(const Context&, const Request&)) {
    Route route;
    route.method = "GET";
    route.pattern = std::move(pattern);
    route.group = std::move(group);
    route.summary = std::move(summary);
    route.params = std::move(params);
    route.params.push_back({"Tidemark-Tenant", In::header, Kind::id, "absent: default"});
    route.params.push_back(
        {"Tidemark-At-Least", In::header, Kind::text,
         "a Tidemark-Position that an answer gave: what it stands for is seen, or the answer is 503"});
    route.response = response;
    route.response_types = {std::string(json_type), std::string(protobuf_type)};
    if (route.pattern.find('{') != std::string::npos) {
        route.problems = {404};
    }
    route.handler = [&context, views = std::move(views), handle](RequestPtr request, Responder responder) {
        answer_when_passed(context, std::move(request), std::move(responder), views,
                           [&context, handle](const Request& asked) { return handle(context, asked); });
    };
    routes.add(std::move(route));
}

projections::kpi::SeriesQuery series_query(Params& params) {
    projections::kpi::SeriesQuery query;
    query.tenant = params.tenant();
    query.from = params.text("from");
    query.to = params.text("to");
    if (const std::string grain = params.text("grain"); !grain.empty()) {
        query.grain = grain;
    }
    query.by = params.list("by");
    query.filter = filters(params);
    return query;
}

std::vector<Param> series_params() {
    return {{"from", In::query, Kind::time, "or a date in the tenant's time zone; absent: from the first"},
            {"to", In::query, Kind::time, "exclusive; absent: to the last"},
            {"grain", In::query, Kind::choice, "absent: month", {"hour", "day", "week", "month", "quarter", "year"}},
            {"by", In::query, Kind::text, "dimensions, with commas between: owner,region"},
            {"filter", In::query, Kind::text, "dimension:value, with commas between: owner:ada,region:north"}};
}

std::vector<Param> with_page(std::vector<Param> params) {
    params.push_back({"limit", In::query, Kind::integer, "at most so many, 1 to 1000; 50 if absent"});
    params.push_back({"cursor", In::query, Kind::text, "next_cursor of the page before"});
    return params;
}

}  // namespace tidemark::api
