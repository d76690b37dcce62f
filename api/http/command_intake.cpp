#include "api/http/command_intake.hpp"

#include "aggregates/aggregate_type.hpp"
#include "aggregates/validate.hpp"
#include "api/http/unknown_fields.hpp"
#include "events/time.hpp"

namespace tidemark::api {

namespace {

// Business time may be ahead of the server's clock by the difference of clocks and time zones. Beyond that it is a
// typing error, and nothing that comes later could be told of the aggregate until that time has come.
constexpr events::Micros most_ahead = events::micros_per_day;

std::optional<v1::Rejection> in_future(const v1::Command& command, events::Micros now) {
    if (command.occurred_at() <= now + most_ahead) return std::nullopt;
    v1::Rejection rejection;
    rejection.set_code("TimeInFuture");
    rejection.set_category(v1::RULE_VIOLATED);
    rejection.set_field("occurred_at");
    rejection.set_detail("It is now " + events::format_time(now) +
                         "; what has happened is told, and so occurred_at is at most a day ahead of that.");
    return rejection;
}

}  // namespace

std::optional<v1::Rejection> complete(consumers::Submission& submission, events::Micros now) {
    v1::Command& command = submission.command;
    if (command.tenant().empty()) {
        command.set_tenant(std::string(events::default_tenant));
    }
    if (command.actor().empty()) {
        command.set_actor("anonymous");
    }
    submission.occurred_at_given = command.has_occurred_at();
    if (!submission.occurred_at_given) {
        command.set_occurred_at(now);
    }
    const auto* type = aggregates::type_of(command);
    if (type == nullptr || aggregates::command_name(command).empty()) {
        v1::Rejection rejection;
        rejection.set_code("Required");
        rejection.set_category(v1::RULE_VIOLATED);
        rejection.set_field(type == nullptr ? std::string() : std::string(type->kind));
        rejection.set_detail(type == nullptr ? "a command has one body: customer, product, pipeline, sale or delivery"
                                             : "the body names one command, such as {\"win_sale\": {}}");
        return rejection;
    }
    auto broken = aggregates::validate(command);
    if (!broken) {
        broken = in_future(command, now);
    }
    if (broken) {
        broken->set_command(std::string(aggregates::command_name(command)));
    }
    return broken;
}

v1::Rejection to_rejection(const json::Fault& fault) {
    v1::Rejection rejection;
    rejection.set_code(fault.code);
    rejection.set_category(v1::RULE_VIOLATED);
    rejection.set_field(fault.field);
    rejection.set_detail(fault.detail);
    return rejection;
}

std::optional<json::Fault> parse_protobuf(std::string_view bytes, google::protobuf::Message& into) {
    if (!into.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return json::Fault{"NotProtobuf", "",
                           "the bytes do not parse as " + into.GetTypeName() + ", or hold text that is not UTF-8"};
    }
    if (has_unknown_fields(into)) {
        return json::Fault{"UnknownField", "", "there are fields that " + into.GetTypeName() + " does not have here"};
    }
    return std::nullopt;
}

}  // namespace tidemark::api
