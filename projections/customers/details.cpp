#include "projections/customers/customers.hpp"
#include "projections/text.hpp"

#include <algorithm>

namespace tidemark::projections::customers {

namespace {

void created(v1::CustomerRow& row, const v1::CustomerCreated& e) {
    row.set_name(clear_text(e.name()));
    row.set_phone(clear_text(e.phone()));
    row.set_email(clear_text(e.email()));
    row.set_address(clear_text(e.address()));
    row.set_kind(e.kind());
    row.set_birth_date(clear_text(e.birth_date()));
    row.set_gender(e.gender());
    row.set_sector(e.sector());
    row.set_region(e.region());
    row.set_owner(e.owner());
    *row.mutable_attributes() = e.attributes();
    *row.mutable_external_ids() = e.external_ids();
}

template <class Repeated, class Item, class Name>
void set_or_add(Repeated& items, const Item& item, Name name) {
    const auto same = std::ranges::find_if(items, [&](const Item& i) { return name(i) == name(item); });
    if (same != items.end()) {
        *same = item;
    } else {
        *items.Add() = item;
    }
}

void changed(v1::CustomerRow& row, const v1::CustomerDetailsChanged& e) {
    if (e.has_name()) row.set_name(clear_text(e.name()));
    if (e.has_phone()) row.set_phone(clear_text(e.phone()));
    if (e.has_email()) row.set_email(clear_text(e.email()));
    if (e.has_address()) row.set_address(clear_text(e.address()));
    if (e.has_kind()) row.set_kind(e.kind());
    if (e.has_birth_date()) row.set_birth_date(clear_text(e.birth_date()));
    if (e.has_gender()) row.set_gender(e.gender());
    if (e.has_sector()) row.set_sector(e.sector());
    if (e.has_region()) row.set_region(e.region());
    if (e.has_owner()) row.set_owner(e.owner());
    for (const auto& attribute : e.attributes())
        set_or_add(*row.mutable_attributes(), attribute, [](const v1::Attribute& a) { return a.key(); });
    for (const auto& id : e.external_ids())
        set_or_add(*row.mutable_external_ids(), id, [](const v1::ExternalId& i) { return i.system(); });
    auto& attributes = *row.mutable_attributes();
    attributes.erase(std::remove_if(attributes.begin(), attributes.end(),
                                    [&](const v1::Attribute& a) {
                                        return std::ranges::find(e.attributes_removed(), a.key()) !=
                                               e.attributes_removed().end();
                                    }),
                     attributes.end());
}

}  // namespace

void fold_details(v1::CustomerRow& row, const Event& event, const v1::CustomerEvent& what) {
    row.set_version(event.header.version);
    row.set_changed_at(event.header.occurred_at);
    switch (what.event_case()) {
        case v1::CustomerEvent::kCustomerCreated:
            row.set_id(std::string(event.header.stream_id));
            row.set_created_at(event.header.occurred_at);
            return created(row, what.customer_created());
        case v1::CustomerEvent::kCustomerDetailsChanged: return changed(row, what.customer_details_changed());
        case v1::CustomerEvent::kCustomerArchived:
            row.set_archived(true);
            row.set_archive_reason(what.customer_archived().reason());
            return;
        case v1::CustomerEvent::kCustomerNeedRecorded:
        case v1::CustomerEvent::kConsentGiven:
        case v1::CustomerEvent::kConsentWithdrawn:
        case v1::CustomerEvent::kCustomerDataReviewed: return;  // no details
        case v1::CustomerEvent::EVENT_NOT_SET: throw std::runtime_error("a customer event without an event");
    }
}

}  // namespace tidemark::projections::customers
