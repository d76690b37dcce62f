#include "events/record.hpp"

#include "events/wire.hpp"

#include <limits>
#include <stdexcept>

namespace tidemark::events {
namespace {

constexpr std::uint8_t record_format = 1;

constexpr std::size_t fixed_bytes = 2 * 1 + 4 * 2 + 4 + 4 * 8 + 16 + 32;

// What a text takes with its length before it. Nothing is written before all lengths are known to fit.
template <class Length>
std::size_t room_for(std::string_view text, const char* field) {
    if (text.size() > std::numeric_limits<Length>::max()) {
        throw std::length_error(std::string("record: ") + field + " is longer than its length can say");
    }
    return sizeof(Length) + text.size();
}

std::size_t encoded_size(const RecordHeader& header, std::string_view payload) {
    return fixed_bytes + room_for<std::uint8_t>(header.tenant, "tenant") +
           room_for<std::uint8_t>(header.stream_kind, "stream_kind") +
           room_for<std::uint8_t>(header.stream_id, "stream_id") +
           room_for<std::uint8_t>(header.command_id, "command_id") +
           room_for<std::uint8_t>(header.correlation_id, "correlation_id") +
           room_for<std::uint8_t>(header.causation_id, "causation_id") + room_for<std::uint8_t>(header.actor, "actor") +
           room_for<std::uint8_t>(header.on_behalf_of, "on_behalf_of") +
           room_for<std::uint16_t>(header.reason, "reason") + room_for<std::uint8_t>(header.key_id, "key_id") +
           room_for<std::uint32_t>(payload, "payload");
}

std::unexpected<DecodeError> refused(std::string what) {
    return std::unexpected(DecodeError{"record: " + std::move(what)});
}

}  // namespace

std::size_t encode_record(const RecordHeader& header, std::string_view payload, std::string& out) {
    const std::size_t size = encoded_size(header, payload);
    const std::size_t before = out.size();
    out.resize(before + size);
    wire::Writer to(out.data() + before);
    to.put(record_format);
    to.put(static_cast<std::uint8_t>(header.kind));
    to.put(header.type);
    to.put(header.schema_version);
    to.put(header.index);
    to.put(header.count);
    to.put(header.partition);
    to.put(header.sequence);
    to.put(header.version);
    to.put(header.occurred_at);
    to.put(header.recorded_at);
    to.put(header.event_id.bytes);
    to.put(header.body_digest);
    to.text<std::uint8_t>(header.tenant);
    to.text<std::uint8_t>(header.stream_kind);
    to.text<std::uint8_t>(header.stream_id);
    to.text<std::uint8_t>(header.command_id);
    to.text<std::uint8_t>(header.correlation_id);
    to.text<std::uint8_t>(header.causation_id);
    to.text<std::uint8_t>(header.actor);
    to.text<std::uint8_t>(header.on_behalf_of);
    to.text<std::uint16_t>(header.reason);
    to.text<std::uint8_t>(header.key_id);
    to.text<std::uint32_t>(payload);
    return size;
}

std::expected<RecordView, DecodeError> decode_record(std::string_view bytes) {
    wire::Reader in(bytes);
    RecordView record;
    record.bytes = bytes;
    RecordHeader& header = record.header;
    const auto format = in.get<std::uint8_t>();
    if (format != record_format) return refused("format " + std::to_string(format) + ", of which nothing is known");
    const auto kind = in.get<std::uint8_t>();
    header.kind = static_cast<RecordKind>(kind);
    header.type = in.get<std::uint16_t>();
    header.schema_version = in.get<std::uint16_t>();
    header.index = in.get<std::uint16_t>();
    header.count = in.get<std::uint16_t>();
    header.partition = in.get<std::uint32_t>();
    header.sequence = in.get<std::uint64_t>();
    header.version = in.get<std::uint64_t>();
    header.occurred_at = in.get<std::int64_t>();
    header.recorded_at = in.get<std::int64_t>();
    in.get(header.event_id.bytes);
    in.get(header.body_digest);
    header.tenant = in.text<std::uint8_t>();
    header.stream_kind = in.text<std::uint8_t>();
    header.stream_id = in.text<std::uint8_t>();
    header.command_id = in.text<std::uint8_t>();
    header.correlation_id = in.text<std::uint8_t>();
    header.causation_id = in.text<std::uint8_t>();
    header.actor = in.text<std::uint8_t>();
    header.on_behalf_of = in.text<std::uint8_t>();
    header.reason = in.text<std::uint16_t>();
    header.key_id = in.text<std::uint8_t>();
    record.payload = in.text<std::uint32_t>();
    if (!in.ok())
        return refused("it ends within its header or payload, after " + std::to_string(bytes.size()) + " bytes");
    if (in.left() != 0) return refused(std::to_string(in.left()) + " bytes behind the payload");
    if (kind < 1 || kind > 4) return refused("kind " + std::to_string(kind) + ", which does not exist");
    if (header.index >= header.count) {
        return refused("index " + std::to_string(header.index) + " of " + std::to_string(header.count));
    }
    return record;
}

}  // namespace tidemark::events
