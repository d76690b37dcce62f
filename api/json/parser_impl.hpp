// How the parser works inside: parse.cpp reads objects and lists, parse_values.cpp what is in them. On simdjson's
// on-demand reader: a value is decoded straight into the message, and what is wrong is known where it stands.
#pragma once

#include "api/json/parse.hpp"
#include "api/json/tables.hpp"
#include "events/v1/common.pb.h"

#include <simdjson.h>

#include <vector>

namespace tidemark::api::json {

using google::protobuf::Message;
using google::protobuf::Reflection;
using simdjson::ondemand::json_type;
using simdjson::ondemand::object;
using simdjson::ondemand::value;

// Stands for bytes that are no UTF-8 while the text is read again to find out where they are: a code
// point that Unicode keeps free of meaning, so that no honest text holds it (U+FDD0).
inline constexpr std::string_view bad_utf8_mark = "\xEF\xB7\x90";

struct Step {
    std::string_view name;
    int index = -1;  // in a list
};

struct Parser::Impl {
    simdjson::ondemand::parser parser;
    std::string buffer;                                // with simdjson's padding
    simdjson::ondemand::document* document = nullptr;  // while it is read
    std::vector<Step> path;
    Fault fault;
    bool marked = false;  // the text holds bad_utf8_mark in place of bad bytes

    // Each of these returns false after it has set `fault`.
    bool root(std::string_view text, Message& into);
    bool read_object(object& in, Message& into, const Table& table);
    bool read_field(value in, Message& into, const Field& field);
    bool read_list(value in, Message& into, const Field& field);
    bool read_map(value in, Message& into, const Field& field);
    bool read_value(value in, Message& into, const Field& field);
    bool read_text(value in, std::string_view& out, std::string_view expected);
    bool read_enum(value in, Message& into, const Field& field);
    bool read_money(value in, v1::Money& into);
    bool read_bytes(value in, Message& into, const Field& field);
    bool read_real(value in, Message& into, const Field& field);
    template <class Integer>
    bool read_integer(value in, Integer& out);

    bool fail(std::string code, std::string detail);
    bool unknown(std::string_view name, std::string detail);  // `name` is in no table: it ends the path
    bool not_json(std::string_view why);
    bool wrong_type(value& in, std::string_view expected);
    bool broken(simdjson::error_code error);
    [[nodiscard]] std::string where() const;  // reading has come to: " at byte 17"; empty: not known
};

// A field name from outside, fit for a message to people.
[[nodiscard]] std::string shown(std::string_view name);

}  // namespace tidemark::api::json
