// POST /v1/{plural}/{id}/{command}: one command, decided, on record when it is answered.
#include "aggregates/aggregate_type.hpp"
#include "api/http/answers.hpp"
#include "api/http/command_intake.hpp"
#include "api/http/context.hpp"
#include "events/time.hpp"

#include <charconv>

namespace tidemark::api {
namespace {

using aggregates::AggregateType;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A command of an aggregate: where it lies in a v1.Command.
struct CommandPlace {
    const AggregateType* type;
    const FieldDescriptor* body;     // sale
    const FieldDescriptor* command;  // win_sale
};

Message& place_in(v1::Command& command, const CommandPlace& place) {
    Message& body = *command.GetReflection()->MutableMessage(&command, place.body);
    return *body.GetReflection()->MutableMessage(&body, place.command);
}

// A parser per thread: it keeps its buffers.
json::Parser& parser() {
    thread_local json::Parser kept;
    return kept;
}

std::optional<Response> read_body(const Request& request, const CommandPlace& place, v1::Command& command) {
    Message& body = place_in(command, place);
    std::optional<json::Fault> fault;
    if (media_type(request.header("content-type").value_or("")) == protobuf_type) {
        fault = parse_protobuf(request.body, body);
    } else if (!request.body.empty()) {  // some commands say all by their name
        if (auto parsed = parser().parse(request.body, body); !parsed) {
            fault = std::move(parsed.error());
        }
    }
    if (fault) {
        return problem(400, fault->code, fault->detail, fault->field);
    }
    return std::nullopt;
}

std::optional<events::Version> parse_etag(std::string_view text) {
    events::Version version = 0;
    if (text.size() < 3 || text.front() != '"' || text.back() != '"') {
        return std::nullopt;
    }
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size() - 1, version);
    return error == std::errc{} && end == text.data() + text.size() - 1 ? std::optional(version) : std::nullopt;
}

std::optional<Response> read_preconditions(const Request& request, v1::Command& command) {
    if (const auto match = request.header("if-match")) {
        const auto version = parse_etag(*match);
        if (!version) {
            return problem(400, "BadHeader", "expected the version that an ETag gave, in quotes: \"3\"", "If-Match");
        }
        command.set_expected_version(*version);
    }
    if (const auto none = request.header("if-none-match")) {
        if (*none != "*" || command.has_expected_version()) {
            return problem(400, "BadHeader", "expected * alone (it must not exist yet), and no If-Match beside it",
                           "If-None-Match");
        }
        command.set_expected_version(0);
    }
    return std::nullopt;
}

std::optional<Response> read_headers(const Request& request, v1::Command& command) {
    const auto header = [&](std::string_view name) { return std::string(request.header(name).value_or("")); };
    command.set_tenant(header("tidemark-tenant"));
    command.set_command_id(header("idempotency-key"));
    if (command.command_id().empty()) {
        command.set_command_id(events::random_uuid().text());
    }
    command.set_actor(header("tidemark-actor"));
    command.set_on_behalf_of(header("tidemark-on-behalf-of"));
    command.set_reason(header("tidemark-reason"));
    command.set_correlation_id(header("correlation-id"));
    command.set_causation_id(header("tidemark-causation-id"));
    if (const auto occurred = request.header("tidemark-occurred-at")) {
        const auto moment = events::parse_time(*occurred);
        if (!moment) {
            return problem(400, "BadHeader", "expected a time as 2026-01-31T09:30:00Z (RFC 3339)",
                           "Tidemark-Occurred-At");
        }
        command.set_occurred_at(*moment);
    }
    return read_preconditions(request, command);
}

// In the words of the request: a path in the body, or the name of a header.
std::string in_request(std::string_view field, const CommandPlace& place, const Request& request) {
    if (field == "expected_version") {
        return request.header("if-none-match") ? "If-None-Match" : "If-Match";
    }
    const std::string of_command = place.command->name() + ".";  // as a rejection says it
    const std::string of_whole = place.body->name() + "." + of_command;
    for (const std::string& prefix : {of_whole, of_command}) {
        if (field.starts_with(prefix)) {
            return std::string(field.substr(prefix.size()));
        }
    }
    static const std::pair<std::string_view, std::string_view> headers[] = {{"tenant", "Tidemark-Tenant"},
                                                                            {"command_id", "Idempotency-Key"},
                                                                            {"actor", "Tidemark-Actor"},
                                                                            {"on_behalf_of", "Tidemark-On-Behalf-Of"},
                                                                            {"reason", "Tidemark-Reason"},
                                                                            {"correlation_id", "Correlation-Id"},
                                                                            {"stream_id", "id"},
                                                                            {"occurred_at", "Tidemark-Occurred-At"},
                                                                            {"causation_id", "Tidemark-Causation-Id"}};
    for (const auto& [name, shown] : headers) {
        if (field == name) {
            return std::string(shown);
        }
    }
    return std::string(field);
}

void handle_command(const Context& context, const CommandPlace& place, RequestPtr request, Responder responder) {
    consumers::Submission submission;
    v1::Command& command = submission.command;
    command.set_stream_id(request->path_param("id"));
    auto wrong = read_headers(*request, command);
    request->command_id = command.command_id();
    if (wrong) {
        responder.respond(std::move(*wrong));
        return;
    }
    wrong = read_body(*request, place, command);
    if (wrong) {
        responder.respond(std::move(*wrong));
        return;
    }
    request->body = {};  // the request lives until the answer; its body would be held twice
    const bool with_if_match = command.has_expected_version();
    if (auto broken = complete(submission, context.services.clock())) {
        v1::Outcome invalid;
        invalid.set_command_id(command.command_id());
        invalid.set_status(v1::INVALID);
        broken->set_field(in_request(broken->field(), place, *request));
        *invalid.mutable_rejection() = std::move(*broken);
        responder.respond(outcome_answer(*request, invalid, with_if_match, context.services.log));
        return;
    }
    submission.answer = [&context, &place, request, with_if_match,
                         responder = std::move(responder)](v1::Outcome outcome) mutable {
        responder.respond_with([&context, &place, request, with_if_match, outcome = std::move(outcome)]() mutable {
            if (outcome.has_rejection()) {
                v1::Rejection& said = *outcome.mutable_rejection();
                // What is not there is named by the path of the request.
                const std::string field = said.category() == v1::NOT_FOUND ? "stream_id" : said.field();
                said.set_field(in_request(field, place, *request));
            }
            return outcome_answer(*request, outcome, with_if_match, context.services.log);
        });
    };
    if (context.services.commands.submit({&submission, 1}) == 0) {
        v1::Outcome unavailable;
        unavailable.set_command_id(request->command_id);
        unavailable.set_status(v1::UNAVAILABLE);
        unavailable.set_retry_after_s(1);
        const auto held_up = context.services.derived.held_up();
        unavailable.set_detail(held_up.value_or("the queue of commands is full, or the server is stopping"));
        submission.answer(std::move(unavailable));
    }
}

std::string kebab(std::string_view snake) {
    std::string out(snake);
    std::ranges::replace(out, '_', '-');
    return out;
}

std::vector<Param> command_params() {
    return {{"Idempotency-Key", In::header, Kind::id,
             "the command's id; sent again with the same id and body, it has the original outcome. Made, and told, if "
             "absent"},
            {"If-Match", In::header, Kind::text, "\"3\": only if the aggregate is at version 3; else 412"},
            {"If-None-Match", In::header, Kind::text, "*: only if it does not exist yet; else 412"},
            {"Tidemark-Tenant", In::header, Kind::id, "absent: default"},
            {"Tidemark-Actor", In::header, Kind::text, "who does it; absent: anonymous"},
            {"Tidemark-On-Behalf-Of", In::header, Kind::text, "for whom"},
            {"Tidemark-Reason", In::header, Kind::text, "why"},
            {"Tidemark-Occurred-At", In::header, Kind::time, "when it happened; absent: now"},
            {"Correlation-Id", In::header, Kind::id, "kept with the events"},
            {"Tidemark-Causation-Id", In::header, Kind::id, "what caused it; kept with the events"}};
}

}  // namespace

void add_command_routes(Routes& routes, const Context& context) {
    for (const AggregateType& type : aggregates::registry()) {
        const FieldDescriptor* body = v1::Command::descriptor()->FindFieldByNumber(static_cast<int>(type.body));
        for (int i = 0; i < type.command->field_count(); ++i) {
            const CommandPlace place{&type, body, type.command->field(i)};
            Route route;
            route.method = "POST";
            route.pattern = "/v1/" + std::string(type.plural) + "/{id}/" + kebab(place.command->name());
            route.group = type.plural;
            route.summary = place.command->message_type()->name();
            route.params = command_params();
            route.request = place.command->message_type();
            route.response = v1::Outcome::descriptor();
            route.request_types = {std::string(json_type), std::string(protobuf_type)};
            route.response_types = {std::string(json_type), std::string(protobuf_type)};
            route.problems = {404, 409, 412, 415, 422};
            route.handler = [&context, place](RequestPtr request, Responder responder) {
                handle_command(context, place, std::move(request), std::move(responder));
            };
            routes.add(std::move(route));
        }
    }
}

}  // namespace tidemark::api
