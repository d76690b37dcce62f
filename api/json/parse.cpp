#include "api/json/parse.hpp"

#include "api/json/parser_impl.hpp"

#include <algorithm>
#include <optional>

namespace tidemark::api::json {
namespace {

constexpr std::size_t max_depth = 32;

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

// Where a text begins that has no end; nothing: none does.
std::optional<std::size_t> open_quote(std::string_view text) {
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') {
            open = open ? std::nullopt : std::optional(i);
        } else if (open && text[i] == '\\') {
            ++i;
        }
    }
    return open;
}

// " at byte 17 (line 2, column 5)". Bytes, not characters: they are what an editor and a program agree upon.
std::string at_byte(std::string_view text, std::size_t at) {
    at = std::min(at, text.size());
    const std::string_view before = text.substr(0, at);
    std::string said = " at byte " + std::to_string(at + 1);
    if (const auto line_end = before.rfind('\n'); line_end != std::string_view::npos) {
        said += " (line " + std::to_string(std::ranges::count(before, '\n') + 1) + ", column " +
                std::to_string(at - line_end) + ")";
    }
    return said;
}

}  // namespace

std::string shown(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, 40)) {
        out += static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' ? '?' : c;
    }
    while (name.size() > 40 && !out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0) {
        out.pop_back();  // no half a character at the cut
    }
    return out;
}

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

bool Parser::Impl::unknown(std::string_view name, std::string detail) {
    const std::string fit = shown(name);
    path.push_back({fit, -1});
    const bool read = fail("UnknownField", std::move(detail));
    path.pop_back();
    return read;
}

bool Parser::Impl::broken(simdjson::error_code error) {
    switch (error) {
        case simdjson::UTF8_ERROR: return fail("BadUtf8", "text is UTF-8");
        case simdjson::STRING_ERROR: return fail("BadUtf8", "a text has a broken escape, or half a surrogate pair");
        case simdjson::DEPTH_ERROR: return fail("TooDeep", "nested too deeply");
        case simdjson::CAPACITY: return fail("NotJson", "the text is too long");
        case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
            return fail("NotJson", "this is not JSON" + (marked ? std::string() : at_byte(buffer, buffer.size())) +
                                       ": it ends before what was begun is closed");
        default: return not_json(simdjson::error_message(error));
    }
}

bool Parser::Impl::not_json(std::string_view why) {
    return fail("NotJson", "this is not JSON" + where() + ": " + std::string(why));
}

std::string Parser::Impl::where() const {
    if (marked) return {};  // the marks are longer than what they stand for
    const char* place = nullptr;
    if (document == nullptr) {
        const auto open = open_quote(buffer);
        return open ? at_byte(buffer, *open) : std::string();
    }
    const bool inside = document->current_location().get(place) == simdjson::SUCCESS;
    return at_byte(buffer, inside ? static_cast<std::size_t>(place - buffer.data()) : buffer.size());
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
        row.GetReflection()->SetString(&row, field.table->find("key")->descriptor, std::string(key));
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
        return (read && is_null) || not_json("a word begins like null and is not");
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
            return unknown(name, "there is no field \"" + shown(name) + "\" here" +
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
    simdjson::ondemand::document whole_text;
    document = nullptr;
    if (const auto error = parser.iterate(buffer).get(whole_text)) {
        if (error == simdjson::UTF8_ERROR && !marked) {
            marked = true;
            const bool read = root(mark_bad_utf8(text), into);
            marked = false;
            return read ? fail("BadUtf8", "text is UTF-8") : false;
        }
        return broken(error);
    }
    document = &whole_text;
    object whole;
    if (const auto error = whole_text.get_object().get(whole)) {
        json_type type{};
        const bool json = whole_text.type().get(type) == simdjson::SUCCESS;
        return error == simdjson::INCORRECT_TYPE && json ? fail("WrongType", "expected an object")
               : json                                    ? broken(error)
                                                         : not_json("expected an object");
    }
    if (!read_object(whole, into, table_of(*into.GetDescriptor()))) {
        return false;
    }
    if (whole_text.current_location().error() != simdjson::OUT_OF_BOUNDS) {
        return not_json("there is something behind the object");
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
