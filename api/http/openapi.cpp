#include "api/http/openapi.hpp"

#include "api/http/answers.hpp"
#include "api/json/tables.hpp"
#include "events/v1/rules.pb.h"

#include <boost/json.hpp>

#include <set>

namespace tidemark::api {
namespace {

namespace bj = boost::json;
using google::protobuf::Descriptor;

bj::string text(std::string_view from) {
    return bj::string(from.data(), from.size());
}

bj::object reference(std::string_view name) {
    return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

// Schemas of all messages that routes name, and of those within them.
class Schemas {
public:
    bj::object of(const Descriptor& descriptor) {
        if (seen_.insert(descriptor.name()).second) {
            all_[descriptor.name()] = bj::object{};  // a message may contain itself
            all_[descriptor.name()] = message(descriptor);
        }
        return reference(descriptor.name());
    }

    // In the order of their names.
    [[nodiscard]] bj::object take() const {
        bj::object sorted;
        for (const std::string& name : seen_) {
            sorted[name] = all_.at(name);
        }
        sorted["Money"] = bj::object{
            {"type", "object"},
            {"description", "Decimal text: a JSON number would pass through floating point. At most 10^15 minor units"},
            {"properties",
             {{"amount", {{"type", "string"}, {"pattern", "^-?[0-9]+(\\.[0-9]+)?$"}, {"examples", {"12.34"}}}},
              {"currency", {{"type", "string"}, {"description", "ISO 4217"}, {"examples", {"EUR"}}}}}},
            {"required", {"amount", "currency"}},
            {"additionalProperties", false}};
        sorted["Personal"] = bj::object{
            {"description", "A value that belongs to a person; {\"sealed\": true} when it cannot be read"},
            {"oneOf",
             bj::array{{{"type", "string"}},
                       {{"type", "object"}, {"properties", {{"sealed", {{"type", "boolean"}, {"const", true}}}}}}}}};
        return sorted;
    }

private:
    bj::object message(const Descriptor& descriptor) {
        bj::object properties;
        bj::array required;
        for (const json::Field& field : json::table_of(descriptor).fields) {
            const auto& rule = field.descriptor->options().GetExtension(v1::rule);
            properties[field.name] = property(field, rule);
            if (rule.required()) {
                required.emplace_back(text(field.name));
            }
        }
        bj::object schema{{"type", "object"}};
        if (!properties.empty()) {
            schema["properties"] = std::move(properties);
        }
        if (!required.empty()) {
            schema["required"] = std::move(required);
        }
        schema["additionalProperties"] = false;
        add_choices(descriptor, schema);
        return schema;
    }

    // At most one member of a oneof may be there.
    static void add_choices(const Descriptor& descriptor, bj::object& schema) {
        for (int i = 0; i < descriptor.real_oneof_decl_count(); ++i) {
            const auto& choice = *descriptor.oneof_decl(i);
            std::string names;
            for (int j = 0; j < choice.field_count(); ++j) {
                names += (names.empty() ? "" : ", ") + choice.field(j)->name();
            }
            schema["description"] = "At most one of: " + names;
        }
    }

    bj::object property(const json::Field& field, const v1::Rule& rule) {
        if (field.shape == json::Shape::map) {
            return {{"type", "object"}, {"additionalProperties", value(*field.map_value, rule)}};
        }
        bj::object schema = value(field, rule);
        if (!field.repeated) {
            return schema;
        }
        return {{"type", "array"},
                {"items", std::move(schema)},
                {"maxItems", rule.max_items() == 0 ? 1'000 : rule.max_items()}};
    }

    bj::object value(const json::Field& field, const v1::Rule& rule) {
        switch (field.shape) {
            case json::Shape::int32: return integer("int32", rule);
            case json::Shape::uint32: return integer("uint32", rule, true);
            case json::Shape::int64: return wide("int64", rule, false);
            case json::Shape::uint64: return wide("uint64", rule, true);
            case json::Shape::real: return {{"type", "number"}};
            case json::Shape::flag: return {{"type", "boolean"}};
            case json::Shape::text: return plain_text(rule);
            case json::Shape::bytes: return {{"type", "string"}, {"contentEncoding", "base64"}};
            case json::Shape::enumeration: return enumeration(*field.descriptor->enum_type());
            case json::Shape::date: return {{"type", "string"}, {"format", "date"}};
            case json::Shape::time: return {{"type", "string"}, {"format", "date-time"}};
            case json::Shape::money: return reference("Money");
            case json::Shape::personal: return reference("Personal");
            case json::Shape::message: return of(*field.descriptor->message_type());
            case json::Shape::map: break;
        }
        return {};
    }

    static bj::object integer(std::string_view format, const v1::Rule& rule, bool natural = false) {
        bj::object schema{{"type", "integer"}, {"format", text(format)}};
        if (rule.has_min() || natural) {
            schema["minimum"] = rule.has_min() ? rule.min() : 0;
        }
        if (rule.has_max()) {
            schema["maximum"] = rule.max();
        }
        return schema;
    }

    // Beyond 2^53 it is decimal text.
    static bj::object wide(std::string_view format, const v1::Rule& rule, bool natural) {
        bj::object schema = integer(format, rule, natural);
        schema["type"] = bj::array{"integer", "string"};
        return schema;
    }

    static bj::object plain_text(const v1::Rule& rule) {
        bj::object schema{{"type", "string"}};
        schema["maxLength"] = rule.max_chars() == 0 ? 4'000 : rule.max_chars();
        switch (rule.format()) {
            case v1::FORMAT_ID:
                schema["pattern"] = "^[A-Za-z0-9._:-]{1,64}$";
                schema["maxLength"] = 64;
                break;
            case v1::FORMAT_EMAIL: schema["format"] = "email"; break;
            case v1::FORMAT_PHONE: schema["description"] = "E.164 or national"; break;
            case v1::FORMAT_CURRENCY:
                schema["description"] = "ISO 4217";
                schema["maxLength"] = 3;
                break;
            default: break;
        }
        return schema;
    }

    static bj::object enumeration(const google::protobuf::EnumDescriptor& type) {
        bj::array names;
        for (int i = 0; i < type.value_count(); ++i) {
            const std::string& name = type.value(i)->name();
            if (!name.ends_with("UNSPECIFIED")) {
                names.emplace_back(name);
            }
        }
        return {{"type", "string"}, {"enum", std::move(names)}};
    }

    std::set<std::string> seen_;
    std::map<std::string, bj::object> all_;
};

bj::object schema_of(const Param& param) {
    switch (param.kind) {
        case Kind::integer: return {{"type", "integer"}, {"minimum", 0}};
        case Kind::flag: return {{"type", "boolean"}};
        case Kind::time: return {{"type", "string"}, {"description", "RFC 3339, or a date"}};
        case Kind::date: return {{"type", "string"}, {"format", "date"}};
        case Kind::id: return {{"type", "string"}, {"pattern", "^[A-Za-z0-9._:-]{1,64}$"}};
        case Kind::choice: {
            bj::array names(param.choices.begin(), param.choices.end());
            return {{"type", "string"}, {"enum", std::move(names)}};
        }
        case Kind::text: break;
    }
    return {{"type", "string"}};
}

bj::object parameter(const Param& param) {
    static constexpr std::string_view places[] = {"path", "query", "header"};
    bj::object out{{"name", param.name}, {"in", text(places[static_cast<std::size_t>(param.in)])}};
    if (!param.about.empty()) {
        out["description"] = param.about;
    }
    if (param.required || param.in == In::path) {
        out["required"] = true;
    }
    out["schema"] = schema_of(param);
    return out;
}

// Headers are much the same everywhere: said once, and referred to where they are the same.
bj::value shared_parameter(const Param& param, bj::object& shared) {
    const bj::object whole = parameter(param);
    if (param.in != In::header) {
        return whole;
    }
    auto& known = shared[param.name];
    if (known.is_null()) {
        known = whole;
    }
    if (known == bj::value(whole)) {
        return bj::object{{"$ref", "#/components/parameters/" + param.name}};
    }
    return whole;
}

bj::array parameters(const Route& route, bj::object& shared) {
    bj::array out;
    for (const std::string& segment : split_path(route.pattern)) {
        if (segment.starts_with('{')) {
            out.push_back(parameter({segment.substr(1, segment.size() - 2), In::path, Kind::id, "", {}, true}));
        }
    }
    for (const Param& param : route.params) {
        out.push_back(shared_parameter(param, shared));
    }
    return out;
}

bj::object content(const std::vector<std::string>& types, const Descriptor* message, Schemas& schemas) {
    bj::object out;
    for (const std::string& type : types) {
        if (message == nullptr) {
            out[type] = {{"schema", {{"type", type == json_type ? "object" : "string"}}}};
        } else if (type == protobuf_type || type == delimited_type) {
            out[type] = {{"schema", {{"type", "string"}, {"format", "binary"}, {"description", message->full_name()}}}};
        } else {
            out[type] = {{"schema", schemas.of(*message)}};
        }
    }
    return out;
}

bj::object responses(const Route& route, Schemas& schemas) {
    bj::object out;
    const bj::object body{{"description", "Done"}, {"content", content(route.response_types, route.response, schemas)}};
    out["200"] = body;
    if (route.method == "POST" && !route.streams) {
        out["201"] = bj::object{{"description", "Done; it exists from now on"},
                                {"content", content(route.response_types, route.response, schemas)}};
    }
    std::set<unsigned> statuses(route.problems.begin(), route.problems.end());
    statuses.insert({400, 421, 431, 503});
    if (route.method == "POST") {
        statuses.insert({403, 415});
    }
    if (route.request != nullptr && !route.streams) {
        statuses.insert(413);
    }
    for (const unsigned status : statuses) {
        out[std::to_string(status)] = bj::object{{"$ref", "#/components/responses/Problem"}};
    }
    for (const unsigned status : route.other_responses) {
        out[std::to_string(status)] = bj::object{{"description", "Not so; the body says why"},
                                                 {"content", content(route.response_types, route.response, schemas)}};
    }
    return out;
}

bj::object operation(const Route& route, Schemas& schemas, bj::object& shared) {
    bj::object out{{"operationId", route.id()}, {"tags", bj::array{text(route.group)}}, {"summary", route.summary}};
    if (auto all = parameters(route, shared); !all.empty()) {
        out["parameters"] = std::move(all);
    }
    if (route.request != nullptr) {
        out["requestBody"] = bj::object{{"content", content(route.request_types, route.request, schemas)}};
    }
    out["responses"] = responses(route, schemas);
    return out;
}

void indent(const bj::value& value, std::size_t depth, std::string& out) {
    const std::string blanks(2 * depth + 2, ' ');
    const auto close = [&](char bracket) { (out += '\n') += blanks.substr(2) + bracket; };
    if (value.is_object() && !value.get_object().empty()) {
        char before = '{';
        for (const auto& [key, inner] : value.get_object()) {
            ((out += before) += '\n') += blanks + bj::serialize(bj::string(key)) + ": ";
            indent(inner, depth + 1, out);
            before = ',';
        }
        close('}');
    } else if (value.is_array() && !value.get_array().empty() && value.get_array().front().is_structured()) {
        char before = '[';
        for (const auto& inner : value.get_array()) {
            ((out += before) += '\n') += blanks;
            indent(inner, depth + 1, out);
            before = ',';
        }
        close(']');
    } else {
        out += bj::serialize(value);
    }
}

}  // namespace

std::string openapi_document(const Routes& routes) {
    Schemas schemas;
    bj::object paths;
    bj::object shared;
    for (const Route& route : routes.all()) {
        std::string method = route.method;
        for (char& c : method) {
            c = static_cast<char>(c | 0x20);
        }
        auto& path = paths[route.pattern];
        if (path.is_null()) {
            path = bj::object{};
        }
        path.get_object()[method] = operation(route, schemas, shared);
    }
    const bj::object problem_content = content({std::string(problem_type)}, v1::Problem::descriptor(), schemas);
    const bj::object document{
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "Tidemark"},
          {"version", "1"},
          {"description",
           "An event-sourced CRM. Errors are application/problem+json (RFC 9457); every one has a code, and "
           "the field at fault if one is. A path that there is not answers 404, a method that a path does not take "
           "405. What is not said is not written: empty texts and lists, "
           "zero dates and times are left out."}}},
        {"paths", std::move(paths)},
        {"components",
         {{"parameters", std::move(shared)},
          {"responses", {{"Problem", {{"description", "Why it was not done"}, {"content", problem_content}}}}},
          {"schemas", schemas.take()}}}};
    std::string out;
    indent(document, 0, out);
    return out + '\n';
}

}  // namespace tidemark::api
