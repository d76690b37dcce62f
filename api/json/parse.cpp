// On simdjson's on-demand reader: a value is decoded straight into the message, and whatever is wrong
// is known where it stands.
#include "api/json/parse.hpp"

#include "api/json/tables.hpp"
#include "events/money.hpp"
#include "events/time.hpp"

#include <openssl/evp.h>
#include <simdjson.h>

#include <charconv>
#include <limits>
#include <vector>

namespace tidemark::api::json {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;
using simdjson::ondemand::json_type;
using simdjson::ondemand::object;
using simdjson::ondemand::value;

constexpr std::size_t max_depth = 32;

// Stands for bytes that are no UTF-8 while the text is read again to find out where they are: a code
// point that Unicode keeps free of meaning, so that no honest text holds it (U+FDD0).
constexpr std::string_view bad_utf8_mark = "\xEF\xB7\x90";

struct Step {
    std::string_view name;
    int index = -1;  // in a list
};

// Length of the well-formed UTF-8 sequence at the front (RFC 3629); 0: it is none.
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low, unsigned high) {
        return i < text.size() && at(i) >= low && at(i) <= high;
    };
    const unsigned lead = at(0);
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return follows(1, 0x80, 0xBF) ? 2 : 0;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
    }
    return 0;
}

std::string mark_bad_utf8(std::string_view text) {
    std::string marked;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        marked += length == 0 ? bad_utf8_mark : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return marked;
}

std::string_view trimmed(std::string_view token) {
    while (!token.empty() &&
           (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t')) {
        token.remove_suffix(1);
    }
    return token;
}

// A field name from outside, fit for a message to people.
std::string shown(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, 40)) {
        out += static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' ? '?' : c;
    }
    while (!out.empty() && utf8_length(out) != 0 && name.size() > 40 &&
           (static_cast<unsigned char>(out.back()) & 0x80) != 0) {
        out.pop_back();  // no half a character at the cut
    }
    return out;
}

}  // namespace

struct Parser::Impl {
    simdjson::ondemand::parser parser;
    std::string buffer;  // with simdjson's padding
    std::vector<Step> path;
    Fault fault;
    bool marked = false;  // the text holds bad_utf8_mark in place of bad bytes

    // Each returns false after it has set `fault`.
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
    bool wrong_type(value& in, std::string_view expected);
    bool broken(simdjson::error_code error);
};

namespace {

// Sets a single field or adds to a repeated one.
#define TIDEMARK_SETTER(name, Type)                              \
    void set_##name(Message& into, const Field& field, Type v) { \
        const Reflection& reflection = *into.GetReflection();    \
        if (field.repeated) {                                    \
            reflection.Add##name(&into, field.descriptor, v);    \
        } else {                                                 \
            reflection.Set##name(&into, field.descriptor, v);    \
        }                                                        \
    }
TIDEMARK_SETTER(Int32, std::int32_t)
TIDEMARK_SETTER(Int64, std::int64_t)
TIDEMARK_SETTER(UInt32, std::uint32_t)
TIDEMARK_SETTER(UInt64, std::uint64_t)
TIDEMARK_SETTER(Bool, bool)
TIDEMARK_SETTER(EnumValue, int)
TIDEMARK_SETTER(String, std::string)
#undef TIDEMARK_SETTER

Message& nested(Message& into, const Field& field) {
    const Reflection& reflection = *into.GetReflection();
    return field.repeated ? *reflection.AddMessage(&into, field.descriptor)
                          : *reflection.MutableMessage(&into, field.descriptor);
}

}  // namespace

bool Parser::Impl::fail(std::string code, std::string detail) {
    fault.code = std::move(code);
    fault.detail = std::move(detail);
    fault.field.clear();
    for (const Step& step : path) {
        if (!step.name.empty()) {
            fault.field += fault.field.empty() ? "" : ".";
            fault.field += step.name;
        }
        if (step.index >= 0) {
            fault.field += '[' + std::to_string(step.index) + ']';
        }
    }
    return false;
}

bool Parser::Impl::broken(simdjson::error_code error) {
    switch (error) {
        case simdjson::UTF8_ERROR: return fail("BadUtf8", "text is UTF-8");
        case simdjson::STRING_ERROR: return fail("BadUtf8", "a text has a broken escape, or half a surrogate pair");
        case simdjson::DEPTH_ERROR: return fail("TooDeep", "nested too deeply");
        case simdjson::CAPACITY: return fail("NotJson", "the text is too long");
        default: return fail("NotJson", std::string("this is not JSON: ") + simdjson::error_message(error));
    }
}

bool Parser::Impl::wrong_type(value& in, std::string_view expected) {
    json_type type{};
    if (const auto error = in.type().get(type)) {
        return broken(error);
    }
    const char* found = "something else";
    switch (type) {
        case json_type::array: found = "a list"; break;
        case json_type::object: found = "an object"; break;
        case json_type::number: found = "a number"; break;
        case json_type::string: found = "a text"; break;
        case json_type::boolean: found = "true or false"; break;
        case json_type::null: found = "null"; break;
    }
    return fail("WrongType", "expected " + std::string(expected) + ", found " + found);
}

bool Parser::Impl::read_text(value in, std::string_view& out, std::string_view expected) {
    const auto error = in.get_string().get(out);
    if (error == simdjson::INCORRECT_TYPE) {
        return wrong_type(in, expected);
    }
    if (error != simdjson::SUCCESS) {
        return broken(error);
    }
    if (marked && out.find(bad_utf8_mark) != std::string_view::npos) {
        return fail("BadUtf8", "text is UTF-8");
    }
    return true;
}

template <class Integer>
bool Parser::Impl::read_integer(value in, Integer& out) {
    json_type type{};
    if (const auto error = in.type().get(type)) {
        return broken(error);
    }
    std::string_view digits;
    if (type == json_type::string && sizeof(Integer) == 8) {
        if (!read_text(in, digits, "a whole number")) {
            return false;
        }
    } else if (type == json_type::number) {
        digits = trimmed(in.raw_json_token());
    } else {
        return wrong_type(in, "a whole number");
    }
    const std::string range = "a whole number from " + std::to_string(std::numeric_limits<Integer>::min()) + " to " +
                              std::to_string(std::numeric_limits<Integer>::max());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    const bool whole = end == digits.data() + digits.size();
    const bool unsigned_and_negative = std::is_unsigned_v<Integer> && digits.starts_with('-');
    if ((whole && error == std::errc::result_out_of_range) || unsigned_and_negative) {
        return fail("OutOfRange", "expected " + range);
    }
    const std::string_view magnitude = digits.starts_with('-') ? digits.substr(1) : digits;
    if (error != std::errc{} || !whole || (magnitude.size() > 1 && magnitude.front() == '0')) {
        return fail("WrongType", "expected " + range + ", without fraction or exponent");
    }
    return true;
}

bool Parser::Impl::read_real(value in, Message& into, const Field& field) {
    double number = 0;
    if (const auto error = in.get_double().get(number); error == simdjson::INCORRECT_TYPE) {
        return wrong_type(in, "a number");
    } else if (error != simdjson::SUCCESS) {
        return fail("OutOfRange", "expected a number that a double can hold");
    }
    const Reflection& reflection = *into.GetReflection();
    if (field.descriptor->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_FLOAT) {
        const auto narrow = static_cast<float>(number);
        field.repeated ? reflection.AddFloat(&into, field.descriptor, narrow)
                       : reflection.SetFloat(&into, field.descriptor, narrow);
    } else {
        field.repeated ? reflection.AddDouble(&into, field.descriptor, number)
                       : reflection.SetDouble(&into, field.descriptor, number);
    }
    return true;
}

bool Parser::Impl::read_enum(value in, Message& into, const Field& field) {
    std::string_view name;
    if (!read_text(in, name, "a name in capitals")) {
        return false;
    }
    const auto& type = *field.descriptor->enum_type();
    if (const auto* known = type.FindValueByName(std::string(name))) {
        set_EnumValue(into, field, known->number());
        return true;
    }
    std::string all;
    for (int i = 0; i < type.value_count(); ++i) {
        if (type.value(i)->number() != 0) {
            all += (all.empty() ? "" : ", ") + type.value(i)->name();
        }
    }
    return fail("UnknownValue", "expected one of " + all);
}

bool Parser::Impl::read_bytes(value in, Message& into, const Field& field) {
    std::string_view text;
    if (!read_text(in, text, "base64")) {
        return false;
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = text.size() % 4 != 0 ? -1
                                          : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                                            reinterpret_cast<const unsigned char*>(text.data()),
                                                            static_cast<int>(text.size()));
    if (size < 0) {
        return fail("BadFormat", "expected base64 (RFC 4648, with padding)");
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    set_String(into, field, std::move(bytes));
    return true;
}

// {"amount": "12.34", "currency": "EUR"}: decimal text, because a JSON number would be read as a double
// by many programs, and 12.34 is none.
bool Parser::Impl::read_money(value in, v1::Money& into) {
    object parts;
    if (const auto error = in.get_object().get(parts); error == simdjson::INCORRECT_TYPE) {
        return wrong_type(in, "money as {\"amount\": \"12.34\", \"currency\": \"EUR\"}");
    } else if (error != simdjson::SUCCESS) {
        return broken(error);
    }
    std::string amount;
    bool has_amount = false;
    bool has_currency = false;
    for (auto part : parts) {
        std::string_view name;
        value inner;
        if (const auto error = part.unescaped_key().get(name)) {
            return broken(error);
        }
        if (const auto error = part.value().get(inner)) {
            return broken(error);
        }
        path.push_back({name == "amount" ? "amount" : name == "currency" ? "currency" : "", -1});
        bool& seen = name == "amount" ? has_amount : has_currency;
        if (path.back().name.empty()) {
            return fail("UnknownField", "money has no field \"" + shown(name) + "\"; it has amount and currency");
        }
        if (seen) {
            return fail("DuplicateField", "the field is there twice");
        }
        seen = true;
        std::string_view text;
        if (!read_text(inner, text, name == "amount" ? "decimal text, \"12.34\"" : "an ISO 4217 code")) {
            return false;
        }
        name == "amount" ? void(amount = text) : into.set_currency(std::string(text));
        path.pop_back();
    }
    if (!has_amount || !has_currency) {
        return fail("Required", has_amount ? "money needs a currency" : "money needs an amount");
    }
    if (!events::minor_digits(into.currency())) {
        path.push_back({"currency", -1});
        return fail("UnknownCurrency", "expected an ISO 4217 code such as EUR");
    }
    const auto minor = events::parse_minor(amount, into.currency());
    if (!minor) {
        path.push_back({"amount", -1});
        return fail("BadFormat", "expected decimal text with at most " +
                                     std::to_string(*events::minor_digits(into.currency())) +
                                     " decimals for this currency, such as \"12\" or \"-0.5\"");
    }
    into.set_minor(*minor);
    return true;
}

bool Parser::Impl::read_value(value in, Message& into, const Field& field) {
    std::string_view text;
    switch (field.shape) {
        case Shape::int32: {
            std::int32_t number = 0;
            return read_integer(in, number) && (set_Int32(into, field, number), true);
        }
        case Shape::int64: {
            std::int64_t number = 0;
            return read_integer(in, number) && (set_Int64(into, field, number), true);
        }
        case Shape::uint32: {
            std::uint32_t number = 0;
            return read_integer(in, number) && (set_UInt32(into, field, number), true);
        }
        case Shape::uint64: {
            std::uint64_t number = 0;
            return read_integer(in, number) && (set_UInt64(into, field, number), true);
        }
        case Shape::real: return read_real(in, into, field);
        case Shape::flag: {
            bool flag = false;
            if (in.get_bool().get(flag) != simdjson::SUCCESS) {
                return wrong_type(in, "true or false");
            }
            return set_Bool(into, field, flag), true;
        }
        case Shape::text: return read_text(in, text, "a text") && (set_String(into, field, std::string(text)), true);
        case Shape::bytes: return read_bytes(in, into, field);
        case Shape::enumeration: return read_enum(in, into, field);
        case Shape::date: {
            if (!read_text(in, text, "a date as text, \"2026-01-31\"")) {
                return false;
            }
            const auto days = events::parse_date(text);
            return days ? (set_Int32(into, field, *days), true)
                        : fail("BadFormat", "expected a date as \"2026-01-31\" (ISO 8601)");
        }
        case Shape::time: {
            if (!read_text(in, text, "a time as text, \"2026-01-31T09:30:00Z\"")) {
                return false;
            }
            const auto micros = events::parse_time(text);
            return micros
                       ? (set_Int64(into, field, *micros), true)
                       : fail("BadFormat", "expected a time as \"2026-01-31T09:30:00Z\" (RFC 3339, up to 6 decimals)");
        }
        case Shape::money: return read_money(in, static_cast<v1::Money&>(nested(into, field)));
        case Shape::personal: {
            if (!read_text(in, text, "a text")) {
                return false;
            }
            static_cast<v1::Personal&>(nested(into, field)).set_clear(std::string(text));
            return true;
        }
        case Shape::message: {
            object inner;
            if (const auto error = in.get_object().get(inner); error == simdjson::INCORRECT_TYPE) {
                return wrong_type(in, "an object");
            } else if (error != simdjson::SUCCESS) {
                return broken(error);
            }
            return read_object(inner, nested(into, field), *field.table);
        }
        case Shape::map: return fail("WrongType", "a list of maps is not in our messages");
    }
    return false;
}

bool Parser::Impl::read_map(value in, Message& into, const Field& field) {
    object entries;
    if (const auto error = in.get_object().get(entries); error == simdjson::INCORRECT_TYPE) {
        return wrong_type(in, "an object");
    } else if (error != simdjson::SUCCESS) {
        return broken(error);
    }
    if (field.table->find("key")->shape != Shape::text) {
        return fail("WrongType", "only maps with text keys are read");
    }
    for (auto entry : entries) {
        std::string_view key;
        value inner;
        if (const auto error = entry.unescaped_key().get(key)) {
            return broken(error);
        }
        Message& row = *into.GetReflection()->AddMessage(&into, field.descriptor);
        set_String(row, *field.table->find("key"), std::string(key));
        if (const auto error = entry.value().get(inner)) {
            return broken(error);
        }
        if (!read_value(inner, row, *field.map_value)) {
            return false;
        }
    }
    return true;
}

bool Parser::Impl::read_list(value in, Message& into, const Field& field) {
    simdjson::ondemand::array list;
    if (const auto error = in.get_array().get(list); error == simdjson::INCORRECT_TYPE) {
        return wrong_type(in, "a list");
    } else if (error != simdjson::SUCCESS) {
        return broken(error);
    }
    int index = 0;
    for (auto element : list) {
        path.back().index = index++;
        value inner;
        if (const auto error = element.get(inner)) {
            return broken(error);
        }
        if (!read_value(inner, into, field)) {
            return false;
        }
    }
    path.back().index = -1;
    return true;
}

bool Parser::Impl::read_field(value in, Message& into, const Field& field) {
    json_type type{};
    if (const auto error = in.type().get(type)) {
        return broken(error);
    }
    if (type == json_type::null) {
        bool is_null = false;
        const bool read = in.is_null().get(is_null) == simdjson::SUCCESS;
        return (read && is_null) || fail("NotJson", "this is not JSON: a word begins like null and is not");
    }
    const Reflection& reflection = *into.GetReflection();
    if (const auto* choice = field.descriptor->real_containing_oneof();
        choice != nullptr && reflection.HasOneof(into, choice)) {
        const auto* other = reflection.GetOneofFieldDescriptor(into, choice);
        return fail("OneOf", "only one of these may be there: " + other->name() + ", " + field.descriptor->name());
    }
    if (field.shape == Shape::map) {
        return read_map(in, into, field);
    }
    return field.repeated ? read_list(in, into, field) : read_value(in, into, field);
}

bool Parser::Impl::read_object(object& in, Message& into, const Table& table) {
    if (path.size() >= max_depth) {
        return fail("TooDeep", "nested more than " + std::to_string(max_depth) + " deep");
    }
    std::vector<bool> seen(table.fields.size());
    for (auto entry : in) {
        std::string_view name;
        value inner;
        if (const auto error = entry.unescaped_key().get(name)) {
            return broken(error);
        }
        const Field* field = table.find(name);
        if (field == nullptr) {
            if (marked && name.find(bad_utf8_mark) != std::string_view::npos) {
                return fail("BadUtf8", "text is UTF-8");
            }
            const std::string_view near = table.nearest(name);
            return fail("UnknownField", "there is no field \"" + shown(name) + "\" here" +
                                            (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
        }
        path.push_back({field->name, -1});
        const auto place = static_cast<std::size_t>(field - table.fields.data());
        if (seen[place]) {
            return fail("DuplicateField", "the field is there twice");
        }
        seen[place] = true;
        if (const auto error = entry.value().get(inner)) {
            return broken(error);
        }
        if (!read_field(inner, into, *field)) {
            return false;
        }
        path.pop_back();
    }
    return true;
}

bool Parser::Impl::root(std::string_view text, Message& into) {
    path.clear();
    into.Clear();
    buffer.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    buffer.assign(text);
    simdjson::ondemand::document document;
    if (const auto error = parser.iterate(buffer).get(document)) {
        if (error == simdjson::UTF8_ERROR && !marked) {
            marked = true;
            const bool read = root(mark_bad_utf8(text), into);
            marked = false;
            return read ? fail("BadUtf8", "text is UTF-8") : false;
        }
        return broken(error);
    }
    object whole;
    if (const auto error = document.get_object().get(whole)) {
        json_type type{};
        const bool json = document.type().get(type) == simdjson::SUCCESS;
        return error == simdjson::INCORRECT_TYPE && json ? fail("WrongType", "expected an object")
               : json                                    ? broken(error)
                                                         : fail("NotJson", "this is not JSON: expected an object");
    }
    if (!read_object(whole, into, table_of(*into.GetDescriptor()))) {
        return false;
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
        return fail("NotJson", "there is something behind the object");
    }
    return true;
}

bool is_utf8(std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
}

Parser::Parser() : impl_(std::make_unique<Impl>()) {}
Parser::~Parser() = default;

std::expected<void, Fault> Parser::parse(std::string_view text, Message& into) {
    if (!impl_->root(text, into)) {
        return std::unexpected(impl_->fault);
    }
    return {};
}

}  // namespace tidemark::api::json
