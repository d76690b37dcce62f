// Upcasters: an event as it was written under an older schema version becomes one of today's. An
// event never changes meaning; where a field was replaced, its old value is found among the unknown fields.
#pragma once

#include "events/v1/customer.pb.h"
#include "events/v1/delivery.pb.h"
#include "events/v1/pipeline.pb.h"
#include "events/v1/product.pb.h"
#include "events/v1/sale.pb.h"

#include <cstdint>

namespace tidemark::events {

// Customer, version 1 to 2: CustomerNeedRecorded's `bool urgent = 4` became `Priority priority = 5`.
void upcast(v1::CustomerEvent& event, std::uint16_t from_version);

// Kinds that are at version 1 still.
inline void upcast(v1::ProductEvent&, std::uint16_t) {}
inline void upcast(v1::PipelineEvent&, std::uint16_t) {}
inline void upcast(v1::SaleEvent&, std::uint16_t) {}
inline void upcast(v1::DeliveryEvent&, std::uint16_t) {}

}  // namespace tidemark::events
