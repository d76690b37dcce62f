// What the events of a delivery make of its state.
#include "aggregates/decision.hpp"
#include "aggregates/delivery/rules.hpp"
#include "events/money.hpp"

namespace tidemark::aggregates {
namespace delivery {
namespace {

void settle_currency(State& state, const v1::Money& said) {
    if (state.currency().empty()) state.set_currency(said.currency());
}

// Risks of a plan count as raised; a closed one stays closed.
void fold_risk(State& state, const v1::Risk& risk) {
    settle_currency(state, risk.impact());
    if (v1::Risk* known = find_id(*state.mutable_risks_raised(), risk.id())) {
        *known = risk;
        return;
    }
    *state.add_risks_raised() = risk;
    state.add_risks_open(risk.id());
}

void fold_plan(State& state, const v1::DeliveryPlan& plan, std::uint32_t number) {
    *state.mutable_plan() = plan;
    state.set_baseline_number(number);
    settle_currency(state, plan.budget());
    for (const v1::Risk& risk : plan.risks()) fold_risk(state, risk);
}

void fold_planned(State& state, const v1::DeliveryPlanned& planned) {
    state.set_status(v1::PLANNED);
    *state.mutable_dims() = planned.dims();
    state.set_name(planned.name());
    state.set_sale_id(planned.sale_id());
    *state.mutable_goals() = planned.goals();
    *state.mutable_outcomes() = planned.outcomes();
    *state.mutable_features() = planned.features();
    *state.mutable_technologies() = planned.technologies();
    state.set_strategic_goal(planned.strategic_goal());
    fold_plan(state, planned.plan(), 1);
}

void fold_requirement(State& state, const v1::Requirement& requirement) {
    if (state.status() == v1::DELIVERY_STATUS_UNSPECIFIED) state.set_status(v1::REQUIREMENTS);
    *state.add_requirements() = requirement;
}

v1::TaskProgress& progress_of(State& state, const std::string& task_id) {
    for (v1::TaskProgress& progress : *state.mutable_task_progress()) {
        if (progress.task_id() == task_id) return progress;
    }
    v1::TaskProgress& progress = *state.add_task_progress();
    progress.set_task_id(task_id);
    return progress;
}

void fold_work(State& state, const v1::WorkReported& reported) {
    state.set_worked_minutes(state.worked_minutes() + reported.minutes());
    if (reported.task_id().empty()) return;
    v1::TaskProgress& progress = progress_of(state, reported.task_id());
    progress.set_worked_minutes(progress.worked_minutes() + reported.minutes());
}

// decide has seen to it that the sum exists.
void fold_cost(State& state, const v1::Money& cost) {
    if (const auto sum = events::add(state.cost(), cost)) *state.mutable_cost() = *sum;
    settle_currency(state, cost);
}

void fold_change(State& state, const v1::ChangeRequested& requested) {
    *state.add_changes() = requested;
    settle_currency(state, requested.cost_impact());
}

void fold_milestone(State& state, const v1::DeliveryMilestoneHit& reached) {
    v1::MilestoneHit& hit = *state.add_milestones_hit();
    hit.set_milestone_id(reached.milestone_id());
    hit.set_actual_date(reached.actual_date());
    hit.set_baseline_date(reached.baseline_date());
}

void fold_risk_closed(State& state, const v1::RiskClosed& closed) {
    auto& open = *state.mutable_risks_open();
    open.erase(std::remove(open.begin(), open.end(), closed.risk_id()), open.end());
    if (closed.occurred()) state.add_risks_occurred(closed.risk_id());
}

void fold_delivered(State& state, const v1::DeliveredToCustomer& delivered) {
    state.set_status(v1::DELIVERED);
    state.set_delivered_date(delivered.date());
    state.set_delivered_content(delivered.content());
}

void fold_outcome(State& state, const v1::OutcomeEvaluated& evaluated) {
    state.set_outcome_score(evaluated.score());
    state.set_outcome_effect(evaluated.effect());
    state.set_outcome_impact(evaluated.impact());
}

void fold_started(State& state, events::Micros at) {
    state.set_status(v1::RUNNING);
    state.set_started_at(at);
}

}  // namespace
}  // namespace delivery

void Delivery::evolve(State& state, const Event& event, events::Micros occurred_at) {
    using namespace delivery;
    switch (event.event_case()) {
        case Event::kRequirementCaptured: return fold_requirement(state, event.requirement_captured().requirement());
        case Event::kRequirementsBaselined: return state.set_requirements_baselined(true);
        case Event::kDeliveryPlanned: return fold_planned(state, event.delivery_planned());
        case Event::kDeliveryStarted: return fold_started(state, occurred_at);
        case Event::kResourceAssigned: *state.add_resources_assigned() = event.resource_assigned(); return;
        case Event::kTaskStarted: return progress_of(state, event.task_started().task_id()).set_started(true);
        case Event::kTaskCompleted: return progress_of(state, event.task_completed().task_id()).set_completed(true);
        case Event::kWorkReported: return fold_work(state, event.work_reported());
        case Event::kDeliveryCostRecorded: return fold_cost(state, event.delivery_cost_recorded().cost());
        case Event::kDeliveryMilestoneHit: return fold_milestone(state, event.delivery_milestone_hit());
        case Event::kRiskRaised: return fold_risk(state, event.risk_raised().risk());
        case Event::kRiskClosed: return fold_risk_closed(state, event.risk_closed());
        case Event::kMonitoringRecorded:
        case Event::kReviewRecorded: return;  // no decision looks at them
        case Event::kChangeRequested: return fold_change(state, event.change_requested());
        case Event::kDeliveryRebaselined:
            return fold_plan(state, event.delivery_rebaselined().to(), event.delivery_rebaselined().baseline_number());
        case Event::kDeliveredToCustomer: return fold_delivered(state, event.delivered_to_customer());
        case Event::kOutcomeEvaluated: return fold_outcome(state, event.outcome_evaluated());
        case Event::kDeliveryClosed: return state.set_status(v1::CLOSED);
        case Event::kDeliveryCancelled: return state.set_status(v1::CANCELLED);
        case Event::EVENT_NOT_SET: break;
    }
    nothing_inside("delivery event");
}

}  // namespace tidemark::aggregates
