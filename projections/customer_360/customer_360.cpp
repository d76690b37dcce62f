#include "projections/customer_360/customer_360.hpp"

#include "projections/customers/customers.hpp"
#include "projections/keys.hpp"
#include "projections/page.hpp"
#include "projections/purse.hpp"
#include "projections/sales/sales.hpp"

#include <algorithm>
#include <stdexcept>

namespace tidemark::projections::customer_360 {

namespace {

enum Table : std::uint32_t { customers_table, deliveries_table };

constexpr int kept_needs = 100;
constexpr int kept_reviews = 20;
constexpr int shown = 200;

template <class Repeated>
void keep_latest(Repeated& items, int count) {
    if (items.size() > count) items.DeleteSubrange(0, items.size() - count);
}

v1::CustomerConsent& consent(v1::CustomerPageRow& row, const std::string& purpose, const std::string& channel) {
    for (auto& c : *row.mutable_consents())
        if (c.purpose() == purpose && c.channel() == channel) return c;
    auto& c = *row.add_consents();
    c.set_purpose(purpose);
    c.set_channel(channel);
    return c;
}

void give(v1::CustomerPageRow& row, const v1::ConsentGiven& e, events::Micros at) {
    if (e.channel().empty())  // for all channels: also those withdrawn before
        for (auto& c : *row.mutable_consents())
            if (c.purpose() == e.purpose()) c.clear_withdrawn_at();
    auto& given = consent(row, e.purpose(), e.channel());
    given.set_source(e.source());
    given.set_given_at(at);
    given.clear_withdrawn_at();
}

void withdraw(v1::CustomerPageRow& row, const v1::ConsentWithdrawn& e, events::Micros at) {
    consent(row, e.purpose(), e.channel()).set_withdrawn_at(at);
    if (!e.channel().empty()) return;
    for (auto& c : *row.mutable_consents())
        if (c.purpose() == e.purpose() && c.withdrawn_at() == 0) c.set_withdrawn_at(at);
}

void fold(v1::CustomerPageRow& row, const Event& event, const v1::CustomerEvent& what) {
    customers::fold_details(*row.mutable_customer(), event, what);
    const auto at = event.header.occurred_at;
    switch (what.event_case()) {
        case v1::CustomerEvent::kCustomerNeedRecorded: {
            const auto& e = what.customer_need_recorded();
            auto& need = *row.add_needs();
            need.set_type(e.type());
            need.set_text(e.text());
            need.set_product_id(e.product_id());
            need.set_priority(e.priority());
            need.set_recorded_at(at);
            return keep_latest(*row.mutable_needs(), kept_needs);
        }
        case v1::CustomerEvent::kConsentGiven: return give(row, what.consent_given(), at);
        case v1::CustomerEvent::kConsentWithdrawn: return withdraw(row, what.consent_withdrawn(), at);
        case v1::CustomerEvent::kCustomerDataReviewed: {
            auto& review = *row.add_reviews();
            review.set_finding(what.customer_data_reviewed().finding());
            *review.mutable_fields_to_mend() = what.customer_data_reviewed().fields_to_mend();
            review.set_reviewed_at(at);
            return keep_latest(*row.mutable_reviews(), kept_reviews);
        }
        case v1::CustomerEvent::kCustomerCreated:
        case v1::CustomerEvent::kCustomerDetailsChanged:
        case v1::CustomerEvent::kCustomerArchived: return;  // details only
        case v1::CustomerEvent::EVENT_NOT_SET: throw std::runtime_error("a customer event without an event");
    }
}

// The events that change what the page shows of a delivery; they all carry its dimensions.
const v1::DeliveryDimensions* dims_of(const v1::DeliveryEvent& e) {
    if (e.has_delivery_planned()) return &e.delivery_planned().dims();
    if (e.has_delivery_started()) return &e.delivery_started().dims();
    if (e.has_delivery_rebaselined()) return &e.delivery_rebaselined().dims();
    if (e.has_delivered_to_customer()) return &e.delivered_to_customer().dims();
    if (e.has_delivery_closed()) return &e.delivery_closed().dims();
    if (e.has_delivery_cancelled()) return &e.delivery_cancelled().dims();
    return nullptr;
}

void show_plan(v1::CustomerDelivery& row, const v1::DeliveryPlan& plan) {
    row.set_start_date(plan.start_date());
    row.set_end_date(plan.end_date());
    *row.mutable_budget() = plan.budget();
}

void fold(v1::CustomerDelivery& row, const Event& event, const v1::DeliveryEvent& e) {
    row.set_id(std::string(event.header.stream_id));
    row.set_owner(dims_of(e)->owner());
    if (e.has_delivery_planned()) {
        row.set_name(e.delivery_planned().name());
        row.set_sale_id(e.delivery_planned().sale_id());
        row.set_status(v1::CustomerDelivery::PLANNED);
        show_plan(row, e.delivery_planned().plan());
    }
    if (e.has_delivery_started()) row.set_status(v1::CustomerDelivery::RUNNING);
    if (e.has_delivery_rebaselined()) show_plan(row, e.delivery_rebaselined().to());
    if (e.has_delivered_to_customer()) {
        row.set_status(v1::CustomerDelivery::DELIVERED);
        row.set_delivered_date(e.delivered_to_customer().date());
    }
    if (e.has_delivery_closed()) row.set_status(v1::CustomerDelivery::CLOSED);
    if (e.has_delivery_cancelled()) row.set_status(v1::CustomerDelivery::CANCELLED);
}

void apply(const Event& event, Rows& store) {
    const auto& header = event.header;
    if (const auto* customer = std::get_if<v1::CustomerEvent>(&event.payload)) {
        fold(store.row<v1::CustomerPageRow>(customers_table, Key(header.tenant).id(header.stream_id)), event,
             *customer);
    } else if (const auto* delivery = std::get_if<v1::DeliveryEvent>(&event.payload)) {
        const auto* dims = dims_of(*delivery);
        if (dims == nullptr || dims->customer_id().empty()) return;
        const Key key = Key(header.tenant).text(dims->customer_id()).id(header.stream_id);
        fold(store.row<v1::CustomerDelivery>(deliveries_table, key), event, *delivery);
    }
}

void add_sales(v1::CustomerOverview& answer, const ViewReader& sales_view, std::string_view tenant,
               std::string_view customer_id) {
    Purse open, won, lost;
    sales::each_sale_of(sales_view, tenant, customer_id, [&](const v1::SaleRow& sale) {
        const bool is_open = sale.status() == v1::OPEN;
        auto& totals = *(is_open                    ? answer.mutable_open()
                         : sale.status() == v1::WON ? answer.mutable_won()
                                                    : answer.mutable_lost());
        totals.set_count(totals.count() + 1);
        (is_open ? open : sale.status() == v1::WON ? won : lost).add(sale.amount());
        if (answer.sales_size() < shown) *answer.add_sales() = sale;
        return true;
    });
    open.write(*answer.mutable_open()->mutable_value());
    won.write(*answer.mutable_won()->mutable_value());
    lost.write(*answer.mutable_lost()->mutable_value());
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name), .version = 2, .tables = {"customers", "deliveries"}, .apply = apply};
}

std::optional<v1::CustomerOverview> query_overview(const ViewReader& view, const ViewReader& sales_view,
                                                   std::string_view tenant, std::string_view customer_id) {
    auto row = view.row<v1::CustomerPageRow>(customers_table, Key(tenant).id(customer_id));
    if (!row) return {};
    v1::CustomerOverview answer;
    *answer.mutable_customer() = std::move(*row->mutable_customer());
    *answer.mutable_needs() = std::move(*row->mutable_needs());
    *answer.mutable_consents() = std::move(*row->mutable_consents());
    *answer.mutable_reviews() = std::move(*row->mutable_reviews());
    add_sales(answer, sales_view, tenant, customer_id);
    const Key prefix = Key(tenant).text(customer_id);
    view.scan(deliveries_table, prefix, range_end(prefix), [&](std::string_view, std::string_view value) {
        answer.set_deliveries_count(answer.deliveries_count() + 1);
        if (answer.deliveries_size() < shown) *answer.add_deliveries() = parse_row<v1::CustomerDelivery>(value);
        return true;
    });
    return answer;
}

}  // namespace tidemark::projections::customer_360
