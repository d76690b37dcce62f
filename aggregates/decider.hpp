// What an aggregate is: two pure functions over Protobuf messages, and what the first needs to know.
// No clock, no I/O, no randomness, no log line in here.
#pragma once

#include "aggregates/command.pb.h"
#include "aggregates/reference.pb.h"
#include "events/ids.hpp"
#include "events/v1/outcome.pb.h"

#include <concepts>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::aggregates {

template <class Event>
using Decision = std::expected<std::vector<Event>, v1::Rejection>;  // no event: accepted, nothing to change

// Another aggregate that a decision needs to know about, in the same tenant.
struct Need {
    std::string_view kind;  // "customer", "product", "pipeline", "sale"
    std::string id;
    std::string_view field;  // of the command's body, for the rejection when it is not there
    bool operator==(const Need&) const = default;
};

// What was found about each Need, in the same order as they were named; nullptr: it does not exist.
class Facts {
public:
    Facts() = default;
    Facts(std::vector<Need> needs, std::vector<const v1::Reference*> found)
        : needs_(std::move(needs)), found_(std::move(found)) {}

    // The fact about kind and id; nullptr when it does not exist. Asking for what was not named as a need is a defect.
    [[nodiscard]] const v1::Reference* find(std::string_view kind, std::string_view id) const;
    [[nodiscard]] const std::vector<Need>& needs() const { return needs_; }
    // The first need that was not found; nullptr when all were.
    [[nodiscard]] const Need* missing() const;

private:
    std::vector<Need> needs_;
    std::vector<const v1::Reference*> found_;
};

// Everything that a decision may look at besides the state.
struct Context {
    std::string_view stream_id;
    events::Micros occurred_at = 0;
    events::Version version = 0;  // of the stream; 0: it does not exist yet
    const Facts& facts;
};

// One aggregate. `decide` is one exhaustive switch that calls one named function per command;
// `evolve` never judges, for it already happened; `needs` names what decide will look up.
template <class A>
concept Decider =
    requires(const typename A::State& state, typename A::State& mutable_state, const typename A::Command& command,
             const typename A::Event& event, const Context& context, events::Micros occurred_at) {
        { A::kind } -> std::convertible_to<std::string_view>;
        {
            A::fold_version
        } -> std::convertible_to<std::uint32_t>;  // raised when evolve changes: snapshots are made again
        { A::needs(state, command) } -> std::same_as<std::vector<Need>>;
        { A::decide(state, command, context) } -> std::same_as<Decision<typename A::Event>>;
        { A::evolve(mutable_state, event, occurred_at) } -> std::same_as<void>;
    };

}  // namespace tidemark::aggregates
