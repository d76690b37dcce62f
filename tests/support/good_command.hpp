// A good value for every field of every command, made by walking the descriptors: what a test then spoils.
#pragma once

#include "events/v1/rules.pb.h"

#include <catch2/catch.hpp>
#include <google/protobuf/message.h>

#include <string>

namespace tidemark::tests {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

inline const v1::Rule& rule_of(const FieldDescriptor* field) {
    return field->options().GetExtension(v1::rule);
}

inline std::string good_text(v1::Format format) {
    switch (format) {
        case v1::FORMAT_ID: return "id-1";
        case v1::FORMAT_EMAIL: return "ada@example.org";
        case v1::FORMAT_PHONE: return "+49 30 123456";
        case v1::FORMAT_CURRENCY: return "EUR";
        default: return "文字";
    }
}

inline void fill(Message& message);

// One good value (of a list: one item), by the rules on the field.
inline void set_good(Message& message, const FieldDescriptor* field) {
    const auto& reflection = *message.GetReflection();
    const bool repeated = field->is_repeated();
    const v1::Rule& rule = rule_of(field);
    const std::int64_t number = rule.has_min() && rule.min() > 1 ? rule.min() : 1;
    switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING:
            repeated ? reflection.AddString(&message, field, good_text(rule.format()))
                     : reflection.SetString(&message, field, good_text(rule.format()));
            return;
        case FieldDescriptor::CPPTYPE_MESSAGE:
            return fill(repeated ? *reflection.AddMessage(&message, field)
                                 : *reflection.MutableMessage(&message, field));
        case FieldDescriptor::CPPTYPE_ENUM: {
            const int value = field->enum_type()->value(1)->number();
            repeated ? reflection.AddEnumValue(&message, field, value)
                     : reflection.SetEnumValue(&message, field, value);
            return;
        }
        case FieldDescriptor::CPPTYPE_INT32:
            return reflection.SetInt32(&message, field, static_cast<std::int32_t>(number));
        case FieldDescriptor::CPPTYPE_INT64: return reflection.SetInt64(&message, field, number);
        case FieldDescriptor::CPPTYPE_BOOL: return reflection.SetBool(&message, field, true);
        default: FAIL("no good value is known for " << field->full_name());
    }
}

inline void fill(Message& message) {
    const auto* descriptor = message.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
        const FieldDescriptor* field = descriptor->field(i);
        const auto* choice = field->real_containing_oneof();
        if (choice == nullptr || field->index_in_oneof() == 0) set_good(message, field);
    }
}

}  // namespace tidemark::tests
