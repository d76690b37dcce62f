// One event of a kind with every field set, each to a value of its own.
#pragma once

#include "events/event.hpp"
#include "tests/events/sample.hpp"

#include <google/protobuf/message.h>

#include <memory>
#include <string>

namespace tidemark::events::sample {

inline void fill(google::protobuf::Message& message, int& next);

inline void fill_field(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int& next) {
    using Field = google::protobuf::FieldDescriptor;
    const auto& of = *message.GetReflection();
    const bool many = field.is_repeated();
    switch (field.cpp_type()) {
        case Field::CPPTYPE_MESSAGE:
            fill(many ? *of.AddMessage(&message, &field) : *of.MutableMessage(&message, &field), next);
            return;
        case Field::CPPTYPE_STRING: {
            const std::string text = std::string(field.name()) + " 第" + std::to_string(++next);
            many ? of.AddString(&message, &field, text) : of.SetString(&message, &field, text);
            return;
        }
        case Field::CPPTYPE_ENUM: {
            const auto* last = field.enum_type()->value(field.enum_type()->value_count() - 1);
            many ? of.AddEnum(&message, &field, last) : of.SetEnum(&message, &field, last);
            return;
        }
        case Field::CPPTYPE_INT32: of.SetInt32(&message, &field, -++next); return;
        case Field::CPPTYPE_INT64: of.SetInt64(&message, &field, 1'000'000'000'000 + ++next); return;
        case Field::CPPTYPE_UINT32: of.SetUInt32(&message, &field, static_cast<std::uint32_t>(++next)); return;
        case Field::CPPTYPE_UINT64: of.SetUInt64(&message, &field, static_cast<std::uint64_t>(++next)); return;
        case Field::CPPTYPE_BOOL: of.SetBool(&message, &field, true); return;
        case Field::CPPTYPE_FLOAT:
        case Field::CPPTYPE_DOUBLE:
            throw std::logic_error("an event holds a floating-point number: " + field.full_name());
    }
}

// Of a oneof only its first member, for one excludes the others.
inline void fill(google::protobuf::Message& message, int& next) {
    const auto& descriptor = *message.GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
        const auto& field = *descriptor.field(i);
        const auto* oneof = field.real_containing_oneof();
        if (oneof == nullptr || oneof->field(0) == &field) fill_field(message, field, next);
    }
}

// The record of an event `kind.field`, as this program writes it.
inline std::string event_record(std::string_view kind, const google::protobuf::Descriptor& descriptor,
                                const google::protobuf::FieldDescriptor& field) {
    const std::unique_ptr<google::protobuf::Message> event(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&descriptor)->New());
    int next = 0;
    fill(*event->GetReflection()->MutableMessage(event.get(), &field), next);
    RecordHeader header = record_header();
    header.type = static_cast<std::uint16_t>(field.number());
    header.schema_version = schema_version_of(kind);
    header.stream_kind = kind;
    header.stream_id = "golden-1";
    std::string bytes;
    encode_record(header, event->SerializeAsString(), bytes);
    return bytes;
}

}  // namespace tidemark::events::sample
