// A record's payload as a message of today's schema.
#pragma once

#include "events/record.hpp"
#include "events/v1/customer.pb.h"
#include "events/v1/delivery.pb.h"
#include "events/v1/outcome.pb.h"
#include "events/v1/pipeline.pb.h"
#include "events/v1/product.pb.h"
#include "events/v1/sale.pb.h"

#include <expected>
#include <string_view>
#include <variant>

namespace tidemark::events {

using Payload = std::variant<std::monostate, v1::CustomerEvent, v1::ProductEvent, v1::PipelineEvent, v1::SaleEvent,
                             v1::DeliveryEvent, v1::Rejection, v1::Unchanged>;

// Decodes and, for a record of an older schema version, upcasts. An unknown kind, a newer schema
// version or bytes that do not parse are errors: nobody may skip them silently.
[[nodiscard]] std::expected<Payload, DecodeError> decode_payload(const RecordView& record);

// For one who knows the kind and reuses the message. E is a v1::...Event; upcasts as above.
template <class E>
[[nodiscard]] std::expected<void, DecodeError> decode_event(const RecordView& record, E& into);

// The version that this program writes; one number per stream kind, raised by a change that needs an upcaster.
[[nodiscard]] std::uint16_t schema_version_of(std::string_view stream_kind);

// "SaleWon" for kind "sale" and type 7; empty when there is none.
[[nodiscard]] std::string_view event_name(std::string_view stream_kind, std::uint16_t type);

}  // namespace tidemark::events
