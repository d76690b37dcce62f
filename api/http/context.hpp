// What every group of handlers works with.
#pragma once

#include "api/http/feed_hub.hpp"
#include "api/http/http_server.hpp"
#include "api/http/metrics.hpp"
#include "api/http/places.hpp"
#include "api/http/query_pool.hpp"
#include "api/http/routes.hpp"
#include "api/services.hpp"

namespace tidemark::api {

struct Context {
    Services services;
    const HttpOptions& options;
    QueryPool& queries;
    FeedHub& feeds;
    Places& bulk_streams;
    Places& feed_readers;
    Metrics& metrics;
    const Routes& routes;
};

// Each adds its endpoints. The context outlives the routes.
void add_command_routes(Routes& routes, const Context& context);
void add_bulk_routes(Routes& routes, const Context& context);
void add_aggregate_routes(Routes& routes, const Context& context);
void add_view_routes(Routes& routes, const Context& context);
void add_report_routes(Routes& routes, const Context& context);
void add_board_routes(Routes& routes, const Context& context);
void add_definition_routes(Routes& routes, const Context& context);
void add_kpi_routes(Routes& routes, const Context& context);
void add_feed_routes(Routes& routes, const Context& context);
void add_operation_routes(Routes& routes, const Context& context);
void add_backup_routes(Routes& routes, const Context& context);

// Runs a query on the pool and answers with what it returns; 503 when the pool's queue is full.
using Query = std::move_only_function<Response(const Request&)>;
void answer_on_pool(const Context& context, RequestPtr request, Responder responder, Query query);

}  // namespace tidemark::api
