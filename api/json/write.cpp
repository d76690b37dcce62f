#include "api/json/write.hpp"

#include "api/json/tables.hpp"
#include "events/money.hpp"
#include "events/time.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cmath>

namespace tidemark::api::json {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::int64_t exact_in_a_double = std::int64_t{1} << 53;

template <class Number>
void write_number(Number value, std::string& out) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

void write_int64(std::int64_t value, std::string& out) {
    const bool plain = value >= -exact_in_a_double && value <= exact_in_a_double;
    out += plain ? "" : "\"";
    write_number(value, out);
    out += plain ? "" : "\"";
}

void write_uint64(std::uint64_t value, std::string& out) {
    const bool plain = value <= static_cast<std::uint64_t>(exact_in_a_double);
    out += plain ? "" : "\"";
    write_number(value, out);
    out += plain ? "" : "\"";
}

void write_bytes(const std::string& bytes, std::string& out) {
    std::string encoded((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    encoded.resize(static_cast<std::size_t>(size));
    out += '"';
    out += encoded;
    out += '"';
}

// Amounts are decimal text: a JSON number would pass through other programs' floating point, and minor
// units would need every reader to know each currency's decimals.
void write_money(const v1::Money& money, std::string& out) {
    out += "{\"amount\":\"";
    if (events::minor_digits(money.currency())) {
        out += events::format_minor(money.minor(), money.currency());
    } else {
        write_number(money.minor(), out);  // no currency: a zero of any
    }
    out += '"';
    if (!money.currency().empty()) {
        out += ",\"currency\":";
        write_text(money.currency(), out);
    }
    out += '}';
}

void write_personal(const v1::Personal& personal, std::string& out) {
    if (personal.has_sealed()) {
        out += "{\"sealed\":true}";
    } else {
        write_text(personal.clear(), out);
    }
}

void write_message(const Message& message, const Table& table, std::string& out, bool document);

// Reads one value, of a single field or of an element of a repeated one.
struct Reader {
    const Message& message;
    const Reflection& reflection;
    const Field& field;
    int index;  // -1: not repeated

    // NOLINTBEGIN(bugprone-macro-parentheses)
#define TIDEMARK_READ(name, Type)                                                          \
    [[nodiscard]] Type name() const {                                                      \
        return index < 0 ? reflection.Get##name(message, field.descriptor)                 \
                         : reflection.GetRepeated##name(message, field.descriptor, index); \
    }
    // NOLINTEND(bugprone-macro-parentheses)
    TIDEMARK_READ(Int32, std::int32_t)
    TIDEMARK_READ(Int64, std::int64_t)
    TIDEMARK_READ(UInt32, std::uint32_t)
    TIDEMARK_READ(UInt64, std::uint64_t)
    TIDEMARK_READ(Bool, bool)
    TIDEMARK_READ(EnumValue, int)
#undef TIDEMARK_READ

    [[nodiscard]] double real() const {
        const bool narrow = field.descriptor->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_FLOAT;
        if (index < 0) {
            return narrow ? static_cast<double>(reflection.GetFloat(message, field.descriptor))
                          : reflection.GetDouble(message, field.descriptor);
        }
        return narrow ? static_cast<double>(reflection.GetRepeatedFloat(message, field.descriptor, index))
                      : reflection.GetRepeatedDouble(message, field.descriptor, index);
    }
    [[nodiscard]] const std::string& text(std::string& scratch) const {
        return index < 0 ? reflection.GetStringReference(message, field.descriptor, &scratch)
                         : reflection.GetRepeatedStringReference(message, field.descriptor, index, &scratch);
    }
    [[nodiscard]] const Message& nested() const {
        return index < 0 ? reflection.GetMessage(message, field.descriptor)
                         : reflection.GetRepeatedMessage(message, field.descriptor, index);
    }
};

void write_enum(const Reader& reader, std::string& out) {
    const int number = reader.EnumValue();
    const auto* value = reader.field.descriptor->enum_type()->FindValueByNumber(number);
    if (value == nullptr) {
        write_number(number, out);  // of a newer schema: told as it is
        return;
    }
    out += '"';
    out += value->name();
    out += '"';
}

void write_real(double value, std::string& out) {
    if (std::isfinite(value)) {
        write_number(value, out);
    } else {
        out += "null";
    }
}

void write_quoted(const std::string& plain, std::string& out) {
    out += '"';
    out += plain;
    out += '"';
}

void write_value(const Reader& reader, std::string& out) {
    std::string scratch;
    switch (reader.field.shape) {
        case Shape::int32: write_number(reader.Int32(), out); return;
        case Shape::int64: write_int64(reader.Int64(), out); return;
        case Shape::uint32: write_number(reader.UInt32(), out); return;
        case Shape::uint64: write_uint64(reader.UInt64(), out); return;
        case Shape::real: write_real(reader.real(), out); return;
        case Shape::flag: out += reader.Bool() ? "true" : "false"; return;
        case Shape::text: write_text(reader.text(scratch), out); return;
        case Shape::bytes: write_bytes(reader.text(scratch), out); return;
        case Shape::enumeration: write_enum(reader, out); return;
        case Shape::date: write_quoted(events::format_date(reader.Int32()), out); return;
        case Shape::time: write_quoted(events::format_time(reader.Int64()), out); return;
        case Shape::money: write_money(static_cast<const v1::Money&>(reader.nested()), out); return;
        case Shape::personal: write_personal(static_cast<const v1::Personal&>(reader.nested()), out); return;
        case Shape::message:
        case Shape::map: write_message(reader.nested(), *reader.field.table, out, false); return;
    }
}

bool said(const Message& message, const Reflection& reflection, const Field& field) {
    if (field.repeated) {
        return reflection.FieldSize(message, field.descriptor) > 0;
    }
    if (field.descriptor->has_presence()) {
        return reflection.HasField(message, field.descriptor);
    }
    switch (field.shape) {
        case Shape::enumeration: return field.zero_says || reflection.HasField(message, field.descriptor);
        case Shape::text:
        case Shape::bytes:
        case Shape::date:
        case Shape::time: return reflection.HasField(message, field.descriptor);  // not the default
        default: return true;
    }
}

void write_map(const Message& message, const Reflection& reflection, const Field& field, std::string& out) {
    out += '{';
    const int size = reflection.FieldSize(message, field.descriptor);
    for (int i = 0; i < size; ++i) {
        const Message& entry = reflection.GetRepeatedMessage(message, field.descriptor, i);
        const Reflection& entry_reflection = *entry.GetReflection();
        std::string key;
        write_value({entry, entry_reflection, *field.table->find("key"), -1}, key);
        out += i == 0 ? "" : ",";
        out += key.starts_with('"') ? key : '"' + key + '"';
        out += ':';
        write_value({entry, entry_reflection, *field.map_value, -1}, out);
    }
    out += '}';
}

void write_field(const Message& message, const Reflection& reflection, const Field& field, std::string& out) {
    if (field.shape == Shape::map) {
        write_map(message, reflection, field, out);
        return;
    }
    if (!field.repeated) {
        write_value({message, reflection, field, -1}, out);
        return;
    }
    out += '[';
    const int size = reflection.FieldSize(message, field.descriptor);
    for (int i = 0; i < size; ++i) {
        out += i == 0 ? "" : ",";
        write_value({message, reflection, field, i}, out);
    }
    out += ']';
}

void write_message(const Message& message, const Table& table, std::string& out, bool document) {
    const Reflection& reflection = *message.GetReflection();
    out += '{';
    bool first = true;
    for (const Field& field : table.fields) {
        const bool list = document && field.repeated && field.shape == Shape::message;
        if (!list && !said(message, reflection, field)) {
            continue;
        }
        out += first ? "\"" : ",\"";
        first = false;
        out += field.name;
        out += "\":";
        write_field(message, reflection, field, out);
    }
    out += '}';
}

}  // namespace

void write(const Message& message, std::string& out) {
    if (message.GetDescriptor() == v1::Money::descriptor()) {
        write_money(static_cast<const v1::Money&>(message), out);
        return;
    }
    write_message(message, table_of(*message.GetDescriptor()), out, true);
}

std::string text_of(const Message& message) {
    std::string out;
    write(message, out);
    return out;
}

void write_text(std::string_view text, std::string& out) {
    static constexpr char digits[] = "0123456789abcdef";
    out += '"';
    std::size_t plain = 0;  // start of the run that needs no escape
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        out.append(text, plain, i - plain);
        plain = i + 1;
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                out += "\\u00";
                out += digits[c >> 4];
                out += digits[c & 15];
        }
    }
    out.append(text, plain);
    out += '"';
}

}  // namespace tidemark::api::json
