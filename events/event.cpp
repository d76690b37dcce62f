#include "events/event.hpp"

#include "events/upcast.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tidemark::events {
namespace {

// What there is to know about a stream kind; one line each.
struct Kind {
    std::string_view name;
    std::uint16_t schema_version;
    const google::protobuf::Descriptor* (*descriptor)();
};

constexpr Kind kinds[] = {
    {"customer", 2, &v1::CustomerEvent::descriptor}, {"product", 1, &v1::ProductEvent::descriptor},
    {"pipeline", 1, &v1::PipelineEvent::descriptor}, {"sale", 1, &v1::SaleEvent::descriptor},
    {"delivery", 1, &v1::DeliveryEvent::descriptor},
};

const Kind* find_kind(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& kind) { return kind.name == name; });
    return found == std::end(kinds) ? nullptr : found;
}

std::unexpected<DecodeError> refused(const RecordHeader& header, std::string_view what) {
    return std::unexpected(DecodeError{"record " + std::to_string(header.partition) + "/" +
                                       std::to_string(header.sequence) + " of a " + std::string(header.stream_kind) +
                                       ": " + std::string(what)});
}

template <class Message>
std::expected<void, DecodeError> parse(const RecordView& record, Message& into) {
    if (!into.ParseFromArray(record.payload.data(), static_cast<int>(record.payload.size()))) {
        return refused(record.header, "its payload does not parse as " + Message::descriptor()->full_name());
    }
    return {};
}

std::expected<void, DecodeError> known_version(const RecordHeader& header) {
    const Kind* kind = find_kind(header.stream_kind);
    if (kind == nullptr) return refused(header, "no such kind of stream is known");
    if (header.schema_version == 0 || header.schema_version > kind->schema_version) {
        return refused(header, "schema version " + std::to_string(header.schema_version) + ", known up to " +
                                   std::to_string(kind->schema_version));
    }
    return {};
}

template <class Message>
std::expected<Payload, DecodeError> decoded(const RecordView& record) {
    Payload payload(std::in_place_type<Message>);
    auto done = [&] {
        if constexpr (requires(Message& event) { event.event_case(); }) {
            return decode_event(record, std::get<Message>(payload));
        } else {
            return parse(record, std::get<Message>(payload));
        }
    }();
    if (!done) return std::unexpected(done.error());
    return payload;
}

}  // namespace

template <class E>
std::expected<void, DecodeError> decode_event(const RecordView& record, E& into) {
    const RecordHeader& header = record.header;
    if (header.kind != RecordKind::event) return refused(header, "it is no event");
    if (auto known = known_version(header); !known) return known;
    if (find_kind(header.stream_kind)->descriptor() != E::descriptor()) {
        return refused(header, "it was asked for as " + E::descriptor()->full_name());
    }
    if (auto parsed = parse(record, into); !parsed) return parsed;
    // An event of a kind that is not known here parses, and has no case.
    if (static_cast<int>(into.event_case()) != header.type || header.type == 0) {
        return refused(header, "its header says event " + std::to_string(header.type) + ", its payload holds " +
                                   std::to_string(static_cast<int>(into.event_case())));
    }
    upcast(into, header.schema_version);
    return {};
}

template std::expected<void, DecodeError> decode_event(const RecordView&, v1::CustomerEvent&);
template std::expected<void, DecodeError> decode_event(const RecordView&, v1::ProductEvent&);
template std::expected<void, DecodeError> decode_event(const RecordView&, v1::PipelineEvent&);
template std::expected<void, DecodeError> decode_event(const RecordView&, v1::SaleEvent&);
template std::expected<void, DecodeError> decode_event(const RecordView&, v1::DeliveryEvent&);

std::expected<Payload, DecodeError> decode_payload(const RecordView& record) {
    switch (record.header.kind) {
        case RecordKind::rejection: return decoded<v1::Rejection>(record);
        case RecordKind::unchanged: return decoded<v1::Unchanged>(record);
        case RecordKind::control: return refused(record.header, "a control record of a level that is not known here");
        case RecordKind::event: break;
    }
    const std::string_view kind = record.header.stream_kind;
    if (kind == "customer") return decoded<v1::CustomerEvent>(record);
    if (kind == "product") return decoded<v1::ProductEvent>(record);
    if (kind == "pipeline") return decoded<v1::PipelineEvent>(record);
    if (kind == "sale") return decoded<v1::SaleEvent>(record);
    if (kind == "delivery") return decoded<v1::DeliveryEvent>(record);
    return refused(record.header, "no such kind of stream is known");
}

std::uint16_t schema_version_of(std::string_view stream_kind) {
    const Kind* kind = find_kind(stream_kind);
    return kind == nullptr ? 1 : kind->schema_version;
}

std::string_view event_name(std::string_view stream_kind, std::uint16_t type) {
    const Kind* kind = find_kind(stream_kind);
    if (kind == nullptr) return {};
    const auto* field = kind->descriptor()->FindFieldByNumber(type);
    return field == nullptr ? std::string_view() : std::string_view(field->message_type()->name());
}

}  // namespace tidemark::events
