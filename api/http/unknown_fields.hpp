// Whether a message that was parsed holds fields that this program does not know.
#pragma once

#include <google/protobuf/message.h>

namespace tidemark::api {

// In the message itself or anywhere inside. Any thread.
[[nodiscard]] bool has_unknown_fields(const google::protobuf::Message& message);

}  // namespace tidemark::api
