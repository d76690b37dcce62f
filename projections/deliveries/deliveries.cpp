#include "projections/deliveries/deliveries.hpp"

#include "projections/deliveries/figures.hpp"
#include "projections/keys.hpp"

#include <algorithm>
#include <stdexcept>

namespace tidemark::projections::deliveries {

namespace {

enum Table : std::uint32_t { rows };

v1::BoardTask* task(v1::DeliveryRow& row, const std::string& id) {
    for (auto& t : *row.mutable_tasks())
        if (t.id() == id) return &t;
    return nullptr;
}

v1::BoardRisk& risk(v1::DeliveryRow& row, const std::string& id) {
    for (auto& r : *row.mutable_risks())
        if (r.risk().id() == id) return r;
    auto& r = *row.add_risks();
    r.mutable_risk()->set_id(id);
    return r;
}

// Who is planned is assigned later, often to several tasks, and is one all the same.
void add_resource(v1::DeliveryRow& row, const std::string& id) {
    if (std::ranges::find(row.resource_ids(), id) == row.resource_ids().end()) row.add_resource_ids(id);
    row.set_resources(static_cast<std::uint32_t>(row.resource_ids_size()));
}

// What was done under the former plan stays with the tasks and milestones of the same id.
void adopt(v1::DeliveryRow& row, const v1::DeliveryPlan& plan) {
    row.set_start_date(plan.start_date());
    row.set_end_date(plan.end_date());
    if (plan.has_budget()) {
        *row.mutable_budget() = plan.budget();
    } else {
        row.clear_budget();  // none was set; not one of nothing
    }
    v1::DeliveryRow former;
    former.mutable_tasks()->Swap(row.mutable_tasks());
    former.mutable_milestones()->Swap(row.mutable_milestones());
    for (const auto& planned : plan.tasks()) {
        auto& t = *row.add_tasks();
        if (const auto* before = task(former, planned.id())) t = *before;
        t.set_id(planned.id());
        t.set_name(planned.name());
        t.set_kind(planned.kind());
        t.set_planned_minutes(planned.planned_minutes());
    }
    for (const auto& planned : plan.milestones()) {
        auto& m = *row.add_milestones();
        for (const auto& before : former.milestones())
            if (before.id() == planned.id() && before.hit()) m = before;
        m.set_id(planned.id());
        m.set_name(planned.name());
        if (!m.hit()) m.set_baseline_date(planned.baseline_date());  // what was hit was measured by its own baseline
    }
    for (const auto& planned : plan.risks()) *risk(row, planned.id()).mutable_risk() = planned;
    for (const auto& resource : plan.resources()) add_resource(row, resource.id());
}

void planned(v1::DeliveryRow& row, const v1::DeliveryPlanned& e) {
    row.set_name(e.name());
    row.set_sale_id(e.sale_id());
    *row.mutable_dims() = e.dims();
    *row.mutable_goals() = e.goals();
    *row.mutable_outcomes() = e.outcomes();
    row.set_strategic_goal(e.strategic_goal());
    row.set_baseline_number(1);
    row.set_status(v1::DeliveryRow::PLANNED);
    adopt(row, e.plan());
}

void add_cost(v1::DeliveryRow& row, const v1::Money& cost) {
    auto& sum = *row.mutable_cost();
    if (sum.currency().empty()) sum.set_currency(cost.currency());
    if (sum.currency() != cost.currency()) throw std::runtime_error("costs of one delivery in two currencies");
    sum.set_minor(sum.minor() + cost.minor());
}

void hit(v1::DeliveryRow& row, const v1::DeliveryMilestoneHit& e) {
    for (auto& m : *row.mutable_milestones()) {
        if (m.id() != e.milestone_id()) continue;
        m.set_hit(true);
        m.set_baseline_date(e.baseline_date());
        m.set_actual_date(e.actual_date());
        m.set_slippage_days(e.slippage_days());
    }
}

void reviewed(v1::DeliveryRow& row, const v1::ReviewRecorded& e) {
    for (auto& review : *row.mutable_reviews())
        if (review.subject() == e.subject()) return review.set_verdict(e.verdict());
    auto& review = *row.add_reviews();
    review.set_subject(e.subject());
    review.set_verdict(e.verdict());
}

void end(v1::DeliveryRow& row, v1::DeliveryRow::Status status, events::Micros at) {
    row.set_status(status);
    row.set_ended_at(at);
}

}  // namespace

void fold(v1::DeliveryRow& row, const v1::DeliveryEvent& what, events::Micros at) {
    using E = v1::DeliveryEvent;
    switch (what.event_case()) {
        case E::kRequirementCaptured:
            if (row.status() == v1::DeliveryRow::STATUS_UNSPECIFIED) row.set_status(v1::DeliveryRow::REQUIREMENTS);
            return row.set_requirements(row.requirements() + 1);
        case E::kRequirementsBaselined: return row.set_requirements_baselined(true);
        case E::kDeliveryPlanned: return planned(row, what.delivery_planned());
        case E::kDeliveryStarted: row.set_status(v1::DeliveryRow::RUNNING); return row.set_started_at(at);
        case E::kResourceAssigned: return add_resource(row, what.resource_assigned().resource().id());
        case E::kTaskStarted:
            if (auto* t = task(row, what.task_started().task_id())) t->set_started(true);
            return;
        case E::kTaskCompleted:
            if (auto* t = task(row, what.task_completed().task_id())) t->set_completed(true);
            return;
        case E::kWorkReported:
            row.set_worked_minutes(row.worked_minutes() + what.work_reported().minutes());
            if (auto* t = task(row, what.work_reported().task_id()))
                t->set_worked_minutes(t->worked_minutes() + what.work_reported().minutes());
            return;
        case E::kDeliveryCostRecorded: return add_cost(row, what.delivery_cost_recorded().cost());
        case E::kDeliveryMilestoneHit: return hit(row, what.delivery_milestone_hit());
        case E::kRiskRaised: {
            const auto& raised = what.risk_raised().risk();
            *risk(row, raised.id()).mutable_risk() = raised;
            return;
        }
        case E::kRiskClosed: {
            auto& r = risk(row, what.risk_closed().risk_id());
            r.set_closed(true);
            return r.set_occurred(what.risk_closed().occurred());
        }
        case E::kMonitoringRecorded: return;  // no figure of the board
        case E::kReviewRecorded: return reviewed(row, what.review_recorded());
        case E::kChangeRequested: return row.set_changes_requested(row.changes_requested() + 1);
        case E::kDeliveryRebaselined:
            row.set_baseline_number(what.delivery_rebaselined().baseline_number());
            return adopt(row, what.delivery_rebaselined().to());
        case E::kDeliveredToCustomer:
            row.set_status(v1::DeliveryRow::DELIVERED);
            return row.set_delivered_date(what.delivered_to_customer().date());
        case E::kOutcomeEvaluated:
            row.set_outcome_score(what.outcome_evaluated().score());
            row.set_outcome_effect(what.outcome_evaluated().effect());
            return row.set_outcome_impact(what.outcome_evaluated().impact());
        case E::kDeliveryClosed: return end(row, v1::DeliveryRow::CLOSED, at);
        case E::kDeliveryCancelled:
            row.set_cancel_reason(what.delivery_cancelled().reason());
            return end(row, v1::DeliveryRow::CANCELLED, at);
        case E::EVENT_NOT_SET: throw std::runtime_error("a delivery event without an event");
    }
}

namespace {

void apply(const Event& event, Rows& store) {
    const auto* what = std::get_if<v1::DeliveryEvent>(&event.payload);
    if (what == nullptr) return;
    auto& row = store.row<v1::DeliveryRow>(rows, Key(event.header.tenant).id(event.header.stream_id));
    row.set_id(std::string(event.header.stream_id));
    row.set_version(event.header.version);
    row.set_changed_at(event.header.occurred_at);
    fold(row, *what, event.header.occurred_at);
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name), .version = 2, .tables = {"rows"}, .apply = apply};
}

std::expected<v1::DeliveryBoard, QueryError> query_board(const ViewReader& view, const BoardQuery& query,
                                                         const kpi::Calendar& calendar) {
    v1::DeliveryBoard answer;
    auto next = walk(
        view, rows, Key(query.tenant), query.page, Order::ascending, [&](std::string_view, std::string_view value) {
            auto row = parse_row<v1::DeliveryRow>(value);
            if ((query.status != v1::DeliveryRow::STATUS_UNSPECIFIED && query.status != row.status()) ||
                !passes(query.owner, row.dims().owner()) || !passes(query.region, row.dims().region()) ||
                !passes(query.product, row.dims().product_id()) || !passes(query.customer, row.dims().customer_id()))
                return false;
            auto entry = figures(std::move(row), query.now, calendar);
            if ((query.on_time && *query.on_time != entry.on_time()) ||
                (query.on_budget && (!entry.has_on_budget() || *query.on_budget != entry.on_budget())))
                return false;
            *answer.add_deliveries() = std::move(entry);
            return true;
        });
    if (!next) return std::unexpected(next.error());
    answer.set_next_cursor(*next);
    return answer;
}

std::optional<v1::DeliveryBoardEntry> query_one(const ViewReader& view, std::string_view tenant, std::string_view id,
                                                events::Micros now, const kpi::Calendar& calendar) {
    auto row = view.row<v1::DeliveryRow>(rows, Key(tenant).id(id));
    if (!row) return {};
    return figures(std::move(*row), now, calendar);
}

}  // namespace tidemark::projections::deliveries
