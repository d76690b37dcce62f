#include "api/http/unknown_fields.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace tidemark::api {

namespace {

namespace pb = google::protobuf;

// The fields of a kind of message that are messages themselves: there are few, and the others need not be asked.
// Alternatives are asked for the one that is set.
struct Shape {
    std::vector<const pb::FieldDescriptor*> single;
    std::vector<const pb::FieldDescriptor*> repeated;
    std::vector<const pb::OneofDescriptor*> alternatives;
};

Shape shape_of(const pb::Descriptor& kind) {
    Shape shape;
    for (int i = 0; i < kind.field_count(); ++i) {
        const auto* field = kind.field(i);
        if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE || field->real_containing_oneof()) continue;
        (field->is_repeated() ? shape.repeated : shape.single).push_back(field);
    }
    for (int i = 0; i < kind.real_oneof_decl_count(); ++i) shape.alternatives.push_back(kind.oneof_decl(i));
    return shape;
}

// Asked for every message of a bulk stream: each thread keeps its own, so that none waits for another.
const Shape& known_shape(const pb::Descriptor* kind) {
    thread_local std::unordered_map<const pb::Descriptor*, std::unique_ptr<const Shape>> shapes;
    auto& shape = shapes[kind];
    if (!shape) shape = std::make_unique<const Shape>(shape_of(*kind));
    return *shape;
}

}  // namespace

bool has_unknown_fields(const pb::Message& message) {
    const pb::Reflection& reflection = *message.GetReflection();
    if (!reflection.GetUnknownFields(message).empty()) return true;
    const Shape& shape = known_shape(message.GetDescriptor());
    for (const auto* field : shape.single) {
        if (reflection.HasField(message, field) && has_unknown_fields(reflection.GetMessage(message, field)))
            return true;
    }
    for (const auto* alternative : shape.alternatives) {
        const auto* field = reflection.GetOneofFieldDescriptor(message, alternative);
        if (field != nullptr && field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE &&
            has_unknown_fields(reflection.GetMessage(message, field))) {
            return true;
        }
    }
    for (const auto* field : shape.repeated) {
        for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
            if (has_unknown_fields(reflection.GetRepeatedMessage(message, field, i))) return true;
        }
    }
    return false;
}

}  // namespace tidemark::api
