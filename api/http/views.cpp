// The views of customers and sales. Each handler turns parameters into a query of its
// projection, waits for the position that the request names, and answers what the query returns.
#include "api/http/view_routes.hpp"
#include "projections/customer_360/customer_360.hpp"
#include "projections/customers/customers.hpp"
#include "projections/sales/sales.hpp"

namespace tidemark::api {
namespace {

namespace customers = projections::customers;
namespace sales = projections::sales;

Response list_customers(const Context& context, const Request& request) {
    Params params(request);
    customers::ListQuery query;
    query.tenant = params.tenant();
    query.search = params.text("q");
    query.owner = params.text("owner");
    query.region = params.text("region");
    query.sector = params.text("sector");
    query.kind = static_cast<v1::CustomerKind>(params.choice("kind", *v1::CustomerKind_descriptor()));
    query.archived = params.flag("archived");
    query.order = params.text("order") == "name" ? customers::OrderBy::by_name : customers::OrderBy::by_id;
    query.page = params.page();
    if (const std::string order = params.text("order"); !order.empty() && order != "name" && order != "id") {
        params.fault("order", "expected id or name");
    }
    return answer_query(context, request, params, customers::view_name,
                        [&](const projections::ViewReader& view) { return customers::query_list(view, query); });
}

Response customer_overview(const Context& context, const Request& request) {
    Params params(request);
    const std::string tenant = params.tenant();
    const std::string& id = request.path_param("id");
    auto sales_view = open_view(context, sales::view_name);
    if (!sales_view) return std::move(sales_view.error());
    return answer_query(
        context, request, params, projections::customer_360::view_name, [&](const projections::ViewReader& view) {
            return found(projections::customer_360::query_overview(view, **sales_view, tenant, id), "customer", id);
        });
}

Response list_sales(const Context& context, const Request& request) {
    Params params(request);
    sales::ListQuery query;
    query.tenant = params.tenant();
    query.status = static_cast<v1::SaleStatus>(params.choice("status", *v1::SaleStatus_descriptor()));
    query.owner = params.text("owner");
    query.region = params.text("region");
    query.pipeline = params.text("pipeline");
    query.stage = params.text("stage");
    query.customer = params.text("customer");
    query.product = params.text("product");
    query.page = params.page();
    return answer_query(context, request, params, sales::view_name,
                        [&](const projections::ViewReader& view) { return sales::query_list(view, query); });
}

Response sale_history(const Context& context, const Request& request) {
    Params params(request);
    const std::string tenant = params.tenant();
    const std::string& id = request.path_param("id");
    const events::Micros now = context.services.clock();
    return answer_query(context, request, params, sales::view_name, [&](const projections::ViewReader& view) {
        return found(sales::query_history(view, tenant, id, now), "sale", id);
    });
}

}  // namespace

void add_view_routes(Routes& routes, const Context& context) {
    add_view(
        routes, context, {customers::view_name}, "/v1/customers", "customers", "Customers: listed, filtered, searched",
        v1::CustomerList::descriptor(),
        with_page({{"q", In::query, Kind::text, "part of name, phone or e-mail; Chinese too"},
                   {"owner", In::query, Kind::text, ""},
                   {"region", In::query, Kind::text, ""},
                   {"sector", In::query, Kind::text, ""},
                   {"kind", In::query, Kind::choice, "", {"PERSON", "COMPANY"}},
                   {"archived", In::query, Kind::flag, "absent: both"},
                   {"order", In::query, Kind::choice, "absent: id; a search comes in order of name", {"id", "name"}}}),
        list_customers);
    add_view(routes, context, {projections::customer_360::view_name, sales::view_name}, "/v1/customers/{id}/overview",
             "customers", "A customer's page: details, needs, consents, sales, deliveries",
             v1::CustomerOverview::descriptor(), {}, customer_overview);
    add_view(routes, context, {sales::view_name}, "/v1/sales", "sales", "Sales: listed and filtered",
             v1::SaleList::descriptor(),
             with_page({{"status", In::query, Kind::choice, "", {"OPEN", "WON", "LOST"}},
                        {"owner", In::query, Kind::text, ""},
                        {"region", In::query, Kind::text, ""},
                        {"pipeline", In::query, Kind::text, ""},
                        {"stage", In::query, Kind::text, ""},
                        {"customer", In::query, Kind::text, ""},
                        {"product", In::query, Kind::text, "of the first line"}}),
             list_sales);
    add_view(routes, context, {sales::view_name}, "/v1/sales/{id}/history", "sales",
             "A sale with every stay in every stage", v1::SaleHistoryAnswer::descriptor(), {}, sale_history);
}

}  // namespace tidemark::api
