// How a delivery ends.
#include "aggregates/decision.hpp"
#include "aggregates/delivery/rules.hpp"
#include "events/time.hpp"

namespace tidemark::aggregates::delivery {

Decision<Event> deliver(const State& state, const v1::DeliverToCustomer& command, const Context& context) {
    const bool dated = command.date() != 0;
    const bool handed_over = state.status() == v1::DELIVERED || state.status() == v1::CLOSED;
    const bool as_delivered = handed_over && command.content() == state.delivered_content() &&
                              (!dated || command.date() == state.delivered_date());
    if (as_delivered) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::RUNNING}, context)) return *std::move(refused);
    const std::int32_t date = dated ? command.date() : events::date_of(context.occurred_at);
    if (auto wrong = refuse_wrong_date(state, date, "deliver_to_customer.date", context)) return *std::move(wrong);
    Event event;
    v1::DeliveredToCustomer& delivered = *event.mutable_delivered_to_customer();
    delivered.set_content(command.content());
    delivered.set_date(date);
    delivered.set_planned_date(state.plan().end_date());
    *delivered.mutable_dims() = state.dims();
    return one(std::move(event));
}

// Once: a score that could be given twice would count twice.
Decision<Event> evaluate(const State& state, const v1::EvaluateOutcome& command, const Context& context) {
    const bool as_evaluated = state.outcome_score() == command.score() && state.outcome_effect() == command.effect() &&
                              state.outcome_impact() == command.impact();
    if (as_evaluated) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::DELIVERED}, context)) return *std::move(refused);
    if (state.outcome_score() != 0) {
        return refuse(Why::outcome_already_evaluated, "",
                      "The outcome of " + quoted(context.stream_id) +
                          " was evaluated before, in other words or with "
                          "another score.");
    }
    Event event;
    v1::OutcomeEvaluated& evaluated = *event.mutable_outcome_evaluated();
    evaluated.set_effect(command.effect());
    evaluated.set_impact(command.impact());
    evaluated.set_score(command.score());
    *evaluated.mutable_dims() = state.dims();
    return one(std::move(event));
}

// A delivery without a budget cannot be over it.
Decision<Event> close(const State& state, const Context& context) {
    if (state.status() == v1::CLOSED) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::DELIVERED}, context)) return *std::move(refused);
    Event event;
    v1::DeliveryClosed& closed = *event.mutable_delivery_closed();
    *closed.mutable_dims() = state.dims();
    const v1::DeliveryPlan& plan = state.plan();
    closed.set_milestones_total(plan.milestones_size());
    const auto on_time = [](const v1::MilestoneHit& hit) { return hit.actual_date() <= hit.baseline_date(); };
    closed.set_milestones_hit_on_time(
        static_cast<std::int32_t>(std::ranges::count_if(state.milestones_hit(), on_time)));
    if (plan.has_budget()) *closed.mutable_budget() = plan.budget();
    if (state.has_cost()) *closed.mutable_cost() = state.cost();
    std::int64_t planned_minutes = 0;
    for (const v1::Task& task : plan.tasks()) planned_minutes += task.planned_minutes();
    closed.set_planned_minutes(planned_minutes);
    closed.set_worked_minutes(state.worked_minutes());
    closed.set_on_time(state.delivered_date() <= plan.end_date());
    closed.set_on_budget(!plan.has_budget() || state.cost().minor() <= plan.budget().minor());
    return one(std::move(event));
}

Decision<Event> cancel(const State& state, const v1::CancelDelivery& command, const Context& context) {
    if (state.status() == v1::CANCELLED) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::REQUIREMENTS, v1::PLANNED, v1::RUNNING, v1::DELIVERED}, context)) {
        return *std::move(refused);
    }
    Event event;
    event.mutable_delivery_cancelled()->set_reason(command.reason());
    *event.mutable_delivery_cancelled()->mutable_dims() = state.dims();
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::delivery
