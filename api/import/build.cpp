#include "api/import/build.hpp"

#include "events/money.hpp"
#include "events/time.hpp"
#include "events/v1/rules.pb.h"

#include <charconv>

namespace tidemark::api {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

template <class Integer>
std::expected<Integer, std::string> read_integer(const std::string& text) {
    Integer value{};
    const char* from = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto [end, error] = std::from_chars(from, text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::unexpected("'" + text + "' is not a whole number in range");
    }
    return value;
}

template <class Integer>
std::expected<Integer, std::string> read_by_format(const FieldDescriptor& field, const std::string& text) {
    switch (field.options().GetExtension(v1::rule).format()) {
        case v1::FORMAT_DATE:
            if (const auto days = events::parse_date(text)) return static_cast<Integer>(*days);
            return std::unexpected("'" + text + "' is not a date such as 2026-01-31");
        case v1::FORMAT_TIME:
            if (const auto time = events::parse_time(text)) return static_cast<Integer>(*time);
            return std::unexpected("'" + text + "' is not a time such as 2026-01-31T09:30:00Z");
        default: return read_integer<Integer>(text);
    }
}

// Sets a singular field, or adds to a repeated one.
class FieldSetter {
public:
    FieldSetter(Message& message, const FieldDescriptor& field) : message_(message), field_(field) {}

    std::expected<void, std::string> set(const std::string& text) {
        const auto& reflection = *message_.GetReflection();
        switch (field_.cpp_type()) {
            case FieldDescriptor::CPPTYPE_STRING:
                field_.is_repeated() ? reflection.AddString(&message_, &field_, text)
                                     : reflection.SetString(&message_, &field_, text);
                return {};
            case FieldDescriptor::CPPTYPE_INT32:
                return store<std::int32_t>(text, &google::protobuf::Reflection::SetInt32,
                                           &google::protobuf::Reflection::AddInt32);
            case FieldDescriptor::CPPTYPE_INT64:
                return store<std::int64_t>(text, &google::protobuf::Reflection::SetInt64,
                                           &google::protobuf::Reflection::AddInt64);
            case FieldDescriptor::CPPTYPE_UINT32:
                return store<std::uint32_t>(text, &google::protobuf::Reflection::SetUInt32,
                                            &google::protobuf::Reflection::AddUInt32);
            case FieldDescriptor::CPPTYPE_UINT64:
                return store<std::uint64_t>(text, &google::protobuf::Reflection::SetUInt64,
                                            &google::protobuf::Reflection::AddUInt64);
            case FieldDescriptor::CPPTYPE_BOOL:
                if (text != "true" && text != "false") return std::unexpected("'" + text + "' is not true or false");
                field_.is_repeated() ? reflection.AddBool(&message_, &field_, text == "true")
                                     : reflection.SetBool(&message_, &field_, text == "true");
                return {};
            case FieldDescriptor::CPPTYPE_ENUM: {
                const auto* value = field_.enum_type()->FindValueByName(text);
                if (value == nullptr) return std::unexpected("'" + text + "' is no " + field_.enum_type()->name());
                field_.is_repeated() ? reflection.AddEnum(&message_, &field_, value)
                                     : reflection.SetEnum(&message_, &field_, value);
                return {};
            }
            case FieldDescriptor::CPPTYPE_FLOAT:
            case FieldDescriptor::CPPTYPE_DOUBLE:
            case FieldDescriptor::CPPTYPE_MESSAGE: break;
        }
        return std::unexpected("field " + field_.full_name() + " cannot be set from text");
    }

private:
    template <class Integer, class SetOne, class AddOne>
    std::expected<void, std::string> store(const std::string& text, SetOne set_one, AddOne add_one) {
        const auto value = read_by_format<Integer>(field_, text);
        if (!value) return std::unexpected(value.error());
        const auto* reflection = message_.GetReflection();
        field_.is_repeated() ? (reflection->*add_one)(&message_, &field_, *value)
                             : (reflection->*set_one)(&message_, &field_, *value);
        return {};
    }

    Message& message_;
    const FieldDescriptor& field_;
};

// What became of filling a message: whether it is worth keeping.
struct Filled {
    bool from_columns = false;
    bool found_something = false;
    [[nodiscard]] bool keep() const { return !from_columns || found_something; }
    void add(const Filled& other) {
        from_columns = from_columns || other.from_columns;
        found_something = found_something || other.found_something;
    }
};

std::expected<Filled, Fault> fill_money(v1::Money& money, const MessagePlan& plan, Scope& scope) {
    Filled filled;
    std::string amount;
    std::string column;
    for (const auto& field : plan.fields) {
        auto text = field.values.front().eval(scope);
        if (!text) return std::unexpected(text.error());
        if (field.field->name() == "currency") {
            money.set_currency(std::move(*text));
            continue;
        }
        column = column_behind(field.values.front(), *scope.names, scope.personal);
        amount = std::move(*text);
    }
    filled.from_columns = true;  // no amount, no money
    filled.found_something = !amount.empty();
    if (amount.empty()) return filled;
    const auto minor = events::parse_minor(amount, money.currency());
    if (!minor) {
        return std::unexpected(Fault{column, "'" + amount + "' is not an amount in " +
                                                 (money.currency().empty() ? "a stated currency" : money.currency())});
    }
    money.set_minor(*minor);
    return filled;
}

std::expected<Filled, Fault> fill(Message& message, const MessagePlan& plan, Scope& scope);

std::expected<Filled, Fault> fill_messages(Message& message, const MessagePlan::Field& field, Scope& scope) {
    const auto& reflection = *message.GetReflection();
    Filled all;
    for (const MessagePlan& plan : field.messages) {
        const bool repeated = field.field->is_repeated();
        Message* inner =
            repeated ? reflection.AddMessage(&message, field.field) : reflection.MutableMessage(&message, field.field);
        auto filled = fill(*inner, plan, scope);
        if (!filled) return filled;
        if (!filled->keep()) {
            if (repeated) {
                reflection.RemoveLast(&message, field.field);
            } else {
                reflection.ClearField(&message, field.field);
            }
        }
        all.add(*filled);
    }
    return all;
}

std::expected<Filled, Fault> fill(Message& message, const MessagePlan& plan, Scope& scope) {
    if (plan.money) return fill_money(static_cast<v1::Money&>(message), plan, scope);
    Filled all;
    for (const auto& field : plan.fields) {
        for (const Value& value : field.values) {
            auto text = value.eval(scope);
            if (!text) return std::unexpected(text.error());
            all.add(
                {.from_columns = !value.slots().empty(), .found_something = !value.slots().empty() && !text->empty()});
            if (text->empty()) continue;
            if (auto set = FieldSetter(message, *field.field).set(*text); !set) {
                return std::unexpected(Fault{column_behind(value, *scope.names, scope.personal), set.error()});
            }
        }
        auto filled = fill_messages(message, field, scope);
        if (!filled) return filled;
        all.add(*filled);
    }
    return all;
}

std::expected<events::Micros, Fault> occurred_at(const Value& at, Scope& scope) {
    auto text = at.eval(scope);
    if (!text) return std::unexpected(text.error());
    if (const auto date = events::parse_date(*text)) return *date * events::micros_per_day;
    if (const auto time = events::parse_time(*text)) return *time;
    return std::unexpected(
        Fault{column_behind(at, *scope.names, scope.personal),
              text->empty() ? "says no time, and one is needed" : "'" + *text + "' is neither a date nor a time"});
}

}  // namespace

std::expected<v1::Command, Fault> build_command(const CommandPlan& plan, Scope& scope) {
    v1::Command command;
    auto stream = plan.stream.eval(scope);
    if (!stream) return std::unexpected(stream.error());
    command.set_stream_id(std::move(*stream));
    if (plan.at) {
        const auto at = occurred_at(*plan.at, scope);
        if (!at) return std::unexpected(at.error());
        command.set_occurred_at(*at);
    }
    Message* body = command.GetReflection()->MutableMessage(&command, plan.body);
    Message* inner = body->GetReflection()->MutableMessage(body, plan.command);
    if (auto filled = fill(*inner, plan.set, scope); !filled) return std::unexpected(filled.error());
    return command;
}

namespace {

// "sale.open_sale.lines[0].quantity" as plans write it: "open_sale.lines.quantity".
std::string plan_path(const CommandPlan& plan, std::string_view field) {
    std::string path;
    bool inside = false;
    for (const char c : field) {
        inside = (inside || c == '[') && c != ']';
        if (!inside && c != ']') path += c;
    }
    const std::string prefix = plan.body->name() + ".";
    return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

const Value* value_at(const MessagePlan& plan, std::string_view path) {
    for (const auto& field : plan.fields) {
        // A rule on Money speaks of the field that holds it.
        const bool money_inside = field.path.starts_with(path) && field.path.substr(path.size()).starts_with('.');
        if ((field.path == path || money_inside) && !field.values.empty()) return &field.values.front();
        for (const MessagePlan& message : field.messages) {
            if (const Value* found = value_at(message, path)) return found;
        }
    }
    return nullptr;
}

}  // namespace

std::string column_of(const CommandPlan& plan, std::string_view field, const FilePlan& file) {
    if (field.empty()) return {};
    const std::string path = plan_path(plan, field);
    const Value* value = path == "stream_id" ? &plan.stream : path == "occurred_at" && plan.at ? &*plan.at : nullptr;
    if (value == nullptr) value = value_at(plan.set, path);
    return value == nullptr ? std::string() : column_behind(*value, file.names.all(), &file.personal);
}

}  // namespace tidemark::api
