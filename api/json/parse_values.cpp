// Single values: texts, numbers, names, dates, money.
#include "api/json/parser_impl.hpp"
#include "events/money.hpp"
#include "events/time.hpp"

#include <openssl/evp.h>

#include <charconv>
#include <limits>

namespace tidemark::api::json {
namespace {

std::string_view trimmed(std::string_view token) {
    while (!token.empty() &&
           (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t')) {
        token.remove_suffix(1);
    }
    return token;
}

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
        if (name != "amount" && name != "currency") {
            return unknown(name, "money has no field \"" + shown(name) + "\"; it has amount and currency");
        }
        path.push_back({name == "amount" ? "amount" : "currency", -1});
        bool& seen = name == "amount" ? has_amount : has_currency;
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

}  // namespace tidemark::api::json
