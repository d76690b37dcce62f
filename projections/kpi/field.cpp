#include "projections/kpi/field.hpp"

#include <algorithm>

namespace tidemark::projections::kpi {

namespace pb = google::protobuf;

namespace {

std::expected<Field::Type, std::string> type_of(const pb::FieldDescriptor& field) {
    switch (field.cpp_type()) {
        case pb::FieldDescriptor::CPPTYPE_STRING: return Field::Type::text;
        case pb::FieldDescriptor::CPPTYPE_INT32: return Field::Type::date;  // if it is used as a time
        case pb::FieldDescriptor::CPPTYPE_INT64: return Field::Type::integer;
        case pb::FieldDescriptor::CPPTYPE_BOOL: return Field::Type::flag;
        case pb::FieldDescriptor::CPPTYPE_ENUM: return Field::Type::enumeration;
        case pb::FieldDescriptor::CPPTYPE_MESSAGE:
            if (field.message_type()->full_name() == "tidemark.v1.Money") return Field::Type::money;
            break;
        default: break;
    }
    return std::unexpected("field " + field.full_name() + " is of a type that cannot be measured");
}

}  // namespace

std::expected<Field::Chain, std::string> Field::chain_of(const pb::Descriptor& event, std::string_view path) {
    Chain chain;
    const pb::Descriptor* at = &event;
    while (!path.empty()) {
        const auto step = path.substr(0, path.find('.'));
        path.remove_prefix(std::min(path.size(), step.size() + 1));
        const auto* field = at == nullptr ? nullptr : at->FindFieldByName(std::string(step));
        if (field == nullptr || field->is_repeated())
            return std::unexpected("field " + std::string(step) + ": " +
                                   (at == nullptr ? "nothing is inside" : at->name()) +
                                   (field == nullptr ? " has no such field" : ": it is repeated"));
        chain.push_back({field, pb::MessageFactory::generated_factory()->GetPrototype(at)->GetReflection()});
        at = field->message_type();
    }
    return chain;
}

// The message that has the chain's last field.
const pb::Message& Field::holder(const pb::Message& message, const Chain& chain) {
    const pb::Message* at = &message;
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) at = &chain[i].reflection->GetMessage(*at, chain[i].field);
    return *at;
}

std::expected<Field, std::string> Field::compile(const pb::Descriptor& event, std::string_view path) {
    Field field;
    if (path.empty()) return field;
    if (path.starts_with("header.")) {
        const auto name = path.substr(7);
        field.type_ = Type::text;
        if (name == "actor") field.header_ = Header::actor;
        if (name == "on_behalf_of") field.header_ = Header::on_behalf_of;
        if (name == "kind") field.header_ = Header::kind;
        if (name == "event") field.header_ = Header::event;
        if (field.header_ == Header::no) return std::unexpected("header has no " + std::string(name));
        return field;
    }
    while (!path.empty()) {
        const auto one = path.substr(0, path.find('|'));
        path.remove_prefix(std::min(path.size(), one.size() + 1));
        auto chain = chain_of(event, one);
        if (!chain) return std::unexpected(chain.error());
        const auto type = type_of(*chain->back().field);
        if (!type) return std::unexpected(type.error());
        if (!field.chains_.empty() && *type != field.type_)
            return std::unexpected("field " + std::string(one) + " is of another type than its alternative");
        field.type_ = *type;
        field.chains_.push_back(std::move(*chain));
    }
    return field;
}

const Field::Chain& Field::chosen(const pb::Message& message) const {
    for (std::size_t i = 0; i + 1 < chains_.size(); ++i) {
        const auto& [field, reflection] = chains_[i].back();
        if (reflection->HasField(holder(message, chains_[i]), field)) return chains_[i];
    }
    return chains_.back();
}

std::string_view Field::header_text(const Event& event, const pb::Message& message) const {
    switch (header_) {
        case Header::actor: return event.header.actor;
        case Header::on_behalf_of: return event.header.on_behalf_of;
        case Header::kind: return event.header.stream_kind;
        case Header::event: return message.GetDescriptor()->name();
        case Header::no: break;
    }
    return {};
}

std::string_view Field::text(const Event& event, const pb::Message& message, std::string& scratch) const {
    if (header_ != Header::no) return header_text(event, message);
    if (chains_.empty()) return {};
    const auto& chain = chosen(message);
    const auto& in = holder(message, chain);
    const auto& [field, reflection] = chain.back();
    switch (type_) {
        case Type::none: return {};
        case Type::text: return reflection->GetStringReference(in, field, &scratch);
        case Type::enumeration: return reflection->GetEnum(in, field)->name();
        case Type::flag: return reflection->GetBool(in, field) ? "true" : "false";
        case Type::money: return static_cast<const v1::Money&>(reflection->GetMessage(in, field)).currency();
        case Type::integer:
        case Type::date: break;
    }
    scratch = std::to_string(integer(event, message));
    return scratch;
}

std::int64_t Field::integer(const Event& event, const pb::Message& message) const {
    if (header_ != Header::no) return header_text(event, message).empty() ? 0 : 1;
    if (chains_.empty()) return 0;
    const auto& chain = chosen(message);
    const auto& in = holder(message, chain);
    const auto& [field, reflection] = chain.back();
    switch (type_) {
        case Type::none: return 0;
        case Type::text: {
            std::string scratch;
            return reflection->GetStringReference(in, field, &scratch).empty() ? 0 : 1;
        }
        case Type::enumeration: return reflection->GetEnumValue(in, field);
        case Type::flag: return reflection->GetBool(in, field) ? 1 : 0;
        case Type::integer: return reflection->GetInt64(in, field);
        case Type::date: return reflection->GetInt32(in, field);
        case Type::money: return static_cast<const v1::Money&>(reflection->GetMessage(in, field)).minor();
    }
    return 0;
}

}  // namespace tidemark::projections::kpi
