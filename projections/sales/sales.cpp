#include "projections/sales/sales.hpp"

#include "projections/keys.hpp"

#include <stdexcept>

namespace tidemark::projections::sales {

namespace {

enum Table : std::uint32_t { rows, moments, pipelines, by_customer };

void enter(v1::SaleRow& row, const std::string& stage, std::int32_t probability_bp, events::Micros at) {
    row.set_status(v1::OPEN);
    row.set_stage(stage);
    row.set_probability_bp(probability_bp);
    row.set_stage_entered_at(at);
}

void opened(v1::SaleRow& row, const v1::SaleOpened& e, const Event& event) {
    row.set_id(std::string(event.header.stream_id));
    *row.mutable_dims() = e.dims();
    *row.mutable_opened_dims() = e.dims();
    *row.mutable_amount() = e.amount();
    *row.mutable_opened_amount() = e.amount();
    *row.mutable_lines() = e.lines();
    row.set_opened_at(event.header.occurred_at);
    row.set_expected_close(e.expected_close());
    row.set_forecast_category(e.forecast_category());
    row.set_rotting_days(e.rotting_days());
    enter(row, e.stage(), e.probability_bp(), event.header.occurred_at);
}

void settle(v1::SaleRow& row) {
    row.clear_at_risk();
    row.clear_risk_reason();
}

void close(v1::SaleRow& row, v1::SaleStatus status, const v1::Money& amount, const std::string& stage,
           events::Micros at) {
    row.set_status(status);
    *row.mutable_amount() = amount;
    row.set_stage(stage);
    row.set_closed_at(at);
    settle(row);
}

void reopened(v1::SaleRow& row, const v1::SaleReopened& e, events::Micros at) {
    *row.mutable_amount() = e.amount();
    row.clear_closed_at();
    row.clear_loss_reason();
    row.clear_loss_note();
    row.set_rotting_days(e.rotting_days());
    enter(row, e.stage(), e.probability_bp(), at);
}

void corrected(v1::SaleRow& row, const v1::SaleCorrected& e) {
    // A stay that began with the opening begins when the sale was really opened.
    if (row.stage_entered_at() == e.before().opened_at()) row.set_stage_entered_at(e.after().opened_at());
    *row.mutable_amount() = e.after().amount();
    row.set_opened_at(e.after().opened_at());
    row.set_closed_at(e.after().closed_at());
    if (e.after().has_opened_amount()) *row.mutable_opened_amount() = e.after().opened_amount();
}

void fold_row(v1::SaleRow& row, const Event& event, const v1::SaleEvent& what) {
    const auto at = event.header.occurred_at;
    row.set_version(event.header.version);
    row.set_changed_at(at);
    switch (what.event_case()) {
        case v1::SaleEvent::kSaleOpened: return opened(row, what.sale_opened(), event);
        case v1::SaleEvent::kSaleStageChanged: {
            const auto& e = what.sale_stage_changed();
            row.set_rotting_days(e.rotting_days());
            settle(row);  // it moves again
            return enter(row, e.to(), e.to_probability_bp(), at);
        }
        case v1::SaleEvent::kSaleAmountChanged: {
            const auto& e = what.sale_amount_changed();
            *row.mutable_amount() = e.to();
            *row.mutable_dims() = e.dims();
            if (e.lines_size() > 0) *row.mutable_lines() = e.lines();
            return;
        }
        case v1::SaleEvent::kForecastCategorySet: return row.set_forecast_category(what.forecast_category_set().to());
        case v1::SaleEvent::kSaleReassigned: *row.mutable_dims() = what.sale_reassigned().to(); return;
        case v1::SaleEvent::kSaleFlaggedAtRisk:
            row.set_at_risk(true);
            return row.set_risk_reason(what.sale_flagged_at_risk().reason());
        case v1::SaleEvent::kSaleWon: return close(row, v1::WON, what.sale_won().amount(), what.sale_won().stage(), at);
        case v1::SaleEvent::kSaleLost:
            row.set_loss_reason(what.sale_lost().reason());
            row.set_loss_note(what.sale_lost().note());
            return close(row, v1::LOST, what.sale_lost().amount(), what.sale_lost().stage(), at);
        case v1::SaleEvent::kSaleReopened: return reopened(row, what.sale_reopened(), at);
        case v1::SaleEvent::kSaleCorrected: return corrected(row, what.sale_corrected());
        case v1::SaleEvent::EVENT_NOT_SET: throw std::runtime_error("a sale event without an event");
    }
}

const std::string& event_name(const v1::SaleEvent& what) {
    return v1::SaleEvent::descriptor()->FindFieldByNumber(what.event_case())->message_type()->name();
}

// A piece of the sale's history: what one event adds to it.
v1::SaleHistory moment_of(const v1::SaleRow& row, const v1::SaleEvent& what, const Event& event) {
    v1::SaleHistory history;
    if (event.header.version == 1) {
        history.set_id(row.id());
        history.set_pipeline_id(row.dims().pipeline_id());
    }
    auto& moment = *history.add_moments();
    moment.set_version(event.header.version);
    moment.set_event(event_name(what));
    moment.set_occurred_at(event.header.occurred_at);
    moment.set_recorded_at(event.header.recorded_at);
    moment.set_actor(std::string(event.header.actor));
    moment.set_status(row.status());
    moment.set_stage(row.stage());
    moment.set_probability_bp(row.probability_bp());
    *moment.mutable_amount() = row.amount();
    moment.set_owner(row.dims().owner());
    moment.set_region(row.dims().region());
    moment.set_product_id(row.dims().product_id());
    if (what.has_sale_stage_changed()) moment.set_forward(what.sale_stage_changed().forward());
    if (what.has_sale_corrected()) {
        *moment.mutable_corrected_from() = what.sale_corrected().before();
        *moment.mutable_corrected_to() = what.sale_corrected().after();
    }
    return history;
}

template <class Definition>
void define(v1::PipelineRow& row, const Definition& definition, const Event& event) {
    row.set_id(std::string(event.header.stream_id));
    row.set_name(definition.name());
    *row.mutable_stages() = definition.stages();
    row.set_version(event.header.version);
}

void index_customer(const std::string& from, const std::string& to, const Event& event, Rows& store) {
    const auto key = [&](const std::string& customer) {
        return Key(event.header.tenant).text(customer).id(event.header.stream_id);
    };
    if (!from.empty()) store.erase(by_customer, key(from));
    if (!to.empty()) store.put(by_customer, key(to), {});
}

void apply(const Event& event, Rows& store) {
    const Key key = Key(event.header.tenant).id(event.header.stream_id);
    if (const auto* sale = std::get_if<v1::SaleEvent>(&event.payload)) {
        auto& row = store.row<v1::SaleRow>(rows, key);
        const std::string customer = row.dims().customer_id();
        fold_row(row, event, *sale);
        if (row.dims().customer_id() != customer) index_customer(customer, row.dims().customer_id(), event, store);
        store.put(moments, Key(event.header.tenant).text(event.header.stream_id).number(event.header.version),
                  moment_of(row, *sale, event).SerializeAsString());
    } else if (const auto* pipeline = std::get_if<v1::PipelineEvent>(&event.payload)) {
        auto& row = store.row<v1::PipelineRow>(pipelines, key);
        switch (pipeline->event_case()) {
            case v1::PipelineEvent::kPipelineDefined: return define(row, pipeline->pipeline_defined(), event);
            case v1::PipelineEvent::kPipelineChanged: return define(row, pipeline->pipeline_changed(), event);
            case v1::PipelineEvent::EVENT_NOT_SET: throw std::runtime_error("a pipeline event without an event");
        }
    }
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name),
            .version = 3,
            .tables = {"rows", "moments", "pipelines", "by_customer"},
            .apply = apply};
}

}  // namespace tidemark::projections::sales
