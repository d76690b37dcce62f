// How a sale ends, and how an end is taken back.
#include "aggregates/decision.hpp"
#include "aggregates/sale/rules.hpp"
#include "events/time.hpp"

namespace tidemark::aggregates::sale {
namespace {

// Neither before the opening nor before the stage that is left by it was entered.
Refusal refuse_closing(const State& state, const Context& context) {
    if (auto closed = refuse_unless_open(state, context)) return closed;
    return refuse_before_stage_entered(state, context);
}

}  // namespace

// Winning a sale again for the same amount changes nothing; another amount is a correction.
Decision<Event> win(const State& state, const v1::WinSale& command, const Context& context) {
    const v1::Money& agreed = command.has_amount() ? command.amount() : state.amount();
    if (state.status() == v1::WON && same(agreed, state.amount())) return unchanged<Event>();
    if (auto refused = refuse_closing(state, context)) return *std::move(refused);
    if (auto other = refuse_other_currency(state, agreed, "win_sale.amount")) return *std::move(other);

    Event event;
    v1::SaleWon& won = *event.mutable_sale_won();
    *won.mutable_dims() = state.dims();
    *won.mutable_amount() = agreed;
    *won.mutable_expected_amount() = state.amount();
    won.set_stage(state.stage());
    won.set_probability_bp(state.probability_bp());
    won.set_time_in_stage_us(context.occurred_at - state.stage_entered_at());
    won.set_opened_at(state.opened_at());
    won.set_cycle_us(context.occurred_at - state.opened_at());
    return one(std::move(event));
}

// A note that says something else would be lost if it changed nothing: it is refused.
Decision<Event> lose(const State& state, const v1::LoseSale& command, const Context& context) {
    const bool nothing_new = command.note().empty() || command.note() == state.loss_note();
    if (state.status() == v1::LOST && state.loss_reason() == command.reason() && nothing_new) return unchanged<Event>();
    if (auto refused = refuse_closing(state, context)) return *std::move(refused);

    Event event;
    v1::SaleLost& lost = *event.mutable_sale_lost();
    *lost.mutable_dims() = state.dims();
    lost.set_reason(command.reason());
    lost.set_note(command.note());
    *lost.mutable_amount() = state.amount();
    lost.set_stage(state.stage());
    lost.set_probability_bp(state.probability_bp());
    lost.set_time_in_stage_us(context.occurred_at - state.stage_entered_at());
    lost.set_opened_at(state.opened_at());
    lost.set_cycle_us(context.occurred_at - state.opened_at());
    return one(std::move(event));
}

// The sale is open again, in the stage that is named or in the one it was closed from.
Decision<Event> reopen(const State& state, const v1::ReopenSale& command, const Context& context) {
    if (state.status() == v1::OPEN) {
        return refuse(Why::sale_not_closed, "",
                      "The sale " + quoted(context.stream_id) + " is open; there is no end to take back.");
    }
    if (context.occurred_at < state.closed_at()) {
        return refuse(Why::time_before_sale_closed, "",
                      "The sale was closed at " + events::format_time(state.closed_at()) +
                          ", after the time of this command; give a later occurred_at.");
    }
    v1::Stage stage;
    stage.set_id(state.stage());
    stage.set_probability_bp(state.probability_bp());
    stage.set_rotting_days(state.rotting_days());
    if (!command.stage().empty() && command.stage() != state.stage()) {
        const std::string& pipeline_id = state.dims().pipeline_id();
        const v1::Stage* named = find_stage(context.facts.find("pipeline", pipeline_id)->pipeline(), command.stage());
        if (named == nullptr) return stage_unknown("reopen_sale.stage", command.stage(), pipeline_id);
        stage = *named;
    }
    Event event;
    v1::SaleReopened& reopened = *event.mutable_sale_reopened();
    *reopened.mutable_dims() = state.dims();
    reopened.set_was(state.status());
    reopened.set_closed_at(state.closed_at());
    *reopened.mutable_closed_amount() = state.amount();
    reopened.set_cycle_us(state.closed_at() - state.opened_at());
    reopened.set_closed_stage(state.stage());
    reopened.set_stage(stage.id());
    reopened.set_probability_bp(stage.probability_bp());
    reopened.set_rotting_days(stage.rotting_days());
    *reopened.mutable_amount() = state.amount();
    reopened.set_reason(state.loss_reason());
    reopened.set_stage_entered_at(state.stage_entered_at());
    *reopened.mutable_stage_entered_dims() = state.has_stage_entered_dims() ? state.stage_entered_dims() : state.dims();
    reopened.set_time_in_stage_us(state.closed_at() - state.stage_entered_at());
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::sale
