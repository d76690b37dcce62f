// What operators ask: health, readiness, metrics, how far the views are; and where to begin.
#include "api/http/answers.hpp"
#include "api/http/context.hpp"
#include "api/http/openapi.hpp"
#include "api/http/params.hpp"

#include <mutex>

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

// What is costly to make and asked often: made anew only when it is older than its `lifetime` says. Any thread.
template <class Value>
class Kept {
public:
    Kept(std::function<Value()> make, std::function<std::chrono::milliseconds(const Value&)> lifetime)
        : make_(std::move(make)), lifetime_(std::move(lifetime)) {}

    std::shared_ptr<const Value> get() {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        if (!value_ || now >= until_) {
            value_ = std::make_shared<const Value>(make_());
            until_ = now + lifetime_(*value_);
        }
        return value_;
    }

private:
    std::function<Value()> make_;
    std::function<std::chrono::milliseconds(const Value&)> lifetime_;
    std::mutex mutex_;
    std::shared_ptr<const Value> value_;
    std::chrono::steady_clock::time_point until_;
};

constexpr std::chrono::milliseconds kept_for{1'000};
constexpr std::chrono::seconds stalled_after{5};

// Sees from look to look whether commands that wait are decided.
class Stall {
public:
    // Why not; nothing: they are, or none waits.
    std::optional<std::string> look(const consumers::ProcessorStats& stats) {
        const auto now = std::chrono::steady_clock::now();
        const std::uint64_t done = stats.commands + stats.repeated + stats.groups;
        if (stats.queued == 0 || done != done_) {
            done_ = done;
            since_ = now;
        }
        if (now - since_ < stalled_after) {
            return std::nullopt;
        }
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - since_).count();
        return "commands: " + std::to_string(stats.queued) + " wait, and none was decided for " +
               std::to_string(seconds) + " s";
    }

private:
    std::uint64_t done_ = 0;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

// Ready: commands are decided, and views are there and kept. What is damaged, or not made yet, is named.
v1::Health readiness(const Context& context, Stall& stall) {
    v1::Health message;
    if (const std::string trouble = context.services.log.trouble(); !trouble.empty()) {
        message.add_faults("log: " + trouble);
    }
    if (const auto failure = context.services.derived.failure()) {
        message.add_faults("derived stores: " + *failure);
    } else if (const auto held_up = context.services.derived.held_up()) {
        message.add_faults("derived stores: " + *held_up + "; it is tried again every second");
    }
    // Most often for one of these reasons, which are said already.
    if (const std::string trouble = context.services.commands.trouble(); !trouble.empty() && message.faults().empty()) {
        message.add_faults("commands: the partitions cannot be taken over: " + trouble);
    }
    if (const auto stalled = stall.look(context.services.commands.stats())) {
        message.add_faults(*stalled);
    }
    for (const auto& status : context.services.projector.status()) {
        if (!status.failure.empty()) {
            message.add_faults("view " + status.name + ": " + status.failure);
        } else if (!status.ready) {
            message.add_faults("view " + status.name + ": is being made for the first time");
        }
    }
    message.set_status(message.faults().empty() ? "ok" : "not ready");
    return message;
}

v1::ParkedStreamAnswer to_answer(const consumers::ParkedStream& parked) {
    v1::ParkedStreamAnswer message;
    message.set_tenant(parked.stream.tenant);
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

// What is parked of a stream, folded again: once the program has been mended, or the view's rows.
Response retry_parked(const Context& context, const Request& request) {
    Params params(request);
    const events::StreamName stream{params.tenant(), request.path_param("kind"), request.path_param("id")};
    if (params.problem()) {
        return *params.problem();
    }
    const auto retried = context.services.projector.retry_parked(request.path_param("projection"), stream);
    return retried ? projections(context, request) : problem(409, "StillParked", retried.error());
}

void add_retry_route(Routes& routes, const Context& context) {
    Route route;
    route.method = "POST";
    route.pattern = "/v1/projections/{projection}/parked/{kind}/{id}/retry";
    route.group = "operations";
    route.summary = "Folds again what a view has parked of a stream; 409 says what still stands in the way";
    route.params = {{"Tidemark-Tenant", In::header, Kind::id, "absent: default"}};
    route.response = v1::ProjectionList::descriptor();
    route.response_types = {std::string(json_type), std::string(protobuf_type)};
    route.problems = {409};
    route.handler = [&context](RequestPtr request, Responder responder) {
        answer_on_pool(context, std::move(request), std::move(responder),
                       [&context](const Request& asked) { return retry_parked(context, asked); });
    };
    routes.add(std::move(route));
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

Route& add_plain(Routes& routes, std::string pattern, std::string summary, std::vector<std::string> types,
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
    return routes.add(std::move(route));
}

}  // namespace

void add_operation_routes(Routes& routes, const Context& context) {
    const std::vector<std::string> messages{std::string(json_type), std::string(protobuf_type)};
    add_plain(routes, "/healthz", "The process runs", messages, v1::Health::descriptor(), health);

    // Who waits for it to become ready sees it soon; once it is, the log is not read for each question.
    auto ready = std::make_shared<Kept<v1::Health>>(
        [&context, stall = std::make_shared<Stall>()] { return readiness(context, *stall); },
        [](const v1::Health& health) { return health.faults().empty() ? kept_for : kept_for / 10; });
    Route& readyz = add_plain(routes, "/readyz",
                              "Commands are decided and views are kept; 503 names what is not. At most a second old",
                              messages, v1::Health::descriptor(), [ready](const Request& request) {
                                  const auto now = ready->get();
                                  return answer(request, *now, now->faults().empty() ? 200 : 503);
                              });
    readyz.other_responses = {503};

    Route& views = add_plain(routes, "/v1/projections", "Views: version, lag, rebuilds, parked streams", messages,
                             v1::ProjectionList::descriptor(), {});
    views.handler = [&context](RequestPtr request, Responder responder) {
        answer_on_pool(context, std::move(request), std::move(responder),
                       [&context](const Request& asked) { return projections(context, asked); });
    };

    add_retry_route(routes, context);

    auto figures = std::make_shared<Kept<std::string>>([&context] { return context.metrics.text(); },
                                                       [](const std::string&) { return kept_for; });
    add_plain(
        routes, "/metrics", "Figures for Prometheus, at most a second old", {"text/plain"}, nullptr,
        [figures](const Request&) { return text_answer("text/plain; version=0.0.4; charset=utf-8", *figures->get()); });
    // Made when it is asked for first: then all routes are there.
    auto document = std::make_shared<std::pair<std::once_flag, std::string>>();
    add_plain(routes, "/openapi.json", "This document", {std::string(json_type)}, nullptr,
              [&context, document](const Request&) {
                  std::call_once(document->first, [&] { document->second = openapi_document(context.routes); });
                  return text_answer(std::string(json_type), document->second);
              });
    add_plain(routes, "/", "What to try first", {"text/plain"}, nullptr,
              [](const Request&) { return text_answer("text/plain; charset=utf-8", std::string(index_text)); });
}

}  // namespace tidemark::api
