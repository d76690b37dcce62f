// What people watch: the delivery board, and commands that were rejected.
#include "api/http/view_routes.hpp"
#include "projections/deliveries/deliveries.hpp"
#include "projections/rejections/rejections.hpp"

namespace tidemark::api {
namespace {

namespace deliveries = projections::deliveries;
namespace rejections = projections::rejections;

// `now` may be given, so that the same question has the same answer later.
events::Micros now_of(const Context& context, Params& params, const std::string& tenant) {
    return params.time("now", context.services.kpis.calendar(tenant)).value_or(context.services.clock());
}

Response delivery_board(const Context& context, const Request& request) {
    Params params(request);
    deliveries::BoardQuery query;
    query.tenant = params.tenant();
    query.now = now_of(context, params, query.tenant);
    query.status = static_cast<v1::DeliveryRow::Status>(params.choice("status", *v1::DeliveryRow::Status_descriptor()));
    query.owner = params.text("owner");
    query.region = params.text("region");
    query.product = params.text("product");
    query.customer = params.text("customer");
    query.on_time = params.flag("on_time");
    query.on_budget = params.flag("on_budget");
    query.page = params.page();
    return answer_query(context, request, params, deliveries::view_name, [&](const projections::ViewReader& view) {
        return deliveries::query_board(view, query, context.services.kpis.calendar(query.tenant));
    });
}

Response delivery_entry(const Context& context, const Request& request) {
    Params params(request);
    const std::string tenant = params.tenant();
    const std::string& id = request.path_param("id");
    const events::Micros now = now_of(context, params, tenant);
    return answer_query(context, request, params, deliveries::view_name, [&](const projections::ViewReader& view) {
        return found(deliveries::query_one(view, tenant, id, now, context.services.kpis.calendar(tenant)), "delivery",
                     id);
    });
}

Response rejected_commands(const Context& context, const Request& request) {
    Params params(request);
    rejections::ListQuery query;
    query.tenant = params.tenant();
    query.actor = params.text("actor");
    query.command = params.text("command");
    query.code = params.text("code");
    query.page = params.page();
    return answer_query(context, request, params, rejections::view_name,
                        [&](const projections::ViewReader& view) { return rejections::query_list(view, query); });
}

Response rejection_counts(const Context& context, const Request& request) {
    Params params(request);
    const std::string tenant = params.tenant();
    return answer_query(
        context, request, params, rejections::view_name,
        [&](const projections::ViewReader& view) -> std::expected<v1::RejectionCounts, projections::QueryError> {
            return rejections::query_counts(view, tenant);
        });
}

}  // namespace

void add_board_routes(Routes& routes, const Context& context) {
    const Param now{"now", In::query, Kind::time,
                    "up to when time is counted; absent: now. " + std::string(date_is_its_end)};
    add_view(routes, context, {deliveries::view_name}, "/v1/deliveries", "deliveries",
             "The delivery board: plan, progress, result, risk", v1::DeliveryBoard::descriptor(),
             with_page({now,
                        {"status",
                         In::query,
                         Kind::choice,
                         "",
                         {"REQUIREMENTS", "PLANNED", "RUNNING", "DELIVERED", "CLOSED", "CANCELLED"}},
                        {"owner", In::query, Kind::text, ""},
                        {"region", In::query, Kind::text, ""},
                        {"product", In::query, Kind::text, ""},
                        {"customer", In::query, Kind::text, ""},
                        {"on_time", In::query, Kind::flag, ""},
                        {"on_budget", In::query, Kind::flag, ""}}),
             delivery_board);
    add_view(routes, context, {deliveries::view_name}, "/v1/deliveries/{id}/board", "deliveries",
             "A delivery's entry on the board", v1::DeliveryBoardEntry::descriptor(), {now}, delivery_entry);
    add_view(routes, context, {rejections::view_name}, "/v1/rejections", "rejections",
             "Rejected commands, newest first", v1::RejectedCommands::descriptor(),
             with_page({{"actor", In::query, Kind::text, ""},
                        {"command", In::query, Kind::text, "WinSale"},
                        {"code", In::query, Kind::text, "SaleAlreadyClosed"}}),
             rejected_commands);
    add_view(routes, context, {rejections::view_name}, "/v1/rejections/counts", "rejections",
             "How often what was rejected, by actor, command, code", v1::RejectionCounts::descriptor(), {},
             rejection_counts);
}

}  // namespace tidemark::api
