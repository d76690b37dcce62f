// Bad bodies for every field of every command, as JSON over HTTP: made by walking the descriptors, so that no command
// can be forgotten. Each is answered with a problem that names the field and the rule.
#include "aggregates/aggregate_type.hpp"
#include "aggregates/command.pb.h"
#include "aggregates/rules.hpp"
#include "api/json/write.hpp"
#include "tests/api/server.hpp"
#include "tests/support/good_command.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace tidemark;
using namespace tidemark::api::test;
using namespace tidemark::tests;

namespace {

namespace json = boost::json;
using google::protobuf::Descriptor;

struct CommandOfKind {
    const aggregates::AggregateType* type;
    const FieldDescriptor* command;

    [[nodiscard]] std::string path(const std::string& id) const {
        std::string name = command->name();
        std::ranges::replace(name, '_', '-');
        return "/v1/" + std::string(type->plural) + "/" + id + "/" + name;
    }
    [[nodiscard]] json::object good_body() const {
        const std::unique_ptr<Message> message(
            google::protobuf::MessageFactory::generated_factory()->GetPrototype(command->message_type())->New());
        fill(*message);
        return json::parse(api::json::text_of(*message)).as_object();
    }
};

std::vector<CommandOfKind> every_command() {
    std::vector<CommandOfKind> all;
    for (const auto& type : aggregates::registry()) {
        for (int i = 0; i < type.command->field_count(); ++i) all.push_back({&type, type.command->field(i)});
    }
    return all;
}

bool is_money(const FieldDescriptor* field) {
    return field->message_type() == v1::Money::descriptor();
}

// One good value of a field, as it is written in JSON.
json::value good_value(const FieldDescriptor* field) {
    const std::unique_ptr<Message> owner(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(field->containing_type())->New());
    set_good(*owner, field);
    return json::parse(api::json::text_of(*owner)).as_object().at(field->name());
}

// Spoils one field after another of a good body, and asks the server.
class Spoiler {
public:
    Spoiler(Client& client, const CommandOfKind& command) : client_(client), command_(command) {
        body_ = command.good_body();
    }

    void walk() { walk(*command_.command->message_type(), body_, ""); }
    std::map<std::string, int> found;  // how often, by code

private:
    void walk(const Descriptor& type, json::object& here, const std::string& path) {
        const json::object before = here;
        expect(here, [](json::object& o) { o["no_such_field"] = 1; }, "400 UnknownField", path + "no_such_field");
        for (int i = 0; i < type.field_count(); ++i) {
            const FieldDescriptor* field = type.field(i);
            if (const auto* choice = field->real_containing_oneof()) {
                for (int j = 0; j < choice->field_count(); ++j) here.erase(choice->field(j)->name());
            }
            here[field->name()] = good_value(field);
            spoil(*field, here, path + field->name());
            descend(*field, here, path + field->name());
            here = before;
        }
    }

    // `change` spoils the object, which is in the body; afterwards it is as before.
    template <class Change>
    void expect(json::object& here, Change change, const std::string& said, const std::string& path) {
        const json::object before = here;
        change(here);
        const std::string body = json::serialize(body_);
        here = before;
        const auto reply = client_.post(command_.path("s-1"), body);
        INFO(command_.path("s-1") << " " << body.substr(0, 2'000));
        INFO(reply.body);
        CHECK(reply.headers.at("content-type") == "application/problem+json");
        CHECK(std::to_string(reply.status) + " " + reply.code() == said + " " + path);
        CHECK_FALSE(reply.json().at("detail").as_string().empty());
        ++found[said.substr(4)];
    }

    void spoil(const FieldDescriptor& field, json::object& here, const std::string& path) {
        const v1::Rule& rule = rule_of(&field);
        const auto say = [&](json::value value, const std::string& said, const std::string& inside = "") {
            const std::string place = field.is_repeated() ? path + "[0]" : path;
            if (field.is_repeated()) value = json::array{std::move(value)};
            expect(here, [&](json::object& o) { o[field.name()] = value; }, said, place + inside);
        };
        if (rule.required()) {
            expect(here, [&](json::object& o) { o.erase(field.name()); }, "422 Required", path);
            expect(here, [&](json::object& o) { o[field.name()] = nullptr; }, "422 Required", path);
        }
        if (field.is_repeated()) {
            expect(here, [&](json::object& o) { o[field.name()] = json::object(); }, "400 WrongType", path);
            const std::size_t most = rule.max_items() != 0 ? rule.max_items() : aggregates::default_max_items;
            const json::array too_many(most + 1, good_value(&field).as_array().front());
            expect(here, [&](json::object& o) { o[field.name()] = too_many; }, "422 TooMany", path);
        }
        switch (field.cpp_type()) {
            case FieldDescriptor::CPPTYPE_STRING: return spoil_text(rule, say);
            case FieldDescriptor::CPPTYPE_ENUM: say(3, "400 WrongType"); return say("NO_SUCH_NAME", "400 UnknownValue");
            case FieldDescriptor::CPPTYPE_BOOL: return say("true", "400 WrongType");
            case FieldDescriptor::CPPTYPE_MESSAGE:
                return is_money(&field) ? spoil_money(rule, say) : say(7, "400 WrongType");
            default: return spoil_number(rule, say);
        }
    }

    template <class Say>
    void spoil_text(const v1::Rule& rule, Say say) {
        say(7, "400 WrongType");
        say(json::array{"a"}, "400 WrongType");
        say("\xc3\x28", "400 BadUtf8");
        const std::size_t most = rule.max_chars() != 0 ? rule.max_chars() : aggregates::default_max_chars;
        say(json::string(most + 1, '1'), "422 TooLong");
        if (rule.format() == v1::FORMAT_ID) say("a b", "422 BadFormat");
        if (rule.format() == v1::FORMAT_EMAIL) say("no address", "422 BadFormat");
        if (rule.format() == v1::FORMAT_PHONE) say("call me", "422 BadFormat");
        if (rule.required()) say("", "422 Required");
    }

    template <class Say>
    void spoil_number(const v1::Rule& rule, Say say) {
        say(json::object(), "400 WrongType");
        if (rule.format() == v1::FORMAT_DATE) {
            say(20'484, "400 WrongType");
            for (const char* text : {"31.01.2026", "2026-02-30"}) say(text, "400 BadFormat");
            for (const char* day : {"1899-12-31", "2200-01-02"}) say(day, "422 OutOfRange");
        } else if (rule.format() == v1::FORMAT_TIME) {
            say(1'767'225'600, "400 WrongType");
            for (const char* text : {"2026-01-31", "2026-01-31T25:00:00Z"}) say(text, "400 BadFormat");
            for (const char* time : {"1899-12-31T23:59:59Z", "2200-01-01T00:00:01Z"}) say(time, "422 OutOfRange");
        } else {
            say(1.5, "400 WrongType");
            if (rule.has_min()) say(rule.min() > 0 ? -1 : rule.min() - 1, "422 OutOfRange");
            if (rule.has_max()) say(rule.max() + 1, "422 OutOfRange");
        }
    }

    template <class Say>
    void spoil_money(const v1::Rule& rule, Say say) {
        const auto money = [](json::value amount, json::value currency) {
            return json::object{{"amount", std::move(amount)}, {"currency", std::move(currency)}};
        };
        say(12.34, "400 WrongType");
        say(money(12.34, "EUR"), "400 WrongType", ".amount");
        say(money("12.345", "EUR"), "400 BadFormat", ".amount");
        say(money("1", "XXZ"), "400 UnknownCurrency", ".currency");
        say(money("1", 3), "400 WrongType", ".currency");
        say(json::object{{"amount", json::value("1")}}, "400 Required");
        say(json::object{{"amount", "1"}, {"currency", "EUR"}, {"minor", 1}}, "400 UnknownField", ".minor");
        say(money("10000000000000.01", "EUR"), "422 OutOfRange");
        if (rule.has_min()) say(money("-0.01", "EUR"), "422 NegativeAmount");
    }

    void descend(const FieldDescriptor& field, json::object& here, const std::string& path) {
        if (field.message_type() == nullptr || is_money(&field)) return;
        json::value& inside = here.at(field.name());
        if (field.is_repeated()) {
            walk(*field.message_type(), inside.as_array().at(0).as_object(), path + "[0].");
        } else {
            walk(*field.message_type(), inside.as_object(), path + ".");
        }
    }

    Client& client_;
    const CommandOfKind& command_;
    json::object body_;
};

}  // namespace

TEST_CASE("every field of every command that is wrong over HTTP is answered with field and rule", "[http][json]") {
    const TestServer server;
    Client client(server.port());
    std::map<std::string, int> found;
    int commands = 0;
    for (const CommandOfKind& command : every_command()) {
        Spoiler spoiler(client, command);
        spoiler.walk();
        for (const auto& [code, count] : spoiler.found) found[code] += count;
        ++commands;
        for (const char* no_object : {"[]", "7", "\"x\""}) {
            CHECK(client.post(command.path("s-1"), no_object).code() == "WrongType ");
        }
        CHECK(client.post(command.path("s-1"), "{").code() == "NotJson ");
    }
    CHECK(commands == 42);
    // Each kind of dirt was tried, and often enough to believe it.
    for (const char* code : {"Required", "TooLong", "TooMany", "BadFormat", "BadUtf8", "OutOfRange", "UnknownCurrency",
                             "UnknownValue", "NegativeAmount", "WrongType", "UnknownField"}) {
        INFO(code);
        CHECK(found[code] >= 5);
    }
}

TEST_CASE("every command for what does not exist is 404, and says so by the id", "[http]") {
    // What begins a stream, or says of a delivery what comes before its plan.
    const std::set<std::string> beginning{"create_customer", "define_product", "define_pipeline",
                                          "open_sale",       "plan_delivery",  "capture_requirement"};
    const TestServer server;
    Client client(server.port());
    int missed = 0;
    for (const CommandOfKind& command : every_command()) {
        if (beginning.contains(command.command->name())) continue;
        const auto reply = client.post(command.path("nobody"), json::serialize(command.good_body()));
        INFO(command.path("nobody") << " " << reply.body);
        CHECK(reply.status == 404);
        CHECK(reply.code().ends_with("NotFound id"));
        CHECK(reply.json().at("category").as_string() == "NOT_FOUND");
        ++missed;
    }
    CHECK(missed == 36);
}

TEST_CASE("a command that names what does not exist is 422, and says by which field", "[http]") {
    const TestServer server;
    Client client(server.port());
    REQUIRE(client.post("/v1/customers/c1/create-customer", R"({"name": "N"})").status == 201);
    REQUIRE(client
                .post("/v1/pipelines/p1/define-pipeline",
                      R"({"name": "P", "stages": [{"id": "lead", "name": "Lead", "probability_bp": 1000}]})")
                .status == 201);
    const auto open = R"({"owner": "ada", "pipeline_id": "p1", "amount": {"amount": "1", "currency": "EUR"}})";
    REQUIRE(client.post("/v1/sales/s1/open-sale", open).status == 201);
    const auto said = [&](const std::string& what, const std::string& body) {
        const auto reply = client.post("/v1/" + what, body);
        INFO(reply.body);
        CHECK(reply.json().at("category").as_string() == "REFERENCE_NOT_FOUND");
        return std::to_string(reply.status) + " " + reply.code();
    };
    const std::string ada = R"({"owner": "ada", )";
    const std::string amount = R"({"amount": {"amount": "2", "currency": "EUR"}, )";
    CHECK(said("sales/s2/open-sale", ada + R"("pipeline_id": "none"})") == "422 ReferenceNotFound pipeline_id");
    CHECK(said("sales/s2/open-sale", ada + R"("pipeline_id": "p1", "customer_id": "none"})") ==
          "422 ReferenceNotFound customer_id");
    CHECK(
        said("sales/s2/open-sale", ada + R"("pipeline_id": "p1", "lines": [{"product_id": "none", "quantity": 1}]})") ==
        "422 ReferenceNotFound lines[0].product_id");
    CHECK(said("sales/s1/change-sale-amount", amount + R"("lines": [{"product_id": "none", "quantity": 1}]})") ==
          "422 ReferenceNotFound lines[0].product_id");
    CHECK(said("customers/c1/record-customer-need", R"({"type": "NEED", "text": "t", "product_id": "none"})") ==
          "422 ReferenceNotFound product_id");
    const std::string plan =
        R"({"name": "D", "owner": "ada", "kind": "PRODUCT_DELIVERY", "plan": {"start_date": "2026-01-01", "end_date": )"
        R"("2026-02-01"}, )";
    for (const char* field : {"customer_id", "sale_id", "product_id"}) {
        CHECK(said("deliveries/d1/plan-delivery", plan + "\"" + field + R"(": "none"})") ==
              "422 ReferenceNotFound " + std::string(field));
    }
}

TEST_CASE("every command that begins a stream is refused where another stands, and a repeated one is not", "[http]") {
    const TestServer server;
    Client client(server.port());
    REQUIRE(client
                .post("/v1/pipelines/p1/define-pipeline",
                      R"({"name": "P", "stages": [{"id": "lead", "name": "Lead", "probability_bp": 1000}]})")
                .status == 201);
    const std::string plan = R"("owner": "ada", "kind": "PRODUCT_DELIVERY", )"
                             R"("plan": {"start_date": "2026-01-01", "end_date": "2026-02-01"}})";
    const std::vector<std::array<std::string, 3>> begun{
        {"customers/c1/create-customer", R"({"name": "N"})", R"({"name": "M"})"},
        {"products/p1/define-product", R"({"name": "P", "list_price": {"amount": "1", "currency": "EUR"}})",
         R"({"name": "P", "list_price": {"amount": "2", "currency": "EUR"}})"},
        {"pipelines/p2/define-pipeline", R"({"name": "P", "stages": [{"id": "a", "name": "A", "probability_bp": 1}]})",
         R"({"name": "P", "stages": [{"id": "b", "name": "B", "probability_bp": 1}]})"},
        {"sales/s1/open-sale", R"({"owner": "ada", "pipeline_id": "p1", "amount": {"amount": "1", "currency": "EUR"}})",
         R"({"owner": "bo", "pipeline_id": "p1", "amount": {"amount": "1", "currency": "EUR"}})"},
        {"deliveries/d1/plan-delivery", R"({"name": "D", )" + plan, R"({"name": "E", )" + plan}};
    for (const auto& [path, first, other] : begun) {
        INFO(path);
        const auto made = client.post("/v1/" + path, first);
        INFO(made.body);
        CHECK(made.status == 201);
        CHECK(client.post("/v1/" + path, first).status == 200);
        const auto refused = client.post("/v1/" + path, other);
        INFO(refused.body);
        CHECK(refused.status == 409);
        CHECK(refused.json().at("category").as_string() == "STATE_CONFLICT");
        CHECK(refused.json().at("version").to_number<int>() == 1);
    }
}
