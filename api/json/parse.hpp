// JSON -> Protobuf, strictly: what is not understood is refused, with the path of the field and the
// rule. Whether the values are allowed is said by aggregates/validate.hpp.
#pragma once

#include <google/protobuf/message.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark::api::json {

// Why a text is not the message. Holds no value that was in it: it may be personal.
struct Fault {
    std::string code;    // NotJson, WrongType, UnknownField, DuplicateField, OneOf, UnknownValue, OutOfRange,
                         // BadUtf8, BadFormat, UnknownCurrency, TooDeep
    std::string field;   // path from the message: "lines[2].quantity"; empty: the whole
    std::string detail;  // a sentence: what is expected
};

// One JSON object to one message. null is: not said. One thread; keeps its buffers between calls.
class Parser {
public:
    Parser();
    ~Parser();
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    // `into` is cleared first; after a fault it holds what was read so far.
    [[nodiscard]] std::expected<void, Fault> parse(std::string_view text, google::protobuf::Message& into);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace tidemark::api::json
