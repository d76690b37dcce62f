#include "events/record.hpp"

#include "events/wire.hpp"

#include <limits>
#include <stdexcept>

namespace tidemark::events {
namespace {

constexpr std::uint8_t record_format = 1;

template <class Length>
void put_text(std::string& out, std::string_view text, const char* field) {
    if (text.size() > std::numeric_limits<Length>::max()) {
        throw std::length_error(std::string("record: ") + field + " is longer than its length can say");
    }
    wire::put(out, static_cast<Length>(text.size()));
    out.append(text);
}

std::unexpected<DecodeError> refused(std::string what) {
    return std::unexpected(DecodeError{"record: " + std::move(what)});
}

}  // namespace

std::size_t encode_record(const RecordHeader& header, std::string_view payload, std::string& out) {
    const std::size_t before = out.size();
    wire::put(out, record_format);
    wire::put(out, static_cast<std::uint8_t>(header.kind));
    wire::put(out, header.type);
    wire::put(out, header.schema_version);
    wire::put(out, header.index);
    wire::put(out, header.count);
    wire::put(out, header.partition);
    wire::put(out, header.sequence);
    wire::put(out, header.version);
    wire::put(out, header.occurred_at);
    wire::put(out, header.recorded_at);
    wire::put(out, header.event_id.bytes);
    wire::put(out, header.body_digest);
    put_text<std::uint8_t>(out, header.tenant, "tenant");
    put_text<std::uint8_t>(out, header.stream_kind, "stream_kind");
    put_text<std::uint8_t>(out, header.stream_id, "stream_id");
    put_text<std::uint8_t>(out, header.command_id, "command_id");
    put_text<std::uint8_t>(out, header.correlation_id, "correlation_id");
    put_text<std::uint8_t>(out, header.causation_id, "causation_id");
    put_text<std::uint8_t>(out, header.actor, "actor");
    put_text<std::uint8_t>(out, header.on_behalf_of, "on_behalf_of");
    put_text<std::uint16_t>(out, header.reason, "reason");
    put_text<std::uint8_t>(out, header.key_id, "key_id");
    put_text<std::uint32_t>(out, payload, "payload");
    return out.size() - before;
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
