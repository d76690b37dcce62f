#include "aggregates/aggregate_type.hpp"

#include "tests/support/commands.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace tidemark;
using namespace tidemark::aggregates;

namespace {

const Facts no_facts;

auto decide(AggregateState& state, const v1::Command& command) {
    return state.decide(
        command,
        {.stream_id = command.stream_id(), .occurred_at = command.occurred_at(), .version = 0, .facts = no_facts});
}

}  // namespace

TEST_CASE("every body that a command can have is registered, once", "[aggregates]") {
    std::set<int> bodies;
    for (const AggregateType& type : registry()) {
        CHECK(bodies.insert(type.body).second);
        const auto* field = v1::Command::descriptor()->FindFieldByNumber(type.body);
        REQUIRE(field != nullptr);
        CHECK(field->name() == type.kind);
        CHECK(field->message_type() == type.command);
        CHECK(find_kind(type.kind) == &type);
        CHECK(find_plural(type.plural) == &type);
        CHECK(type.make()->message().GetDescriptor() == type.state);
    }
    const auto* body = v1::Command::descriptor()->FindOneofByName("body");
    CHECK(bodies.size() == static_cast<std::size_t>(body->field_count()));
    CHECK(find_kind("nothing") == nullptr);
    CHECK(find_plural("sale") == nullptr);
}

TEST_CASE("every command of every aggregate is called by its name", "[aggregates]") {
    for (const AggregateType& type : registry()) {
        for (int i = 0; i < type.command->field_count(); ++i) {
            v1::Command command;
            auto& body = *command.GetReflection()->MutableMessage(
                &command, v1::Command::descriptor()->FindFieldByNumber(type.body));
            body.GetReflection()->MutableMessage(&body, type.command->field(i));
            CHECK(command_name(command) == type.command->field(i)->message_type()->name());
            CHECK(type.command_case(command) == type.command->field(i)->number());
        }
    }
}

TEST_CASE("a command is called by its name", "[aggregates]") {
    CHECK(command_name(tests::create_customer("c-1", "1")) == "CreateCustomer");
    CHECK(command_name(v1::Command()) == "");
    v1::Command empty;
    empty.mutable_sale();
    CHECK(command_name(empty) == "");
    CHECK(type_of(empty) == find_kind("sale"));
    CHECK(type_of(v1::Command()) == nullptr);
}

TEST_CASE("a snapshot brings the state back, and a clone goes its own way", "[aggregates]") {
    const auto state = find_kind("customer")->make();
    REQUIRE(decide(*state, tests::create_customer("c-1", "1")).value().size() == 1);
    const auto restored = find_kind("customer")->make();
    REQUIRE(restored->restore(state->message().SerializeAsString()));
    CHECK(restored->message().SerializeAsString() == state->message().SerializeAsString());
    CHECK_FALSE(restored->restore("\xff\xff"));

    const auto clone = state->clone();
    v1::Command archive = tests::command("c-1", "2");
    archive.mutable_customer()->mutable_archive_customer();
    REQUIRE(decide(*clone, archive).value().size() == 1);
    CHECK(clone->message().SerializeAsString() != state->message().SerializeAsString());
    CHECK(decide(*clone, archive).value().empty());
}

TEST_CASE("a state that knows more takes more memory", "[aggregates]") {
    const auto state = find_kind("customer")->make();
    const std::size_t empty = state->memory_bytes();
    REQUIRE(decide(*state, tests::create_customer("c-1", "1", std::string(90, 'x'))).has_value());
    CHECK(state->memory_bytes() > empty + 90);
}

TEST_CASE("an event of another kind cannot be folded, and a rejection folds to nothing", "[aggregates]") {
    const auto state = find_kind("customer")->make();
    events::RecordView record;
    record.header.stream_kind = "sale";
    CHECK_FALSE(state->evolve(record).has_value());
    record.header.kind = events::RecordKind::rejection;
    CHECK(state->evolve(record).has_value());
    CHECK(state->message().ByteSizeLong() == 0);
}

TEST_CASE("asking for a fact that was not named as a need is a defect", "[aggregates]") {
    v1::Reference found;
    const Facts facts({{.kind = "product", .id = "p-1", .field = "x"}, {.kind = "product", .id = "p-2", .field = "y"}},
                      {&found, nullptr});
    CHECK(facts.find("product", "p-1") == &found);
    CHECK(facts.find("product", "p-2") == nullptr);
    REQUIRE(facts.missing() != nullptr);
    CHECK(facts.missing()->id == "p-2");
    CHECK_THROWS_AS(facts.find("customer", "p-1"), std::logic_error);
}

TEST_CASE("a decision that does not fit into a block is refused, and changes nothing", "[aggregates]") {
    auto state = find_kind("customer")->make();
    v1::Command command = tests::create_customer("c1", "create");
    std::string text;
    for (int i = 0; i < 1'000; ++i) text += "\xE6\x9C\xAC";  // 1,000 characters of three bytes
    for (int i = 0; i < 100; ++i) {
        auto& attribute = *command.mutable_customer()->mutable_create_customer()->add_attributes();
        attribute.set_key("k" + std::to_string(i));
        attribute.set_text(text);
    }
    const std::string before = state->message().SerializeAsString();
    const auto decided = decide(*state, command);
    REQUIRE_FALSE(decided.has_value());
    CHECK(decided.error().code() == "DecisionTooLarge");
    CHECK(decided.error().command() == "CreateCustomer");
    CHECK(state->message().SerializeAsString() == before);
}
