// What deciders of several aggregates say with: results, comparisons, texts. Only for .cpp files of aggregates.
#pragma once

#include "aggregates/decider.hpp"
#include "events/v1/common.pb.h"

#include <google/protobuf/message_lite.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tidemark::aggregates {

// Accepted, and nothing to change.
template <class Event>
[[nodiscard]] Decision<Event> unchanged() {
    return std::vector<Event>{};
}

template <class Event>
[[nodiscard]] Decision<Event> one(Event event) {
    std::vector<Event> events;
    events.push_back(std::move(event));
    return events;
}

// Messages without map fields serialise equal exactly when they are equal; most that differ do so in length.
[[nodiscard]] inline bool same(const google::protobuf::MessageLite& a, const google::protobuf::MessageLite& b) {
    return a.ByteSizeLong() == b.ByteSizeLong() && a.SerializeAsString() == b.SerializeAsString();
}
[[nodiscard]] inline bool same(const v1::Money& a, const v1::Money& b) {
    return a.minor() == b.minor() && a.currency() == b.currency();
}
template <class Repeated>
    requires requires(const Repeated& list) { list.size(), list.Get(0); }
[[nodiscard]] bool same(const Repeated& a, const Repeated& b) {
    if (a.size() != b.size()) return false;
    for (int i = 0; i < a.size(); ++i) {
        if constexpr (requires { a.Get(i).SerializeAsString(); }) {
            if (!same(a.Get(i), b.Get(i))) return false;
        } else {
            if (a.Get(i) != b.Get(i)) return false;
        }
    }
    return true;
}

// The first id that stands twice in a list of messages with an id; empty: all differ.
template <class Repeated>
[[nodiscard]] std::string repeated_id(const Repeated& list) {
    std::unordered_set<std::string_view> ids;
    for (const auto& item : list) {
        if (!ids.insert(item.id()).second) return item.id();
    }
    return {};
}

// A command without a body never gets this far (validate refuses it), and an event without one is never
// made: whoever brings one has a defect.
[[noreturn]] inline void nothing_inside(std::string_view what) {
    throw std::logic_error("a " + std::string(what) + " with nothing inside");
}

[[nodiscard]] inline std::string quoted(std::string_view id) {
    return '"' + std::string(id) + '"';
}

}  // namespace tidemark::aggregates
