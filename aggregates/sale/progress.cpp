// What happens to a sale while it is open.
#include "aggregates/decision.hpp"
#include "aggregates/sale/rules.hpp"

#include <algorithm>

namespace tidemark::aggregates::sale {
namespace {

// Whether `to` stands behind `from`. A stage that has left the pipeline since has no place any more:
// then the greater probability is the further one.
bool is_forward(const v1::PipelineReference& pipeline, const State& state, const v1::Stage& to) {
    const v1::Stage* from = find_stage(pipeline, state.stage());
    if (from == nullptr) return to.probability_bp() >= state.probability_bp();
    const auto place = [&](const std::string& id) {
        return std::ranges::find_if(pipeline.stages(), [&](const v1::Stage& stage) { return stage.id() == id; });
    };
    return place(to.id()) - place(from->id()) > 0;
}

}  // namespace

Decision<Event> change_stage(const State& state, const v1::ChangeSaleStage& command, const Context& context) {
    if (auto closed = refuse_unless_open(state, context)) return *std::move(closed);
    if (command.stage() == state.stage()) return unchanged<Event>();
    const std::string& pipeline_id = state.dims().pipeline_id();
    const v1::PipelineReference& pipeline = context.facts.find("pipeline", pipeline_id)->pipeline();
    const v1::Stage* to = find_stage(pipeline, command.stage());
    if (to == nullptr) return stage_unknown("change_sale_stage.stage", command.stage(), pipeline_id);
    if (auto early = refuse_before_stage_entered(state, context)) return *std::move(early);

    Event event;
    v1::SaleStageChanged& changed = *event.mutable_sale_stage_changed();
    *changed.mutable_dims() = state.dims();
    changed.set_from(state.stage());
    changed.set_to(to->id());
    *changed.mutable_amount() = state.amount();
    changed.set_time_in_stage_us(context.occurred_at - state.stage_entered_at());
    changed.set_from_probability_bp(state.probability_bp());
    changed.set_to_probability_bp(to->probability_bp());
    changed.set_rotting_days(to->rotting_days());
    changed.set_forward(is_forward(pipeline, state, *to));
    return one(std::move(event));
}

namespace {

v1::SaleReassigned reassigned(const State& state, v1::SaleDimensions to, const v1::Money& amount) {
    v1::SaleReassigned reassigned;
    *reassigned.mutable_from() = state.dims();
    *reassigned.mutable_to() = std::move(to);
    *reassigned.mutable_amount() = amount;
    reassigned.set_stage(state.stage());
    reassigned.set_probability_bp(state.probability_bp());
    return reassigned;
}

}  // namespace

// The product that a sale is counted by is that of its first line: with another one there, the sale moves.
Decision<Event> change_amount(const State& state, const v1::ChangeSaleAmount& command, const Context& context) {
    if (auto closed = refuse_unless_open(state, context)) return *std::move(closed);
    if (auto other = refuse_other_currency(state, command.amount(), "change_sale_amount.amount"))
        return *std::move(other);
    auto lines = price(command.lines(), state.lines(), "change_sale_amount", context);
    if (!lines) return std::unexpected(std::move(lines.error()));
    if (auto mixed = refuse_mixed_currencies(*lines, &command.amount(), "change_sale_amount")) return *std::move(mixed);
    const bool lines_stay = lines->empty() || same(*lines, state.lines());
    if (lines_stay && same(command.amount(), state.amount())) return unchanged<Event>();

    std::vector<Event> events(1);
    v1::SaleAmountChanged& changed = *events.front().mutable_sale_amount_changed();
    *changed.mutable_dims() = state.dims();
    *changed.mutable_from() = state.amount();
    *changed.mutable_to() = command.amount();
    changed.set_stage(state.stage());
    changed.set_probability_bp(state.probability_bp());
    if (lines_stay) return events;
    v1::SaleDimensions to = state.dims();
    to.set_product_id(lines->Get(0).product_id());
    *changed.mutable_lines() = *std::move(lines);
    if (to.product_id() == state.dims().product_id()) return events;
    *events.emplace_back().mutable_sale_reassigned() = reassigned(state, std::move(to), command.amount());
    return events;
}

Decision<Event> set_forecast_category(const State& state, const v1::SetForecastCategory& command,
                                      const Context& context) {
    if (auto closed = refuse_unless_open(state, context)) return *std::move(closed);
    if (command.category() == state.forecast_category()) return unchanged<Event>();
    Event event;
    v1::ForecastCategorySet& set = *event.mutable_forecast_category_set();
    *set.mutable_dims() = state.dims();
    set.set_from(state.forecast_category());
    set.set_to(command.category());
    *set.mutable_amount() = state.amount();
    return one(std::move(event));
}

Decision<Event> reassign(const State& state, const v1::ReassignSale& command, const Context& context) {
    if (auto closed = refuse_unless_open(state, context)) return *std::move(closed);
    v1::SaleDimensions to = state.dims();
    to.set_owner(command.owner());
    if (!command.region().empty()) to.set_region(command.region());
    if (same(to, state.dims())) return unchanged<Event>();
    Event event;
    *event.mutable_sale_reassigned() = reassigned(state, std::move(to), state.amount());
    return one(std::move(event));
}

Decision<Event> flag_at_risk(const State& state, const v1::FlagSaleAtRisk& command, const Context& context) {
    if (auto closed = refuse_unless_open(state, context)) return *std::move(closed);
    if (state.at_risk() && state.risk_reason() == command.reason()) return unchanged<Event>();
    Event event;
    *event.mutable_sale_flagged_at_risk()->mutable_dims() = state.dims();
    event.mutable_sale_flagged_at_risk()->set_reason(command.reason());
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::sale
