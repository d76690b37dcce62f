#include "aggregates/validate.hpp"

#include "aggregates/command.pb.h"
#include "aggregates/rules.hpp"
#include "aggregates/text.hpp"
#include "events/ids.hpp"
#include "events/money.hpp"
#include "events/time.hpp"

#include <string>

namespace tidemark::aggregates {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Where we are, as a chain on the stack: it becomes a text only when a rule is broken.
struct Path {
    const Path* above = nullptr;
    std::string_view name;
    int index = -1;  // in a repeated field

    [[nodiscard]] std::string text() const {
        std::string whole = above == nullptr ? std::string() : above->text() + '.';
        whole += name;
        if (index >= 0) whole += '[' + std::to_string(index) + ']';
        return whole;
    }
};

using Broken = std::optional<v1::Rejection>;

Broken broken(std::string_view code, const Path& path, std::string detail) {
    v1::Rejection rejection;
    rejection.set_code(std::string(code));
    rejection.set_category(v1::RULE_VIOLATED);
    rejection.set_field(path.text());
    rejection.set_detail(std::move(detail));
    return rejection;
}

Broken check_message(const Message& message, const RuleTable& table, const Path* path);

Broken check_format(const std::string& text, v1::Format format, const Path& path) {
    switch (format) {
        case v1::FORMAT_ID:
            if (events::valid_id(text)) return std::nullopt;
            return broken("BadFormat", path, "An id is 1 to 64 characters out of A-Z a-z 0-9 . _ : -");
        case v1::FORMAT_EMAIL:
            if (looks_like_email(text)) return std::nullopt;
            return broken("BadFormat", path, "An e-mail address has one @, a dotted host behind it, and no blanks.");
        case v1::FORMAT_PHONE:
            if (looks_like_phone(text)) return std::nullopt;
            return broken("BadFormat", path,
                          "A phone number has at least 3 digits, a + only before them, and otherwise only blanks and "
                          "( ) - . /");
        case v1::FORMAT_CURRENCY:
            if (events::minor_digits(text)) return std::nullopt;
            return broken("UnknownCurrency", path, "A currency is an ISO 4217 code in capitals, such as EUR or CNY.");
        case v1::FORMAT_PLAIN:
        case v1::FORMAT_DATE:
        case v1::FORMAT_TIME: break;
        case v1::Format_INT_MIN_SENTINEL_DO_NOT_USE_:
        case v1::Format_INT_MAX_SENTINEL_DO_NOT_USE_: break;
    }
    return std::nullopt;
}

Broken check_text(const std::string& text, const FieldRules& rules, const Path& path) {
    if (text.empty()) {
        return rules.required ? broken("Required", path, "This field is required and must not be empty.")
                              : std::nullopt;
    }
    const std::optional<std::size_t> chars = count_chars(text);
    if (!chars) return broken("BadUtf8", path, "The text is not valid UTF-8; send it in that encoding.");
    if (*chars > rules.max_chars) {
        return broken("TooLong", path, "At most " + std::to_string(rules.max_chars) + " characters are allowed.");
    }
    if (rules.max_bytes != 0 && text.size() > rules.max_bytes) {
        return broken("TooLong", path, "At most " + std::to_string(rules.max_bytes) + " bytes in UTF-8 are allowed.");
    }
    if (has_control_characters(text)) {
        return broken("BadFormat", path, "Control characters are not allowed, other than tabs and line ends.");
    }
    if (rules.format != v1::FORMAT_ID && only_blanks(text)) {
        if (rules.required) return broken("Required", path, "This field is required and must not be blank.");
        return broken("BadFormat", path, "There is nothing but blanks; leave the field out instead.");
    }
    return check_format(text, rules.format, path);
}

// Bounds of the rule, and those of the calendar for dates and times.
Broken check_number(std::int64_t value, const FieldRules& rules, const Path& path) {
    if (rules.has_min && value < rules.min) {
        return broken("OutOfRange", path, "The least value allowed is " + std::to_string(rules.min) + '.');
    }
    if (rules.has_max && value > rules.max) {
        return broken("OutOfRange", path, "The greatest value allowed is " + std::to_string(rules.max) + '.');
    }
    const bool date = rules.format == v1::FORMAT_DATE;
    if (!date && rules.format != v1::FORMAT_TIME) return std::nullopt;
    const std::int64_t unit = date ? events::micros_per_day : 1;
    if (value >= events::earliest_time / unit && value <= events::latest_time / unit) return std::nullopt;
    return broken("OutOfRange", path, "Dates and times lie between 1900-01-01 and 2200-01-01.");
}

Broken check_money(const v1::Money& money, const FieldRules& rules, const Path& path) {
    if (rules.has_min && money.minor() < rules.min) {
        if (rules.min == 0) return broken("NegativeAmount", path, "The amount must not be negative.");
        return broken("OutOfRange", path, "The least amount allowed is " + std::to_string(rules.min) + " minor units.");
    }
    if (rules.has_max && money.minor() > rules.max) {
        return broken("OutOfRange", path,
                      "The greatest amount allowed is " + std::to_string(rules.max) + " minor units.");
    }
    if (!events::in_bounds(money.minor())) {
        return broken("OutOfRange", path,
                      "An amount has at most " + std::to_string(events::max_minor) + " minor units.");
    }
    return std::nullopt;
}

Broken check_inside(const Message& message, const FieldRules& rules, const Path& path) {
    if (rules.money) {
        if (auto found = check_money(static_cast<const v1::Money&>(message), rules, path)) return found;
    }
    return check_message(message, *rules.inside, &path);
}

Broken check_enum(int value, const FieldRules& rules, const Path& path) {
    if (value == 0 && rules.required)
        return broken("Required", path, "This field is required; choose one of its values.");
    if (rules.field->enum_type()->FindValueByNumber(value) != nullptr) return std::nullopt;
    return broken("UnknownValue", path, "This is none of the values of " + rules.field->enum_type()->name() + '.');
}

// A field without a presence of its own that is zero is absent: only `min` and `required` can object to it.
Broken check_integer(std::int64_t value, bool present, const FieldRules& rules, const Path& path) {
    if (rules.required && !present && value == 0) return broken("Required", path, "This field is required.");
    return check_number(value, rules, path);
}

// `reflection` is the message's: asked for once per message, for every field needs it.
Broken check_single(const Message& message, const Reflection& reflection, const FieldRules& rules, const Path* above) {
    const FieldDescriptor* field = rules.field;
    const Path path{above, field->name()};
    const bool present = rules.presence && reflection.HasField(message, field);
    if (rules.presence && !present) {
        return rules.required ? broken("Required", path, "This field is required.") : std::nullopt;
    }
    switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING: {
            std::string scratch;
            return check_text(reflection.GetStringReference(message, field, &scratch), rules, path);
        }
        case FieldDescriptor::CPPTYPE_MESSAGE: return check_inside(reflection.GetMessage(message, field), rules, path);
        case FieldDescriptor::CPPTYPE_ENUM: return check_enum(reflection.GetEnumValue(message, field), rules, path);
        case FieldDescriptor::CPPTYPE_INT32:
            return check_integer(reflection.GetInt32(message, field), present, rules, path);
        case FieldDescriptor::CPPTYPE_INT64:
            return check_integer(reflection.GetInt64(message, field), present, rules, path);
        case FieldDescriptor::CPPTYPE_UINT32:
            return check_integer(reflection.GetUInt32(message, field), present, rules, path);
        case FieldDescriptor::CPPTYPE_UINT64:
        case FieldDescriptor::CPPTYPE_BOOL:
        case FieldDescriptor::CPPTYPE_DOUBLE:
        case FieldDescriptor::CPPTYPE_FLOAT: break;  // no rules are declared on these
    }
    return std::nullopt;
}

Broken check_item(const Message& message, const Reflection& reflection, const FieldRules& rules, int index,
                  const Path& path) {
    switch (rules.field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING: {
            std::string scratch;
            const std::string& text = reflection.GetRepeatedStringReference(message, rules.field, index, &scratch);
            if (text.empty()) return broken("Required", path, "An item of the list must not be empty.");
            return check_text(text, rules, path);
        }
        case FieldDescriptor::CPPTYPE_MESSAGE:
            return check_inside(reflection.GetRepeatedMessage(message, rules.field, index), rules, path);
        case FieldDescriptor::CPPTYPE_ENUM:
            return check_enum(reflection.GetRepeatedEnumValue(message, rules.field, index), rules, path);
        case FieldDescriptor::CPPTYPE_INT32:
            return check_number(reflection.GetRepeatedInt32(message, rules.field, index), rules, path);
        case FieldDescriptor::CPPTYPE_INT64:
            return check_number(reflection.GetRepeatedInt64(message, rules.field, index), rules, path);
        case FieldDescriptor::CPPTYPE_UINT32:
        case FieldDescriptor::CPPTYPE_UINT64:
        case FieldDescriptor::CPPTYPE_BOOL:
        case FieldDescriptor::CPPTYPE_DOUBLE:
        case FieldDescriptor::CPPTYPE_FLOAT: break;
    }
    return std::nullopt;
}

Broken check_list(const Message& message, const Reflection& reflection, const FieldRules& rules, const Path* above) {
    const Path path{above, rules.field->name()};
    const int size = reflection.FieldSize(message, rules.field);
    if (size == 0) {
        return rules.required ? broken("Required", path, "At least one item is required.") : std::nullopt;
    }
    if (size > rules.max_items) {
        return broken("TooMany", path, "At most " + std::to_string(rules.max_items) + " items are allowed.");
    }
    for (int i = 0; i < size; ++i) {
        if (auto found = check_item(message, reflection, rules, i, {above, rules.field->name(), i})) return found;
    }
    return std::nullopt;
}

Broken check_choice(const Message& message, const Reflection& reflection, const RuleTable::Choice& choice,
                    const Path* above) {
    const FieldDescriptor* chosen = reflection.GetOneofFieldDescriptor(message, choice.oneof);
    if (chosen == nullptr) {
        return broken("Required", {above, choice.oneof->name()},
                      "One of the kinds of " + choice.oneof->name() + " is required.");
    }
    return check_single(message, reflection, choice.fields[static_cast<std::size_t>(chosen->index_in_oneof())], above);
}

Broken check_message(const Message& message, const RuleTable& table, const Path* path) {
    const Reflection& reflection = *message.GetReflection();
    for (const FieldRules& rules : table.fields) {
        if (auto found = rules.repeated ? check_list(message, reflection, rules, path)
                                        : check_single(message, reflection, rules, path))
            return found;
    }
    for (const RuleTable::Choice& choice : table.choices) {
        if (auto found = check_choice(message, reflection, choice, path)) return found;
    }
    return std::nullopt;
}

}  // namespace

std::optional<v1::Rejection> validate(const Message& message) {
    static const RuleTable& of_commands = rules_of(v1::Command::descriptor());  // by far the most: no lock for them
    const google::protobuf::Descriptor* type = message.GetDescriptor();
    return check_message(message, type == of_commands.message ? of_commands : rules_of(type), nullptr);
}

}  // namespace tidemark::aggregates
