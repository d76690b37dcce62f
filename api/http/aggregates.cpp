// GET /v1/{plural}/{id} and its events: an aggregate as it is, as it was by version or by either clock.
#include "aggregates/aggregate_type.hpp"
#include "api/http/answers.hpp"
#include "api/http/context.hpp"
#include "api/http/params.hpp"
#include "api/http/read_position.hpp"

namespace tidemark::api {
namespace {

using aggregates::AggregateType;

Response not_found(const AggregateType& type, std::string_view id) {
    return problem(404, "NotFound",
                   "there is no " + std::string(type.kind) + " \"" + std::string(id) + "\", or there was none then",
                   "id");
}

std::optional<Response> check_id(const Request& request) {
    if (events::valid_id(request.path_param("id"))) {
        return std::nullopt;
    }
    return problem(400, "BadFormat", "an id is 1 to 64 characters out of A-Z a-z 0-9 . _ : -", "id");
}

v1::AggregateAnswer to_answer(const AggregateType& type, std::string_view id, const consumers::PastState& past) {
    v1::AggregateAnswer message;
    message.set_kind(std::string(type.kind));
    message.set_id(std::string(id));
    message.set_version(past.version);
    message.mutable_position()->set_partition(past.position.partition);
    message.mutable_position()->set_sequence(past.position.sequence);
    const auto* field = message.GetDescriptor()->FindFieldByNumber(static_cast<int>(type.body));
    message.GetReflection()->MutableMessage(&message, field)->CopyFrom(past.state->message());
    return message;
}

Response get_state(const Context& context, const AggregateType& type, const Request& request) {
    if (auto wrong = check_id(request)) {
        return std::move(*wrong);
    }
    Params params(request);
    consumers::AsOf as_of;
    const events::StreamName stream{params.tenant(), std::string(type.kind), request.path_param("id")};
    const auto& calendar = context.services.kpis.calendar(stream.tenant);
    as_of.version = params.number("version");
    as_of.occurred_at = params.time("as_of", calendar);
    as_of.recorded_at = params.time("as_of_recorded", calendar);
    if (int{as_of.version.has_value()} + int{as_of.occurred_at.has_value()} + int{as_of.recorded_at.has_value()} > 1) {
        params.fault("as_of", "give one of version, as_of, as_of_recorded");
    }
    if (params.problem()) {
        return *params.problem();
    }
    const auto past = context.services.history.state(stream, as_of);
    if (!past) {
        throw std::runtime_error(past.error());
    }
    if (!*past) {
        return not_found(type, stream.id);
    }
    const std::string tag = etag((*past)->version);
    if (request.header("if-none-match") == tag) {
        Response same;
        same.status = 304;
        same.content_type.clear();
        same.headers.emplace_back("ETag", tag);
        return same;
    }
    Response response = answer(request, to_answer(type, stream.id, **past));
    response.headers.emplace_back("ETag", tag);
    return response;
}

Response get_events(const Context& context, const AggregateType& type, const Request& request) {
    if (auto wrong = check_id(request)) {
        return std::move(*wrong);
    }
    Params params(request);
    const auto limit = params.page().limit;
    const events::Version first = params.number("cursor").value_or(1);
    const events::StreamName stream{params.tenant(), std::string(type.kind), request.path_param("id")};
    if (params.problem()) {
        return *params.problem();
    }
    const auto records = context.services.history.events(stream, first, limit + std::size_t{1});
    if (!records) {
        throw std::runtime_error(records.error());
    }
    if (records->empty() && first <= 1) {
        return not_found(type, stream.id);
    }
    v1::EventPage page;
    for (const auto& record : *records) {
        if (page.events_size() == static_cast<int>(limit)) {
            page.set_next_cursor(std::to_string(record.view.header.version));
            break;
        }
        auto shown = show(record.view);
        if (!shown) {
            throw std::runtime_error(shown.error());
        }
        page.mutable_events()->Add(std::move(*shown));
    }
    return answer(request, page);
}

std::vector<Param> common_params() {
    return {{"Tidemark-Tenant", In::header, Kind::id, "absent: default"},
            {"Tidemark-At-Least", In::header, Kind::text,
             "a Tidemark-Position that an answer gave: what it stands for is seen, or the answer is 503"}};
}

Route read_route(const AggregateType& type, std::string_view tail, std::string summary) {
    Route route;
    route.method = "GET";
    route.pattern = "/v1/" + std::string(type.plural) + "/{id}" + std::string(tail);
    route.group = type.plural;
    route.summary = std::move(summary);
    route.params = common_params();
    route.response_types = {std::string(json_type), std::string(protobuf_type)};
    route.problems = {404};
    return route;
}

}  // namespace

void add_aggregate_routes(Routes& routes, const Context& context) {
    for (const AggregateType& type : aggregates::registry()) {
        Route state = read_route(type, "", "A " + std::string(type.kind) + " as it is, or as it was");
        state.params.push_back({"version", In::query, Kind::integer, "as of this version"});
        state.params.push_back({"as_of", In::query, Kind::time,
                                "what was true then (by occurred_at); a correction counts from when it was made on. " +
                                    std::string(date_is_its_end)});
        state.params.push_back({"as_of_recorded", In::query, Kind::time,
                                "what was known then (by recorded_at). " + std::string(date_is_its_end)});
        state.params.push_back({"If-None-Match", In::header, Kind::text, "an ETag: 304 if it is still that version"});
        state.response = v1::AggregateAnswer::descriptor();
        state.handler = [&context, &type](RequestPtr request, Responder responder) {
            answer_when_passed(context, std::move(request), std::move(responder), streams_themselves,
                               [&context, &type](const Request& asked) { return get_state(context, type, asked); });
        };
        routes.add(std::move(state));

        Route events = read_route(type, "/events", "The events of a " + std::string(type.kind) + ", in order");
        events.params.push_back({"limit", In::query, Kind::integer, "at most so many, 1 to 1000; 50 if absent"});
        events.params.push_back({"cursor", In::query, Kind::text, "next_cursor of the page before"});
        events.response = v1::EventPage::descriptor();
        events.handler = [&context, &type](RequestPtr request, Responder responder) {
            answer_when_passed(context, std::move(request), std::move(responder), streams_themselves,
                               [&context, &type](const Request& asked) { return get_events(context, type, asked); });
        };
        routes.add(std::move(events));
    }
}

}  // namespace tidemark::api
