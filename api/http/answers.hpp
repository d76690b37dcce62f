// Answers in the forms that the API gives them: messages as JSON or Protobuf, problems, rejections.
#pragma once

#include "aggregates/command.pb.h"
#include "api/http/answers.pb.h"
#include "api/http/message.hpp"
#include "consumers/log/log.hpp"
#include "events/record.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace tidemark::api {

inline constexpr std::string_view json_type = "application/json";
inline constexpr std::string_view protobuf_type = "application/x-protobuf";
inline constexpr std::string_view problem_type = "application/problem+json";
inline constexpr std::string_view ndjson_type = "application/x-ndjson";
inline constexpr std::string_view delimited_type = "application/x-protobuf-delimited";
inline constexpr std::string_view event_stream_type = "text/event-stream";

// As JSON, or as Protobuf for who says `Accept: application/x-protobuf`.
[[nodiscard]] Response answer(const Request& request, const google::protobuf::Message& message, unsigned status = 200);

// `code` in CamelCase; title, type and form are added.
[[nodiscard]] Response problem(unsigned status, std::string_view code, std::string_view detail,
                               std::string_view field = {});
[[nodiscard]] Response problem(v1::Problem problem);

// The one table of what a rejection is in HTTP. A version conflict with If-Match is a failed precondition.
[[nodiscard]] unsigned status_of(v1::RejectionCategory category, bool with_if_match);

// The answer to a single command.
[[nodiscard]] Response outcome_answer(const Request& request, const v1::Outcome& outcome, bool with_if_match,
                                      const consumers::Log& log);

// What a record says, for people and programs; an error is a record that this program cannot read.
[[nodiscard]] std::expected<v1::EventRecord, std::string> show(const events::RecordView& record);

// "text/html; q=0.5" of a Content-Type or a part of an Accept, without parameters, in lower case.
[[nodiscard]] std::string media_type(std::string_view header);
[[nodiscard]] bool accepts(const Request& request, std::string_view type);  // names it, word for word

[[nodiscard]] std::string etag(events::Version version);

}  // namespace tidemark::api
