// Tables that cannot forget anything: every command of an aggregate with the same sent twice, and every
// rejection of its enum. A command, an event or a rejection that is in no row fails the test.
#pragma once

#include "tests/support/given.hpp"

#include <catch2/catch.hpp>

#include <functional>

namespace tidemark::tests {

// The same command a second time, a minute later, under another command id.
struct Again {
    enum Kind { changes_nothing, counts_again, is_refused } kind = changes_nothing;
    std::string code = {};
};

template <class A>
struct Accepted {
    Given<A> given;
    std::string command;
    events::Micros at;
    std::string event;  // that it yields
    Again again = {};
};

template <class A>
struct Refused {
    Given<A> given;
    std::string command;
    events::Micros at;
    typename A::Rejection why;
    std::string field = {};
};

template <class A>
void check_commands(const std::vector<Accepted<A>>& rows) {
    std::set<std::string> commands;
    std::set<std::string> events;
    for (const Accepted<A>& row : rows) {
        INFO(row.command);
        const auto command = say<A>(row.command);
        const auto event = parse_text<typename A::Event>(row.event);
        commands.insert(A::Command::descriptor()->FindFieldByNumber(command.command_case())->name());
        events.insert(A::Event::descriptor()->FindFieldByNumber(event.event_case())->name());
        CHECK(row.given.when(command, row.at) == yields<A>(row.event));

        const Came<A> twice = row.given.then({command, row.at}).when(command, row.at + 60'000'000);
        INFO("sent again");
        switch (row.again.kind) {
            case Again::changes_nothing: CHECK(twice == changes_nothing<A>()); break;
            case Again::counts_again: CHECK(twice == yields<A>(row.event)); break;
            case Again::is_refused:
                REQUIRE(twice.rejection.has_value());
                CHECK(twice.rejection->code() == row.again.code);
        }
    }
    for (int i = 0; i < A::Command::descriptor()->field_count(); ++i) {
        INFO("a row for every command");
        CHECK(commands.contains(A::Command::descriptor()->field(i)->name()));
    }
    for (int i = 0; i < A::Event::descriptor()->field_count(); ++i) {
        INFO("a row for every event");
        CHECK(events.contains(A::Event::descriptor()->field(i)->name()));
    }
}

template <class A>
void check_rejections(const std::vector<Refused<A>>& rows) {
    std::set<typename A::Rejection> produced;
    for (const Refused<A>& row : rows) {
        INFO(row.command);
        produced.insert(row.why);
        CHECK(row.given.when(row.command, row.at) == refuses<A>(row.why, row.field));
        // No field may be named that the command has not.
        if (row.field.empty()) continue;
        const auto* inside = A::Command::descriptor()->FindFieldByName(row.field.substr(0, row.field.find('.')));
        CHECK(inside != nullptr);
    }
    std::set<std::string> codes;
    for (int i = 0; !fact_of(static_cast<typename A::Rejection>(i)).code.empty(); ++i) {
        const auto why = static_cast<typename A::Rejection>(i);
        INFO("a row for every rejection: " << fact_of(why).code);
        CHECK(produced.contains(why));
        CHECK(codes.insert(std::string(fact_of(why).code)).second);
    }
}

}  // namespace tidemark::tests
