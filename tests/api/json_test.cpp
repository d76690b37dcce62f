#include "aggregates/aggregate_type.hpp"
#include "aggregates/command.pb.h"
#include "api/http/answers.pb.h"
#include "api/json/parse.hpp"
#include "api/json/write.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/message_differencer.h>

#include <set>

using namespace tidemark;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

template <class M>
std::string fault_of(std::string_view text) {
    M message;
    api::json::Parser parser;
    const auto parsed = parser.parse(text, message);
    return parsed ? "none" : parsed.error().code + " " + parsed.error().field;
}

std::string detail_of(std::string_view text) {
    v1::OpenSale message;
    api::json::Parser parser;
    return parser.parse(text, message).error().detail;
}

void set_number(Message& message, const FieldDescriptor* field, int salt) {
    const auto& reflection = *message.GetReflection();
    switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32: reflection.SetInt32(&message, field, 100 + salt); return;
        case FieldDescriptor::CPPTYPE_INT64:
            reflection.SetInt64(&message, field, (std::int64_t{1} << 60) + salt);
            return;
        case FieldDescriptor::CPPTYPE_UINT32: reflection.SetUInt32(&message, field, 7); return;
        case FieldDescriptor::CPPTYPE_UINT64: reflection.SetUInt64(&message, field, ~0ULL); return;
        case FieldDescriptor::CPPTYPE_BOOL: reflection.SetBool(&message, field, true); return;
        case FieldDescriptor::CPPTYPE_ENUM:
            reflection.SetEnumValue(&message, field,
                                    field->enum_type()->value(field->enum_type()->value_count() - 1)->number());
            return;
        case FieldDescriptor::CPPTYPE_STRING: reflection.SetString(&message, field, "张三 \"quoted\"\n\t\\ é"); return;
        default: FAIL("a field of a type that no message of ours has: " << field->full_name());
    }
}

// Every field set; of a oneof the last one.
void fill(Message& message, int salt = 0) {
    if (auto* money = dynamic_cast<v1::Money*>(&message)) {
        money->set_minor(-123'456 - salt);
        money->set_currency("EUR");
        return;
    }
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
        const FieldDescriptor* field = message.GetDescriptor()->field(i);
        if (field->is_repeated()) {
            for (int j = 0; j < 2; ++j) {
                if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
                    fill(*message.GetReflection()->AddMessage(&message, field), j);
                } else {
                    message.GetReflection()->AddString(&message, field, "item " + std::to_string(j));
                }
            }
        } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            fill(*message.GetReflection()->MutableMessage(&message, field), salt);
        } else {
            set_number(message, field, salt);
        }
    }
    // Times with six decimals at most, and in the years that have four digits.
    if (auto* correct = dynamic_cast<v1::CorrectSale*>(&message)) {
        correct->set_opened_at(1'700'000'000'123'456);
        correct->set_closed_at(-1);
    }
}

}  // namespace

TEST_CASE("every command of every aggregate comes back from JSON as it went", "[json]") {
    api::json::Parser parser;
    int commands = 0;
    for (const auto& type : aggregates::registry()) {
        const auto* body = v1::Command::descriptor()->FindFieldByNumber(static_cast<int>(type.body));
        for (int i = 0; i < type.command->field_count(); ++i, ++commands) {
            v1::Command command;
            command.set_stream_id("s-1");
            command.set_command_id("c-1");
            command.set_expected_version(0);
            command.set_occurred_at(1'767'225'600'000'001);
            Message& inner = *command.GetReflection()->MutableMessage(&command, body);
            fill(*inner.GetReflection()->MutableMessage(&inner, type.command->field(i)));
            const std::string text = api::json::text_of(command);
            INFO(text);
            v1::Command back;
            const auto parsed = parser.parse(text, back);
            INFO((parsed ? "" : parsed.error().field + ": " + parsed.error().detail));
            REQUIRE(parsed);
            CHECK(google::protobuf::util::MessageDifferencer::Equals(command, back));
            CHECK(api::json::text_of(back) == text);
        }
    }
    CHECK(commands == 42);
}

TEST_CASE("values are written in the form that their rules give", "[json]") {
    v1::SaleOpened sale;
    sale.mutable_dims()->set_owner("ada");
    sale.mutable_amount()->set_minor(1234);
    sale.mutable_amount()->set_currency("EUR");
    sale.set_expected_close(20'484);
    sale.set_forecast_category(v1::COMMIT);
    sale.set_opened_at(1'767'225'600'000'000);
    CHECK(
        api::json::text_of(sale) ==
        R"({"dims":{"owner":"ada"},"amount":{"amount":"12.34","currency":"EUR"},"probability_bp":0,)"
        R"("lines":[],"expected_close":"2026-01-31","forecast_category":"COMMIT","pipeline_version":0,"rotting_days":0,)"
        R"("opened_at":"2026-01-01T00:00:00Z"})");

    v1::CustomerState customer;
    customer.mutable_name()->set_clear("张三");
    customer.mutable_phone()->mutable_sealed()->set_key_id("k");
    const std::string text = api::json::text_of(customer);
    CHECK(text.starts_with(R"({"name":"张三","phone":{"sealed":true})"));
}

TEST_CASE("whole numbers beyond 2^53 are text, so that no reader rounds them", "[json]") {
    v1::Position position;
    position.set_sequence((1ULL << 53));
    CHECK(api::json::text_of(position) == R"({"partition":0,"sequence":9007199254740992})");
    position.set_sequence((1ULL << 53) + 1);
    CHECK(api::json::text_of(position) == R"({"partition":0,"sequence":"9007199254740993"})");
    v1::Position back;
    api::json::Parser parser;
    REQUIRE(parser.parse(api::json::text_of(position), back));
    CHECK(back.sequence() == (1ULL << 53) + 1);
}

TEST_CASE("what is wrong is named by rule and path", "[json]") {
    struct Case {
        const char* text;
        const char* fault;
    };
    const Case cases[] = {
        {R"({"owner": 3})", "WrongType owner"},
        {R"({"owner": ["a"]})", "WrongType owner"},
        {R"({"lines": {}})", "WrongType lines"},
        {R"({"lines": [{"quantity": 1}, {"quantity": "x"}]})", "WrongType lines[1].quantity"},
        {R"({"lines": [{"quantity": 1.5}]})", "WrongType lines[0].quantity"},
        {R"({"lines": [{"quantity": 1e2}]})", "WrongType lines[0].quantity"},
        {R"({"lines": [{"quantity": 9223372036854775808}]})", "OutOfRange lines[0].quantity"},
        {R"({"lines": [{"quantity": true}]})", "WrongType lines[0].quantity"},
        {R"({"lines": [7]})", "WrongType lines[0]"},
        {R"({"ownr": "ada"})", "UnknownField ownr"},
        {R"({"lines": [{"price": {}}]})", "UnknownField lines[0].price"},
        {R"({"owner": "a", "owner": "b"})", "DuplicateField owner"},
        {R"({"expected_close": "31.01.2026"})", "BadFormat expected_close"},
        {R"({"expected_close": "2026-02-30"})", "BadFormat expected_close"},
        {R"({"expected_close": 20484})", "WrongType expected_close"},
        {R"({"forecast_category": "commit"})", "UnknownValue forecast_category"},
        {R"({"forecast_category": 3})", "WrongType forecast_category"},
        {R"({"amount": 12.34})", "WrongType amount"},
        {R"({"amount": {"amount": 12.34, "currency": "EUR"}})", "WrongType amount.amount"},
        {R"({"amount": {"amount": "12.345", "currency": "EUR"}})", "BadFormat amount.amount"},
        {R"({"amount": {"amount": "1,000.00", "currency": "EUR"}})", "BadFormat amount.amount"},
        {R"({"amount": {"amount": "99999999999999999999", "currency": "EUR"}})", "BadFormat amount.amount"},
        {R"({"amount": {"amount": "1", "currency": "XXQ"}})", "UnknownCurrency amount.currency"},
        {R"({"amount": {"amount": "1"}})", "Required amount"},
        {R"({"amount": {"minor": 1, "currency": "EUR"}})", "UnknownField amount.minor"},
        {"{\"owner\": \"a\xFF\"}", "BadUtf8 owner"},
        {"{\"lines\": [{}, {\"product_id\": \"\xC3\"}]}", "BadUtf8 lines[1].product_id"},
        {R"({"owner": "\ud800"})", "BadUtf8 owner"},
        {R"({"owner": "a")", "NotJson "},
        {R"({"owner": "a"} {})", "NotJson "},
        {R"([1])", "WrongType "},
        {R"("x")", "WrongType "},
        {"hello", "NotJson "},
        {"", "NotJson "},
        {"{", "NotJson "},
        {R"({"owner": nul})", "NotJson owner"},
        {R"({"lines": [{"quantity": 01}]})", "WrongType lines[0].quantity"},
    };
    for (const Case& bad : cases) {
        INFO(bad.text);
        CHECK(fault_of<v1::OpenSale>(bad.text) == bad.fault);
    }
}

TEST_CASE("an unknown field is answered with the name that was probably meant", "[json]") {
    CHECK(detail_of(R"({"ownr": "ada"})") == R"(there is no field "ownr" here; did you mean "owner"?)");
    CHECK(detail_of(R"({"zzzzzzzzzz": "ada"})") == R"(there is no field "zzzzzzzzzz" here)");
}

TEST_CASE("what is not JSON is answered with the place where it ceases to be", "[json]") {
    CHECK_THAT(detail_of(R"({"owner": "a" "stage"})"), Catch::StartsWith("this is not JSON at byte 15: "));
    CHECK_THAT(detail_of("{\n  \"owner\": \"a\",\n  \"stage\" \"b\"\n}"),
               Catch::StartsWith("this is not JSON at byte 29 (line 3, column 11): "));
    CHECK_THAT(detail_of(R"({"owner": "a)"), Catch::StartsWith("this is not JSON at byte 11: "));
    CHECK_THAT(detail_of(R"({"owner": "a")"), Catch::StartsWith("this is not JSON at byte 14: "));
    CHECK_THAT(detail_of(R"({"owner": "a"} {})"), Catch::StartsWith("this is not JSON at byte 16: "));
    CHECK_THAT(detail_of("hello"), Catch::StartsWith("this is not JSON at byte 1: "));
}

TEST_CASE("every moment in an answer is written as one, and not as a number", "[json]") {
    std::set<const google::protobuf::Descriptor*> seen;
    const auto walk = [&](const auto& self, const google::protobuf::Descriptor* type) -> void {
        if (!seen.insert(type).second) return;
        for (int i = 0; i < type->field_count(); ++i) {
            const FieldDescriptor* field = type->field(i);
            if (field->message_type() != nullptr) self(self, field->message_type());
            if (field->cpp_type() != FieldDescriptor::CPPTYPE_INT64 || !field->name().ends_with("_at")) continue;
            INFO(field->full_name());
            CHECK(field->options().GetExtension(v1::rule).format() == v1::FORMAT_TIME);
        }
    };
    walk(walk, v1::AggregateAnswer::descriptor());
    walk(walk, v1::EventRecord::descriptor());
    CHECK(seen.size() > 30);
}

TEST_CASE("a command has one body only", "[json]") {
    CHECK(fault_of<v1::Command>(R"({"sale": {"win_sale": {}, "lose_sale": {}}})") == "OneOf sale.lose_sale");
    CHECK(fault_of<v1::Command>(R"({"sale": {"win_sale": {}}, "product": {}})") == "OneOf product");
}

TEST_CASE("null is: not said", "[json]") {
    v1::OpenSale sale;
    api::json::Parser parser;
    REQUIRE(parser.parse(R"({"owner": null, "amount": null, "lines": null, "stage": "x"})", sale));
    CHECK_FALSE(sale.has_amount());
    CHECK(sale.stage() == "x");
}

TEST_CASE("nesting has an end", "[json]") {
    std::string text = R"({"name": "deep"})";
    for (int i = 0; i < 40; ++i) {
        text = R"({"nested_type": [)" + text + "]}";
    }
    CHECK(fault_of<google::protobuf::DescriptorProto>(text).starts_with("TooDeep nested_type[0].nested_type[0]"));
    std::string brackets(100'000, '[');
    CHECK(fault_of<v1::OpenSale>(R"({"owner": )" + brackets) != "none");
}

TEST_CASE("a fault never repeats a value: it may be personal", "[json]") {
    for (const char* text :
         {R"({"owner": {"Ada": 1}})", R"({"expected_close": "Ada"})", R"({"forecast_category": "Ada"})",
          R"({"amount": {"amount": "Ada", "currency": "EUR"}})"}) {
        INFO(text);
        CHECK(detail_of(text).find("Ada") == std::string::npos);
    }
}
