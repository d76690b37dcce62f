// How a wrong figure is put right, as if it had been right from the start.
#include "aggregates/decision.hpp"
#include "aggregates/sale/rules.hpp"
#include "events/time.hpp"

namespace tidemark::aggregates::sale {
namespace {

// A sale that never left its first stage entered it when it was opened, so that the two move together.
events::Micros stage_entered(const State& state, const v1::SaleFigures& figures) {
    return state.has_first_stage_left_at() ? state.stage_entered_at() : figures.opened_at();
}

bool left_first_stage_for_another(const State& state) {
    return state.has_first_stage_left_at() && !state.first_stay_taken_back();
}

// What follows from the dates.
void set_lengths(const State& state, v1::SaleFigures& figures) {
    if (left_first_stage_for_another(state)) {
        figures.set_first_stay_us(state.first_stage_left_at() - figures.opened_at());
    }
    if (state.status() == v1::OPEN) return;
    figures.set_cycle_us(figures.closed_at() - figures.opened_at());
    figures.set_closing_stay_us(figures.closed_at() - stage_entered(state, figures));
}

v1::SaleFigures figures_of(const State& state) {
    v1::SaleFigures figures;
    *figures.mutable_amount() = state.amount();
    figures.set_opened_at(state.opened_at());
    if (state.status() != v1::OPEN) figures.set_closed_at(state.closed_at());
    *figures.mutable_opened_amount() = state.opened_amount();
    set_lengths(state, figures);
    return figures;
}

// What the sale was opened with was wrong in the same way, unless the amount has been changed since.
v1::SaleFigures corrected(const State& state, const v1::CorrectSale& command) {
    v1::SaleFigures figures = figures_of(state);
    if (command.has_amount()) {
        *figures.mutable_amount() = command.amount();
        if (!state.amount_changed()) *figures.mutable_opened_amount() = command.amount();
    }
    if (command.has_opened_at()) figures.set_opened_at(command.opened_at());
    if (command.has_closed_at()) figures.set_closed_at(command.closed_at());
    set_lengths(state, figures);
    return figures;
}

// A time ahead of the correction would keep everything that really happens from being told. A day is for time zones.
Refusal refuse_future(const v1::CorrectSale& command, const Context& context) {
    const events::Micros latest = context.occurred_at + events::micros_per_day;
    const auto in_future = [&](std::string_view field) {
        return refuse(Why::time_in_future, field,
                      "The correction is of " + events::format_time(context.occurred_at) +
                          "; what it puts right happened not later than a day after that.");
    };
    if (command.has_opened_at() && command.opened_at() > latest) return in_future("correct_sale.opened_at");
    if (command.has_closed_at() && command.closed_at() > latest) return in_future("correct_sale.closed_at");
    return std::nullopt;
}

// Opened <= first stage left, latest stage entered <= closed.
Refusal refuse_wrong_order(const State& state, const v1::SaleFigures& after) {
    const bool closed = state.status() != v1::OPEN;
    const bool left_first_stage = state.has_first_stage_left_at();
    if (left_first_stage && after.opened_at() > state.first_stage_left_at()) {
        return refuse(Why::opened_after_stage_left, "correct_sale.opened_at",
                      "The sale left its first stage at " + events::format_time(state.first_stage_left_at()) +
                          "; it was opened before that.");
    }
    const events::Micros entered = stage_entered(state, after);
    if (closed && after.closed_at() < entered) {
        return refuse(Why::closed_before_stage_entered, "correct_sale.closed_at",
                      "The sale entered its last stage at " + events::format_time(entered) +
                          "; it was closed at that time or later.");
    }
    return std::nullopt;
}

// As it was counted, so that it can be taken out of one bucket and put into another.
void say_what_moves_along(const State& state, v1::SaleCorrected& corrects) {
    if (!state.first_stay_taken_back()) corrects.set_opened_stage(state.opened_stage());
    corrects.set_opened_probability_bp(state.opened_probability_bp());
    if (left_first_stage_for_another(state)) {
        corrects.set_first_stage_left_at(state.first_stage_left_at());
        *corrects.mutable_first_stage_left_dims() =
            state.has_first_stage_left_dims() ? state.first_stage_left_dims() : state.opened_dims();
    }
    *corrects.mutable_opened_pipeline_amount() =
        state.has_opened_pipeline_amount() ? state.opened_pipeline_amount() : state.opened_amount();
    if (state.status() == v1::OPEN) return;
    *corrects.mutable_closed_pipeline_amount() =
        state.has_closed_pipeline_amount() ? state.closed_pipeline_amount() : state.amount();
}

}  // namespace

Decision<Event> correct(const State& state, const v1::CorrectSale& command, const Context& context) {
    if (command.has_closed_at() && state.status() == v1::OPEN) {
        return refuse(Why::sale_not_closed, "correct_sale.closed_at",
                      "The sale " + quoted(context.stream_id) + " is open; it has no time of closing to correct.");
    }
    if (command.has_amount()) {
        if (auto other = refuse_other_currency(state, command.amount(), "correct_sale.amount"))
            return *std::move(other);
    }
    if (auto ahead = refuse_future(command, context)) return *std::move(ahead);
    Event event;
    v1::SaleCorrected& corrects = *event.mutable_sale_corrected();
    *corrects.mutable_before() = figures_of(state);
    *corrects.mutable_after() = corrected(state, command);
    if (same(corrects.before(), corrects.after())) return unchanged<Event>();
    if (auto wrong = refuse_wrong_order(state, corrects.after())) return *std::move(wrong);

    *corrects.mutable_dims() = state.dims();
    *corrects.mutable_opened_dims() = state.opened_dims();
    corrects.set_status(state.status());
    corrects.set_note(command.note());
    corrects.set_stage(state.stage());
    corrects.set_probability_bp(state.probability_bp());
    corrects.set_loss_reason(state.loss_reason());
    say_what_moves_along(state, corrects);
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::sale
