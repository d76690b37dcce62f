#include "events/upcast.hpp"

#include <google/protobuf/unknown_field_set.h>

namespace tidemark::events {
namespace {

constexpr int urgent_field = 4;

// Takes a bool that today's schema does not know out of the message. As Protobuf has it, the last of
// several counts and an absent one is false.
bool take_unknown_bool(google::protobuf::Message& message, int field) {
    google::protobuf::UnknownFieldSet& unknown = *message.GetReflection()->MutableUnknownFields(&message);
    bool value = false;
    for (int i = 0; i < unknown.field_count(); ++i) {
        const google::protobuf::UnknownField& found = unknown.field(i);
        if (found.number() == field && found.type() == google::protobuf::UnknownField::TYPE_VARINT) {
            value = found.varint() != 0;
        }
    }
    unknown.DeleteByNumber(field);
    return value;
}

void urgent_becomes_priority(v1::CustomerNeedRecorded& need) {
    need.set_priority(take_unknown_bool(need, urgent_field) ? v1::PRIORITY_URGENT : v1::PRIORITY_MEDIUM);
}

}  // namespace

void upcast(v1::CustomerEvent& event, std::uint16_t from_version) {
    if (from_version < 2 && event.has_customer_need_recorded()) {
        urgent_becomes_priority(*event.mutable_customer_need_recorded());
    }
}

}  // namespace tidemark::events
