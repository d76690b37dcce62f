// Protobuf -> JSON. What is not said is not written: absent messages, empty texts and lists,
// UNSPECIFIED enums and zero dates and times are left out; numbers and booleans are always there, and so
// are the lists of objects at the top of a document: who asks for customers gets a list, if an empty one.
// Any thread.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

namespace tidemark::api::json {

// Appends the message as a JSON object, without line breaks.
void write(const google::protobuf::Message& message, std::string& out);
[[nodiscard]] std::string text_of(const google::protobuf::Message& message);

// Appends text as a JSON string with its quotes. `text` is UTF-8.
void write_text(std::string_view text, std::string& out);

}  // namespace tidemark::api::json
