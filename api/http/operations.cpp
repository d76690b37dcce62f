// What operators ask: health, readiness, metrics, how far the views are; and where to begin.
#include "api/http/answers.hpp"
#include "api/http/context.hpp"
#include "api/http/openapi.hpp"

namespace tidemark::api {
namespace {

Response text_answer(std::string type, std::string body) {
    Response response;
    response.content_type = std::move(type);
    response.body = std::move(body);
    return response;
}

Response health(const Request& request) {
    v1::Health message;
    message.set_status("ok");
    return answer(request, message);
}

// Ready: commands are decided and views are kept. What is damaged, or parked, is named.
Response readiness(const Context& context, const Request& request) {
    v1::Health message;
    if (const auto failure = context.services.derived.failure()) {
        message.add_faults("derived stores: " + *failure);
    } else if (const auto held_up = context.services.derived.held_up()) {
        message.add_faults("derived stores: " + *held_up + "; it is tried again every second");
    }
    for (const auto& status : context.services.projector.status()) {
        if (!status.failure.empty()) {
            message.add_faults("view " + status.name + ": " + status.failure);
        }
    }
    message.set_status(message.faults().empty() ? "ok" : "not ready");
    return answer(request, message, message.faults().empty() ? 200 : 503);
}

v1::ParkedStreamAnswer to_answer(const consumers::ParkedStream& parked) {
    v1::ParkedStreamAnswer message;
    message.set_kind(parked.stream.kind);
    message.set_stream_id(parked.stream.id);
    message.mutable_first()->set_partition(parked.first.partition);
    message.mutable_first()->set_sequence(parked.first.sequence);
    message.set_events(parked.events);
    message.set_why(parked.why);
    return message;
}

Response projections(const Context& context, const Request& request) {
    v1::ProjectionList list;
    for (const auto& status : context.services.projector.status()) {
        v1::ProjectionAnswer& message = *list.add_projections();
        message.set_name(status.name);
        message.set_version(std::to_string(status.version));
        message.set_lag_events(status.lag_events);
        message.set_lag_us(status.lag_us);
        message.set_rebuilding(status.rebuilding);
        message.set_rebuild_done(status.rebuild.done);
        message.set_rebuild_total(status.rebuild.total);
        message.set_failure(status.failure);
        for (const auto& parked : status.parked) {
            *message.add_parked() = to_answer(parked);
        }
    }
    return answer(request, list);
}

constexpr std::string_view index_text =
    "Tidemark: events in, answers out. No authentication yet, so only this machine is served.\n"
    "\n"
    "  GET  /openapi.json                        every endpoint, with its bodies and rules\n"
    "  POST /v1/customers/c1/create-customer     {\"name\": \"Ada Lovelace\", \"email\": \"ada@example.com\"}\n"
    "  POST /v1/commands                         NDJSON in, an outcome per line out\n"
    "  GET  /v1/customers?q=ada                  search\n"
    "  GET  /v1/sales/{id}/history               a sale, stage by stage\n"
    "  GET  /v1/kpis                             what is measured; /v1/kpis/win_rate?grain=month\n"
    "  GET  /v1/events                           every event; with Accept: text/event-stream as they come\n"
    "  GET  /v1/projections, /healthz, /readyz, /metrics\n";

void add_plain(Routes& routes, std::string pattern, std::string summary, std::vector<std::string> types,
               const google::protobuf::Descriptor* response, std::function<Response(const Request&)> make) {
    Route route;
    route.method = "GET";
    route.pattern = std::move(pattern);
    route.group = "operations";
    route.summary = std::move(summary);
    route.response = response;
    route.response_types = std::move(types);
    route.handler = [make = std::move(make)](const RequestPtr& request, Responder responder) {
        responder.respond(make(*request));
    };
    routes.add(std::move(route));
}

}  // namespace

void add_operation_routes(Routes& routes, const Context& context) {
    const std::vector<std::string> messages{std::string(json_type), std::string(protobuf_type)};
    add_plain(routes, "/healthz", "The process runs", messages, v1::Health::descriptor(), health);
    add_plain(routes, "/readyz", "Commands are decided and views are kept; 503 names what is not", messages,
              v1::Health::descriptor(), [&context](const Request& request) { return readiness(context, request); });
    add_plain(routes, "/v1/projections", "Views: version, lag, rebuilds, parked streams", messages,
              v1::ProjectionList::descriptor(),
              [&context](const Request& request) { return projections(context, request); });
    add_plain(routes, "/metrics", "Figures for Prometheus", {"text/plain"}, nullptr, [&context](const Request&) {
        return text_answer("text/plain; version=0.0.4; charset=utf-8", context.metrics.text());
    });
    add_plain(routes, "/openapi.json", "This document", {std::string(json_type)}, nullptr, [&context](const Request&) {
        return text_answer(std::string(json_type), openapi_document(context.routes));
    });
    add_plain(routes, "/", "What to try first", {"text/plain"}, nullptr,
              [](const Request&) { return text_answer("text/plain; charset=utf-8", std::string(index_text)); });
}

}  // namespace tidemark::api
