// A record: an event (or a rejection, or "nothing changed") as it is stored, hashed and never
// serialised again. docs/format.md gives the bytes.
#pragma once

#include "events/digest.hpp"
#include "events/ids.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace tidemark::events {

enum class RecordKind : std::uint8_t {
    event = 1,
    rejection = 2,  // payload: v1.Rejection
    unchanged = 3,  // payload: v1.Unchanged
    control = 4,    // raises the log's level; a reader of a lower level stops
};

// Why bytes are not what they should be. `what` says which field and how; for people.
struct DecodeError {
    std::string what;
};

// The text fields of a decoded header point into the record's bytes.
struct RecordHeader {
    RecordKind kind = RecordKind::event;
    std::uint16_t type = 0;            // of an event: its field number in the kind's `oneof event`
    std::uint16_t schema_version = 1;  // of the stream kind's events, when it was written
    std::uint16_t index = 0;           // place among the records of its command ...
    std::uint16_t count = 1;           // ... and how many there are
    Partition partition = 0;
    Sequence sequence = 0;
    Version version = 0;     // of the stream after this record (rejection, unchanged: as it was)
    Micros occurred_at = 0;  // business time, from the command
    Micros recorded_at = 0;  // the writer's clock, never going back within a partition
    Uuid event_id;
    Digest body_digest{};  // keyed digest of the command's body
    std::string_view tenant;
    std::string_view stream_kind;
    std::string_view stream_id;
    std::string_view command_id;
    std::string_view correlation_id;
    std::string_view causation_id;
    std::string_view actor;
    std::string_view on_behalf_of;
    std::string_view reason;
    std::string_view key_id;  // of sealed fields; empty: none is sealed
};

struct RecordView {
    RecordHeader header;
    std::string_view payload;
    std::string_view bytes;  // header and payload: what is hashed
};

// Appends the record's canonical bytes to `out` and returns how many there are. Texts over 255 bytes
// (reason: 65,535) are a defect of the caller: checked before a command is taken.
std::size_t encode_record(const RecordHeader& header, std::string_view payload, std::string& out);

// The view points into `bytes`.
[[nodiscard]] std::expected<RecordView, DecodeError> decode_record(std::string_view bytes);

}  // namespace tidemark::events
