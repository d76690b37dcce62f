// How each field of a message is written in JSON: worked out once per message type, from its
// descriptor and the rules on its fields (events/v1/rules.proto). Any thread.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace tidemark::api::json {

enum class Shape : std::uint8_t {
    int32,
    int64,  // JSON number up to 2^53, beyond it decimal text: other programs' numbers are doubles
    uint32,
    uint64,  // as int64
    real,
    flag,
    text,
    bytes,        // base64
    enumeration,  // its name as in the .proto
    date,         // "2026-01-31"
    time,         // RFC 3339
    money,        // {"amount": "12.34", "currency": "EUR"}
    personal,     // plain text; {"sealed": true} when nobody here can read it
    message,
    map,  // object; keys as text
};

struct Table;

struct Field {
    const google::protobuf::FieldDescriptor* descriptor = nullptr;
    std::string_view name;  // as in the .proto: lower_snake
    Shape shape = Shape::text;
    bool repeated = false;
    bool zero_says = false;        // of an enum: its first name is a value like the others, not UNSPECIFIED
    const Table* table = nullptr;  // of a message's type; of a map: of its entries
    const Field* map_value = nullptr;
};

struct Table {
    const google::protobuf::Descriptor* descriptor = nullptr;
    std::vector<Field> fields;

    [[nodiscard]] const Field* find(std::string_view name) const;
    // The known name that looks most like `name`; empty when none does.
    [[nodiscard]] std::string_view nearest(std::string_view name) const;
};

// Lives as long as the process.
[[nodiscard]] const Table& table_of(const google::protobuf::Descriptor& descriptor);

// The name among `names` that looks most like `name`; empty when none does.
[[nodiscard]] std::string_view nearest_of(std::string_view name, const std::vector<std::string_view>& names);

}  // namespace tidemark::api::json
