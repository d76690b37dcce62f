#include "aggregates/reference.hpp"

#include "events/event.hpp"

namespace tidemark::aggregates {
namespace {

// Every case is named, so that an event that is new cannot be forgotten here.
void fold(v1::Reference& reference, const v1::CustomerEvent& event) {
    v1::CustomerReference& customer = *reference.mutable_customer();
    switch (event.event_case()) {
        case v1::CustomerEvent::kCustomerCreated:
            customer.set_region(event.customer_created().region());
            customer.set_sector(event.customer_created().sector());
            customer.set_owner(event.customer_created().owner());
            return;
        case v1::CustomerEvent::kCustomerDetailsChanged: {
            const v1::CustomerDetailsChanged& changed = event.customer_details_changed();
            if (changed.has_region()) customer.set_region(changed.region());
            if (changed.has_sector()) customer.set_sector(changed.sector());
            if (changed.has_owner()) customer.set_owner(changed.owner());
            return;
        }
        case v1::CustomerEvent::kCustomerArchived: customer.set_archived(true); return;
        case v1::CustomerEvent::kCustomerNeedRecorded:
        case v1::CustomerEvent::kConsentGiven:
        case v1::CustomerEvent::kConsentWithdrawn:
        case v1::CustomerEvent::kCustomerDataReviewed:
        case v1::CustomerEvent::EVENT_NOT_SET: return;
    }
}

void fold(v1::Reference& reference, const v1::ProductEvent& event) {
    v1::ProductReference& product = *reference.mutable_product();
    switch (event.event_case()) {
        case v1::ProductEvent::kProductDefined:
            *product.mutable_list_price() = event.product_defined().list_price();
            return;
        case v1::ProductEvent::kListPriceChanged:
            *product.mutable_list_price() = event.list_price_changed().to();
            return;
        case v1::ProductEvent::kProductRetired: product.set_retired(true); return;
        case v1::ProductEvent::EVENT_NOT_SET: return;
    }
}

void fold(v1::Reference& reference, const v1::PipelineEvent& event) {
    v1::PipelineReference& pipeline = *reference.mutable_pipeline();
    switch (event.event_case()) {
        case v1::PipelineEvent::kPipelineDefined:
            *pipeline.mutable_stages() = event.pipeline_defined().stages();
            return;
        case v1::PipelineEvent::kPipelineChanged:
            *pipeline.mutable_stages() = event.pipeline_changed().stages();
            return;
        case v1::PipelineEvent::EVENT_NOT_SET: return;
    }
}

void fold(v1::Reference& reference, const v1::SaleEvent& event) {
    v1::SaleReference& sale = *reference.mutable_sale();
    switch (event.event_case()) {
        case v1::SaleEvent::kSaleOpened:
            sale.set_status(v1::OPEN);
            sale.set_customer_id(event.sale_opened().dims().customer_id());
            sale.set_region(event.sale_opened().dims().region());
            sale.set_sector(event.sale_opened().dims().sector());
            return;
        case v1::SaleEvent::kSaleWon: sale.set_status(v1::WON); return;
        case v1::SaleEvent::kSaleLost: sale.set_status(v1::LOST); return;
        case v1::SaleEvent::kSaleReopened: sale.set_status(v1::OPEN); return;
        case v1::SaleEvent::kSaleReassigned: sale.set_region(event.sale_reassigned().to().region()); return;
        case v1::SaleEvent::kSaleStageChanged:
        case v1::SaleEvent::kSaleAmountChanged:
        case v1::SaleEvent::kForecastCategorySet:
        case v1::SaleEvent::kSaleFlaggedAtRisk:
        case v1::SaleEvent::kSaleCorrected:
        case v1::SaleEvent::EVENT_NOT_SET: return;
    }
}

template <class Event>
std::expected<void, events::DecodeError> decode_and_fold(v1::Reference& reference, const events::RecordView& record) {
    Event event;
    if (auto decoded = events::decode_event(record, event); !decoded) return decoded;
    fold(reference, event);
    reference.set_version(record.header.version);
    return {};
}

}  // namespace

bool changes_reference(const events::RecordHeader& header) {
    if (header.kind != events::RecordKind::event) return false;
    if (header.stream_kind == "sale") {
        return header.type == v1::SaleEvent::kSaleOpened || header.type == v1::SaleEvent::kSaleWon ||
               header.type == v1::SaleEvent::kSaleLost || header.type == v1::SaleEvent::kSaleReopened ||
               header.type == v1::SaleEvent::kSaleReassigned;
    }
    if (header.stream_kind == "customer") {
        return header.type == v1::CustomerEvent::kCustomerCreated ||
               header.type == v1::CustomerEvent::kCustomerDetailsChanged ||
               header.type == v1::CustomerEvent::kCustomerArchived;
    }
    return header.stream_kind == "product" || header.stream_kind == "pipeline";
}

std::expected<void, events::DecodeError> fold_reference(v1::Reference& reference, const events::RecordView& record) {
    if (record.header.kind != events::RecordKind::event) return {};
    const std::string_view kind = record.header.stream_kind;
    if (kind == "sale") return decode_and_fold<v1::SaleEvent>(reference, record);
    if (kind == "customer") return decode_and_fold<v1::CustomerEvent>(reference, record);
    if (kind == "product") return decode_and_fold<v1::ProductEvent>(reference, record);
    if (kind == "pipeline") return decode_and_fold<v1::PipelineEvent>(reference, record);
    return {};
}

}  // namespace tidemark::aggregates
