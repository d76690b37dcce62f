#include "api/http/answers.hpp"

#include "api/json/write.hpp"
#include "consumers/position_token.hpp"
#include "events/event.hpp"

#include <array>

namespace tidemark::api {
namespace {

std::string_view title_of(unsigned status) {
    switch (status) {
        case 400: return "Bad Request";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 409: return "Conflict";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 421: return "Misdirected Request";
        case 422: return "Unprocessable Content";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Error";
    }
}

Response rejection_answer(const v1::Outcome& outcome, bool with_if_match) {
    v1::Problem problem_message;
    const v1::Rejection& rejection = outcome.rejection();
    problem_message.set_status(outcome.status() == v1::INVALID ? 422 : status_of(rejection.category(), with_if_match));
    problem_message.set_code(rejection.code());
    problem_message.set_detail(rejection.detail());
    problem_message.set_field(rejection.field());
    problem_message.set_category(rejection.category());
    problem_message.set_command(rejection.command());
    problem_message.set_command_id(outcome.command_id());
    if (outcome.has_version()) {
        problem_message.set_version(outcome.version());
    }
    return problem(std::move(problem_message));
}

// `trouble`: what the log says of itself, if it takes nothing; else the outcome may know why.
Response unavailable_answer(const v1::Outcome& outcome, const std::string& trouble) {
    const std::string why = !trouble.empty()            ? "Nothing is taken: " + trouble + ". "
                            : !outcome.detail().empty() ? "It could not be done: " + outcome.detail() + ". "
                                                        : "";
    v1::Problem problem_message;
    problem_message.set_status(503);
    problem_message.set_code("Unavailable");
    problem_message.set_detail(
        why +
        "What became of the command is not known: send it again with the same Idempotency-Key, and it will be "
        "done once.");
    problem_message.set_command_id(outcome.command_id());
    problem_message.set_retry_after_s(std::max(1u, outcome.retry_after_s()));
    return problem(std::move(problem_message));
}

}  // namespace

Response answer(const Request& request, const google::protobuf::Message& message, unsigned status) {
    Response response;
    response.status = status;
    if (accepts(request, protobuf_type)) {
        response.content_type = protobuf_type;
        response.body = message.SerializeAsString();
    } else {
        json::write(message, response.body);
        response.body += '\n';
    }
    return response;
}

Response problem(unsigned status, std::string_view code, std::string_view detail, std::string_view field) {
    v1::Problem message;
    message.set_status(status);
    message.set_code(std::string(code));
    message.set_detail(std::string(detail));
    message.set_field(std::string(field));
    if (status == 503) {
        message.set_retry_after_s(1);
    }
    return problem(std::move(message));
}

Response problem(v1::Problem message) {
    message.set_type("urn:tidemark:problem:" + message.code());
    message.set_title(std::string(title_of(message.status())));
    Response response;
    response.status = message.status();
    response.content_type = problem_type;
    json::write(message, response.body);
    response.body += '\n';
    if (message.has_retry_after_s()) {
        response.headers.emplace_back("Retry-After", std::to_string(message.retry_after_s()));
    }
    return response;
}

unsigned status_of(v1::RejectionCategory category, bool with_if_match) {
    switch (category) {
        case v1::NOT_FOUND: return 404;
        case v1::STATE_CONFLICT: return 409;
        case v1::VERSION_CONFLICT: return with_if_match ? 412 : 409;
        case v1::RULE_VIOLATED: return 422;
        case v1::REFERENCE_NOT_FOUND: return 422;
        case v1::COMMAND_ID_REUSED: return 409;
        default: return 422;  // of a newer program: the business said no
    }
}

Response outcome_answer(const Request& request, const v1::Outcome& outcome, bool with_if_match,
                        const consumers::Log& log) {
    Response response;
    switch (outcome.status()) {
        case v1::ACCEPTED: {
            const bool created = outcome.version() == static_cast<std::uint64_t>(outcome.event_ids_size());
            response = answer(request, outcome, created ? 201 : 200);
            if (created) {
                response.headers.emplace_back("Location", request.path.substr(0, request.path.rfind('/')));
            }
            break;
        }
        case v1::UNCHANGED: response = answer(request, outcome); break;
        case v1::UNAVAILABLE: response = unavailable_answer(outcome, log.trouble()); break;
        default: response = rejection_answer(outcome, with_if_match); break;
    }
    if (outcome.status() == v1::ACCEPTED || outcome.status() == v1::UNCHANGED) {
        response.headers.emplace_back("ETag", etag(outcome.version()));
    }
    if (outcome.has_position()) {
        const std::array position{events::Position{outcome.position().partition(), outcome.position().sequence()}};
        response.headers.emplace_back("Tidemark-Position", consumers::format_position_token(log.identity(), position));
    }
    response.headers.emplace_back("Idempotency-Key", outcome.command_id());
    return response;
}

namespace {

struct ShowPayload {
    v1::EventRecord& into;
    void operator()(std::monostate) const {}
    void operator()(v1::CustomerEvent& event) const { into.mutable_customer()->Swap(&event); }
    void operator()(v1::ProductEvent& event) const { into.mutable_product()->Swap(&event); }
    void operator()(v1::PipelineEvent& event) const { into.mutable_pipeline()->Swap(&event); }
    void operator()(v1::SaleEvent& event) const { into.mutable_sale()->Swap(&event); }
    void operator()(v1::DeliveryEvent& event) const { into.mutable_delivery()->Swap(&event); }
    void operator()(v1::Rejection& rejection) const { into.mutable_rejection()->Swap(&rejection); }
    void operator()(v1::Unchanged& unchanged) const { into.mutable_unchanged()->Swap(&unchanged); }
};

std::string type_of(const events::RecordHeader& header) {
    switch (header.kind) {
        case events::RecordKind::event: return std::string(events::event_name(header.stream_kind, header.type));
        case events::RecordKind::rejection: return "Rejection";
        case events::RecordKind::unchanged: return "Unchanged";
        case events::RecordKind::control: return "Control";
    }
    return {};
}

}  // namespace

std::expected<v1::EventRecord, std::string> show(const events::RecordView& record) {
    auto payload = events::decode_payload(record);
    if (!payload) {
        return std::unexpected(payload.error().what);
    }
    const events::RecordHeader& header = record.header;
    v1::EventRecord shown;
    shown.mutable_position()->set_partition(header.partition);
    shown.mutable_position()->set_sequence(header.sequence);
    shown.set_kind(std::string(header.stream_kind));
    shown.set_stream_id(std::string(header.stream_id));
    shown.set_version(header.version);
    shown.set_type(type_of(header));
    shown.set_event_id(header.event_id.text());
    shown.set_command_id(std::string(header.command_id));
    shown.set_correlation_id(std::string(header.correlation_id));
    shown.set_causation_id(std::string(header.causation_id));
    shown.set_actor(std::string(header.actor));
    shown.set_on_behalf_of(std::string(header.on_behalf_of));
    shown.set_reason(std::string(header.reason));
    shown.set_occurred_at(header.occurred_at);
    shown.set_recorded_at(header.recorded_at);
    shown.set_schema_version(header.schema_version);
    std::visit(ShowPayload{shown}, *payload);
    return shown;
}

std::string media_type(std::string_view header) {
    std::string type(header.substr(0, header.find(';')));
    std::erase_if(type, [](char c) { return c == ' ' || c == '\t'; });
    for (char& c : type) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return type;
}

bool accepts(const Request& request, std::string_view type) {
    std::string_view list = request.header("accept").value_or("");
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (media_type(list.substr(0, comma)) == type) {
            return true;
        }
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
    return false;
}

std::string etag(events::Version version) {
    return '"' + std::to_string(version) + '"';
}

}  // namespace tidemark::api
