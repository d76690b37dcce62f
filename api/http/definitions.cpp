// What is sold, and by which stages: the lists of products and pipelines.
#include "api/http/view_routes.hpp"
#include "projections/pipelines/pipelines.hpp"
#include "projections/products/products.hpp"

namespace tidemark::api {
namespace {

namespace pipelines = projections::pipelines;
namespace products = projections::products;

Response list_products(const Context& context, const Request& request) {
    Params params(request);
    products::ListQuery query;
    query.tenant = params.tenant();
    query.series = params.text("series");
    query.retired = params.flag("retired");
    query.page = params.page();
    return answer_query(context, request, params, products::view_name,
                        [&](const projections::ViewReader& view) { return products::query_list(view, query); });
}

Response list_pipelines(const Context& context, const Request& request) {
    Params params(request);
    pipelines::ListQuery query;
    query.tenant = params.tenant();
    query.page = params.page();
    return answer_query(context, request, params, pipelines::view_name,
                        [&](const projections::ViewReader& view) { return pipelines::query_list(view, query); });
}

}  // namespace

void add_definition_routes(Routes& routes, const Context& context) {
    add_view(routes, context, {products::view_name}, "/v1/products", "products", "Products: listed and filtered",
             v1::ProductList::descriptor(),
             with_page({{"series", In::query, Kind::text, ""}, {"retired", In::query, Kind::flag, "absent: both"}}),
             list_products);
    add_view(routes, context, {pipelines::view_name}, "/v1/pipelines", "pipelines", "Pipelines with their stages",
             v1::PipelineList::descriptor(), with_page({}), list_pipelines);
}

}  // namespace tidemark::api
