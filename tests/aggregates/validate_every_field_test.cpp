// Bad bodies for every field of every command, made by walking the descriptors: nothing can be forgotten.
#include "aggregates/aggregate_type.hpp"
#include "aggregates/rules.hpp"
#include "aggregates/validate.hpp"
#include "events/money.hpp"
#include "events/time.hpp"
#include "tests/support/good_command.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <map>
#include <set>

using namespace tidemark;
using namespace tidemark::tests;

namespace {

// Spoils one field after another of a good command, and asks whether that is noticed, by name.
class Spoiler {
public:
    explicit Spoiler(v1::Command& whole) : whole_(whole) {}

    void walk(Message& message, const std::string& path) {
        const auto* descriptor = message.GetDescriptor();
        for (int i = 0; i < descriptor->field_count(); ++i) {
            const FieldDescriptor* field = descriptor->field(i);
            const std::unique_ptr<Message> before(message.New());
            before->CopyFrom(message);
            if (field->real_containing_oneof() != nullptr) set_good(message, field);
            spoil(message, field, path + field->name());
            descend(message, field, path + field->name());
            message.CopyFrom(*before);
        }
    }

    std::map<std::string, int> found;  // how often, by code

private:
    // `change` spoils the field of `message`; afterwards it is as before.
    template <class Change>
    void expect(Message& message, const std::string& code, const std::string& path, Change change) {
        const std::unique_ptr<Message> before(message.New());
        before->CopyFrom(message);
        change(*message.GetReflection());
        const auto broken = aggregates::validate(whole_);
        INFO(code << " expected at " << path);
        CHECK(broken.has_value());
        if (broken) {
            CHECK(broken->code() == code);
            CHECK(broken->field() == path);
            ++found[code];
        }
        message.CopyFrom(*before);
    }

    void spoil(Message& message, const FieldDescriptor* field, const std::string& path) {
        const v1::Rule& rule = rule_of(field);
        const bool zero_is_below = field->cpp_type() == FieldDescriptor::CPPTYPE_INT64 && !field->has_presence();
        if (rule.required()) {
            expect(message, "Required", path, [&](const auto& reflection) { reflection.ClearField(&message, field); });
        } else if (zero_is_below && rule.has_min() && rule.min() > 0) {
            expect(message, "OutOfRange", path,
                   [&](const auto& reflection) { reflection.ClearField(&message, field); });
        }
        if (field->is_repeated()) spoil_list(message, field, path);
        switch (field->cpp_type()) {
            case FieldDescriptor::CPPTYPE_STRING: return spoil_text(message, field, path);
            case FieldDescriptor::CPPTYPE_ENUM:
                return expect(message, "UnknownValue", path,
                              [&](const auto& reflection) { reflection.SetEnumValue(&message, field, 9999); });
            case FieldDescriptor::CPPTYPE_INT32:
            case FieldDescriptor::CPPTYPE_INT64: return spoil_number(message, field, path);
            case FieldDescriptor::CPPTYPE_MESSAGE: return spoil_money(message, field, path);
            default: return;
        }
    }

    void spoil_list(Message& message, const FieldDescriptor* field, const std::string& path) {
        const int most = rule_of(field).max_items() != 0 ? static_cast<int>(rule_of(field).max_items())
                                                         : aggregates::default_max_items;
        expect(message, "TooMany", path, [&](const auto& reflection) {
            while (reflection.FieldSize(message, field) <= most) set_good(message, field);
        });
    }

    void spoil_text(Message& message, const FieldDescriptor* field, const std::string& path) {
        const v1::Rule& rule = rule_of(field);
        const std::string place = field->is_repeated() ? path + "[0]" : path;
        const auto say = [&](const std::string& code, const std::string& text) {
            expect(message, code, place, [&](const auto& reflection) {
                field->is_repeated() ? reflection.SetRepeatedString(&message, field, 0, text)
                                     : reflection.SetString(&message, field, text);
            });
        };
        const std::size_t most = rule.max_chars() != 0 ? rule.max_chars() : aggregates::default_max_chars;
        say("TooLong", std::string(most + 1, '1'));
        say("BadUtf8", "\xc3\x28");
        say("BadFormat", std::string("a\0b", 3));
        if (rule.format() == v1::FORMAT_ID) {
            if (most > 64) say("BadFormat", std::string(65, 'a'));  // else it is too long already
            say("BadFormat", "a b");
            say("BadFormat", "编号");
        }
        if (rule.format() == v1::FORMAT_EMAIL) say("BadFormat", "no address");
        if (rule.format() == v1::FORMAT_PHONE) say("BadFormat", "call me");
        if (rule.format() == v1::FORMAT_CURRENCY) {
            for (const char* unknown : {"XXZ", "eur", "EURO"}) say("UnknownCurrency", unknown);
        }
        if (field->is_repeated()) say("Required", "");
    }

    void spoil_number(Message& message, const FieldDescriptor* field, const std::string& path) {
        const v1::Rule& rule = rule_of(field);
        const auto say = [&](std::int64_t value) {
            expect(message, "OutOfRange", path, [&](const auto& reflection) {
                field->cpp_type() == FieldDescriptor::CPPTYPE_INT32
                    ? reflection.SetInt32(&message, field, static_cast<std::int32_t>(value))
                    : reflection.SetInt64(&message, field, value);
            });
        };
        if (rule.has_min() && rule.min() <= 0) say(rule.min() - 1);
        if (rule.has_min() && rule.min() > 0) say(-1);
        if (rule.has_max()) say(rule.max() + 1);
        if (rule.format() != v1::FORMAT_DATE && rule.format() != v1::FORMAT_TIME) return;
        const std::int64_t unit = rule.format() == v1::FORMAT_DATE ? events::micros_per_day : 1;
        say(events::earliest_time / unit - 1);
        say(events::latest_time / unit + 1);
    }

    void spoil_money(Message& message, const FieldDescriptor* field, const std::string& path) {
        if (field->message_type() != v1::Money::descriptor()) return;
        for (const std::int64_t minor : {events::max_minor + 1, std::numeric_limits<std::int64_t>::max()}) {
            expect(message, "OutOfRange", path, [&](const auto& reflection) {
                static_cast<v1::Money*>(reflection.MutableMessage(&message, field))->set_minor(minor);
            });
        }
        if (!rule_of(field).has_min()) return;
        expect(message, "NegativeAmount", path, [&](const auto& reflection) {
            static_cast<v1::Money*>(reflection.MutableMessage(&message, field))->set_minor(-1);
        });
    }

    void descend(Message& message, const FieldDescriptor* field, const std::string& path) {
        if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return;
        const auto& reflection = *message.GetReflection();
        if (field->is_repeated()) {
            walk(*reflection.MutableRepeatedMessage(&message, field, 0), path + "[0].");
        } else {
            walk(*reflection.MutableMessage(&message, field), path + '.');
        }
    }

    v1::Command& whole_;
};

}  // namespace

TEST_CASE("every field of every command is checked, and what is wrong is named", "[validate]") {
    std::map<std::string, int> found;
    for (const aggregates::AggregateType& type : aggregates::registry()) {
        for (int i = 0; i < type.command->field_count(); ++i) {
            const FieldDescriptor* choice = type.command->field(i);
            INFO(choice->full_name());
            v1::Command command;
            command.set_stream_id("s-1");
            command.set_command_id("c-1");
            const auto* body_field = v1::Command::descriptor()->FindFieldByNumber(type.body);
            Message& body = *command.GetReflection()->MutableMessage(&command, body_field);
            Message& inside = *body.GetReflection()->MutableMessage(&body, choice);
            fill(inside);
            const auto broken = aggregates::validate(command);
            INFO((broken ? broken->ShortDebugString() : std::string("nothing broken")));
            REQUIRE_FALSE(broken.has_value());
            Spoiler spoiler(command);
            spoiler.walk(inside, body_field->name() + '.' + choice->name() + '.');
            for (const auto& [code, count] : spoiler.found) found[code] += count;
        }
    }
    // Each kind of dirt was tried, and often enough to believe it.
    for (const char* code : {"Required", "TooLong", "TooMany", "BadFormat", "BadUtf8", "OutOfRange", "UnknownCurrency",
                             "UnknownValue", "NegativeAmount"}) {
        INFO(code);
        CHECK(found[code] >= 5);
    }
}
