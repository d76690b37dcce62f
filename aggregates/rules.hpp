// The rules on the fields of a message type (events/v1/rules.proto), read once out of its descriptor into
// a table that can be walked fast. Tables live as long as the program; any thread.
#pragma once

#include "events/v1/rules.pb.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <vector>

namespace tidemark::aggregates {

inline constexpr std::uint32_t default_max_chars = 4'000;
inline constexpr int default_max_items = 1'000;

struct RuleTable;

struct FieldRules {
    const google::protobuf::FieldDescriptor* field = nullptr;
    const RuleTable* inside = nullptr;  // of a message field
    bool money = false;                 // it is a Money
    bool repeated = false;
    bool required = false;
    bool presence = false;  // whether "absent" can be told from empty or zero
    v1::Format format = v1::FORMAT_PLAIN;
    std::uint32_t max_chars = default_max_chars;
    std::uint32_t max_bytes = 0;  // 0: no bound of its own
    int max_items = default_max_items;
    bool has_min = false;
    bool has_max = false;
    std::int64_t min = 0;
    std::int64_t max = 0;
};

struct RuleTable {
    struct Choice {  // a oneof: exactly one of its fields is given
        const google::protobuf::OneofDescriptor* oneof = nullptr;
        std::vector<FieldRules> fields;
    };
    const google::protobuf::Descriptor* message = nullptr;
    std::vector<FieldRules> fields;  // those outside of choices, in order of declaration
    std::vector<Choice> choices;
};

[[nodiscard]] const RuleTable& rules_of(const google::protobuf::Descriptor* message);

}  // namespace tidemark::aggregates
