// Given a history, when a command comes, then these events or this rejection:
//
//     CHECK(given<Sale>(opened).when(say<Sale>("win_sale {}"), tuesday) == yields<Sale>("sale_won { ... }"));
//
// Commands and events are written in Protobuf's text format. Every decision runs through the face that the
// command processor uses, and each of its events is written as a record, read back and folded afresh: the
// state must come out the same.
#pragma once

#include "aggregates/aggregate_type.hpp"
#include "aggregates/decider.hpp"
#include "aggregates/rejection.hpp"
#include "events/event.hpp"
#include "tests/support/commands.hpp"

#include <google/protobuf/text_format.h>

#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <stdexcept>

namespace tidemark::tests {

template <class Message>
Message parse_text(const std::string& text) {
    Message message;
    if (!google::protobuf::TextFormat::ParseFromString(text, &message)) {
        throw std::invalid_argument("not a " + Message::descriptor()->full_name() + ": " + text);
    }
    return message;
}

template <class A>
typename A::Command say(const std::string& text) {
    return parse_text<typename A::Command>(text);
}

// A command of the past, and when it was given.
template <class A>
struct Moment {
    typename A::Command command;
    events::Micros at = monday;
};
template <class A>
Moment<A> moment(const std::string& command, events::Micros at = monday) {
    return {say<A>(command), at};
}

// What came of a command.
template <class A>
struct Came {
    std::vector<typename A::Event> events;
    std::optional<v1::Rejection> rejection;
    typename A::State state;  // afterwards
};

// What should come of it: events, or a rejection with the field it names.
template <class A>
struct Expected {
    std::vector<typename A::Event> events;
    std::string code;
    std::string field;
};
template <class A, class... Texts>
Expected<A> yields(const Texts&... events) {
    return {{parse_text<typename A::Event>(events)...}, {}, {}};
}
template <class A>
Expected<A> changes_nothing() {
    return {};
}
template <class A>
Expected<A> refuses(typename A::Rejection why, const std::string& field = "") {
    return {{}, std::string(fact_of(why).code), field};
}

template <class A>
bool operator==(const Came<A>& came, const Expected<A>& expected) {
    if (came.rejection) return came.rejection->code() == expected.code && came.rejection->field() == expected.field;
    if (!expected.code.empty() || came.events.size() != expected.events.size()) return false;
    for (std::size_t i = 0; i < came.events.size(); ++i) {
        if (came.events[i].SerializeAsString() != expected.events[i].SerializeAsString()) return false;
    }
    return true;
}
template <class A>
std::ostream& operator<<(std::ostream& out, const Came<A>& came) {
    if (came.rejection) return out << "rejection " << came.rejection->ShortDebugString();
    if (came.events.empty()) out << "nothing";
    for (const auto& event : came.events) out << event.ShortDebugString() << '\n';
    return out;
}
template <class A>
std::ostream& operator<<(std::ostream& out, const Expected<A>& expected) {
    if (!expected.code.empty()) return out << "rejection " << expected.code << " of \"" << expected.field << '"';
    if (expected.events.empty()) out << "nothing";
    for (const auto& event : expected.events) out << event.ShortDebugString() << '\n';
    return out;
}

template <class A>
class Given {
    using Known = std::map<std::pair<std::string, std::string>, v1::Reference>;

public:
    // What exists besides, from now on: a product, a customer ...
    Given knowing(const std::string& kind, const std::string& id, const std::string& reference) const {
        Given more = *this;
        more.known_[{kind, id}] = parse_text<v1::Reference>(reference);
        return more;
    }
    // A command of the past, which must have been accepted.
    Given then(const Moment<A>& moment) const {
        Given more = *this;
        more.past_.push_back({moment, known_});
        return more;
    }

    Came<A> when(const typename A::Command& command, events::Micros at = monday) const {
        const aggregates::AggregateType& type = *aggregates::find_kind(A::kind);
        auto state = type.make();
        auto folded = type.make();  // only ever sees records
        events::Version version = 0;
        for (const auto& [moment, known] : past_) {
            const Came<A> came = step(*state, *folded, moment, known, version);
            if (came.rejection) throw std::logic_error("this never happened: " + came.rejection->ShortDebugString());
            if (came.events.empty()) throw std::logic_error("nothing happened: " + moment.command.ShortDebugString());
        }
        return step(*state, *folded, {command, at}, known_, version);
    }
    Came<A> when(const std::string& command, events::Micros at = monday) const { return when(say<A>(command), at); }

private:
    // Decides, and checks what must hold of every decision.
    static Came<A> step(aggregates::AggregateState& state, aggregates::AggregateState& folded, const Moment<A>& moment,
                        const Known& everything, events::Version& version) {
        const events::Micros at = moment.at;
        const v1::Command command = whole(moment.command, at);
        const std::string before = state.message().SerializeAsString();
        std::vector<aggregates::Need> needs = state.needs(command);
        std::vector<const v1::Reference*> found;
        for (const aggregates::Need& need : needs) {
            const auto known = everything.find({std::string(need.kind), need.id});
            found.push_back(known == everything.end() ? nullptr : &known->second);
        }
        const aggregates::Facts facts(std::move(needs), std::move(found));
        auto decided = state.decide(
            command, {.stream_id = command.stream_id(), .occurred_at = at, .version = version, .facts = facts});
        Came<A> came;
        if (decided) {
            for (const aggregates::Decided& event : *decided)
                came.events.push_back(record(folded, event, at, ++version));
        } else {
            came.rejection = decided.error();
            must(state.message().SerializeAsString() == before, "a rejection leaves the state as it was");
            must(came.rejection->command() == aggregates::command_name(command), "a rejection names the command");
            must(came.rejection->category() != v1::REJECTION_CATEGORY_UNSPECIFIED, "a rejection has a category");
            must(came.rejection->detail().ends_with('.'), "a rejection's detail is a sentence");
        }
        must(state.message().SerializeAsString() == folded.message().SerializeAsString(),
             "a fresh fold of the records agrees");
        came.state.ParseFromString(state.message().SerializeAsString());
        return came;
    }

    // Writes the event as a record, reads it back, folds it.
    static typename A::Event record(aggregates::AggregateState& folded, const aggregates::Decided& decided,
                                    events::Micros at, events::Version version) {
        std::string bytes;
        events::RecordHeader header;
        header.type = decided.type;
        header.schema_version = events::schema_version_of(A::kind);
        header.version = version;
        header.occurred_at = at;
        header.recorded_at = at;
        header.tenant = events::default_tenant;
        header.stream_kind = A::kind;
        header.stream_id = "s-1";
        header.command_id = "c-1";
        events::encode_record(header, decided.payload, bytes);
        const auto view = events::decode_record(bytes);
        must(view.has_value(), "a record can be read back");
        typename A::Event event;
        must(events::decode_event(*view, event).has_value(), "an event can be read back");
        must(static_cast<int>(event.event_case()) == decided.type, "an event's type is its field number");
        must(event.SerializeAsString() == decided.payload, "an event survives the round trip");
        must(folded.evolve(*view).has_value(), "an event can be folded");
        return event;
    }

    static v1::Command whole(const typename A::Command& body, events::Micros at) {
        v1::Command command = tests::command("s-1", "c-1", at);
        const auto* field = v1::Command::descriptor()->FindFieldByName(std::string(A::kind));
        command.GetReflection()->MutableMessage(&command, field)->CopyFrom(body);
        return command;
    }

    static void must(bool holds, const char* what) {
        if (!holds) throw std::logic_error(what);
    }

    std::vector<std::pair<Moment<A>, Known>> past_;  // each with what was known then
    Known known_;
};

template <class A, class... Moments>
Given<A> given(const Moments&... moments) {
    Given<A> all;
    ((all = all.then(moments)), ...);
    return all;
}

}  // namespace tidemark::tests
