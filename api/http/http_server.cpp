#include "api/http/http_server.hpp"

#include "api/http/answers.hpp"
#include "api/http/application.hpp"
#include "api/http/context.hpp"
#include "api/http/listener.hpp"

#include <spdlog/spdlog.h>

namespace tidemark::api {

void answer_on_pool(const Context& context, RequestPtr request, Responder responder, Query query) {
    // Held where it can still be reached if the pool does not take the work.
    const auto waiting = std::make_shared<Responder>(std::move(responder));
    const bool taken = context.queries.submit([request, waiting, query = std::move(query)]() mutable {
        if (waiting->abandoned()) {
            return;  // its deadline went by, or its connection, while it waited for a thread
        }
        try {
            waiting->respond(query(*request));
        } catch (const std::exception& error) {
            spdlog::error("{}", consumers::with_fields(
                                    "http: " + request->route->pattern + " ended in an exception: " + error.what(),
                                    ids_of(*request)));
            waiting->respond(problem(500, "InternalError", "the query failed; the log of the server says more"));
        }
    });
    if (!taken) {
        waiting->respond(problem(503, "TooManyQueries", "too many queries are waiting; try again"));
    }
}

struct HttpServer::Impl {
    Impl(Services parts, HttpOptions limits)
        : options(std::move(limits)),
          metrics(parts),
          queries(options.query_threads, options.query_queue),
          feeds(parts.log),
          bulk_streams(options.bulk_streams),
          feed_readers(options.feed_readers),
          context{parts, options, queries, feeds, bulk_streams, feed_readers, metrics, routes},
          application(routes, metrics),
          listener(application, options) {}

    HttpOptions options;
    Metrics metrics;
    Routes routes;
    QueryPool queries;
    FeedHub feeds;
    Places bulk_streams;
    Places feed_readers;
    Context context;
    RoutedApplication application;
    Listener listener;
    bool running = false;
};

HttpServer::HttpServer(Services services, HttpOptions options)
    : impl_(std::make_unique<Impl>(std::move(services), std::move(options))) {
    Routes& routes = impl_->routes;
    const Context& context = impl_->context;
    add_command_routes(routes, context);
    add_bulk_routes(routes, context);
    add_aggregate_routes(routes, context);
    add_view_routes(routes, context);
    add_report_routes(routes, context);
    add_board_routes(routes, context);
    add_definition_routes(routes, context);
    add_kpi_routes(routes, context);
    add_feed_routes(routes, context);
    add_operation_routes(routes, context);
    add_backup_routes(routes, context);
    impl_->metrics.gauge("tidemark_http_connections", "Connections open",
                         [this] { return static_cast<double>(impl_->listener.connections()); });
    impl_->metrics.gauge("tidemark_http_queries_queued", "Queries waiting or running",
                         [this] { return static_cast<double>(impl_->queries.queued()); });
    impl_->metrics.gauge("tidemark_bulk_streams", "Streams of commands open",
                         [this] { return static_cast<double>(impl_->bulk_streams.taken()); });
    impl_->metrics.gauge("tidemark_feed_readers", "Readers of the feed, whether they follow it or not",
                         [this] { return static_cast<double>(impl_->feed_readers.taken()); });
    impl_->metrics.gauge("tidemark_feed_followers", "Readers that follow the feed",
                         [this] { return static_cast<double>(impl_->feeds.followers()); });
}

HttpServer::~HttpServer() {
    stop();
}

std::expected<std::uint16_t, std::string> HttpServer::start() {
    auto port = impl_->listener.start();
    if (port) {
        impl_->feeds.start();
        impl_->running = true;
        spdlog::info("http: listening on {}:{}, on loopback only: there is no authentication yet",
                     impl_->options.address, *port);
    }
    return port;
}

void HttpServer::stop() {
    if (!std::exchange(impl_->running, false)) {
        return;
    }
    impl_->listener.announce_stop();
    impl_->feeds.stop();  // wakes the followers, who see it and end
    impl_->listener.stop();
    impl_->queries.stop();
}

}  // namespace tidemark::api
