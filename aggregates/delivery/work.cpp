// What is done in a delivery: tasks, work, costs, milestones.
#include "aggregates/decision.hpp"
#include "aggregates/delivery/rules.hpp"
#include "events/money.hpp"
#include "events/time.hpp"

namespace tidemark::aggregates::delivery {

namespace {

bool same_resource(const v1::Resource& a, const v1::Resource& b) {
    return a.id() == b.id() && a.role() == b.role() && a.planned_minutes() == b.planned_minutes();
}

}  // namespace

// What was done stays done: told again, it changes nothing, wherever the delivery stands meanwhile.
Decision<Event> start(const State& state, const Context& context) {
    if (state.status() == v1::RUNNING || state.status() == v1::DELIVERED || state.status() == v1::CLOSED) {
        return unchanged<Event>();
    }
    if (auto refused = refuse_unless(state, {v1::PLANNED}, context)) return *std::move(refused);
    Event event;
    *event.mutable_delivery_started()->mutable_dims() = state.dims();
    return one(std::move(event));
}

Decision<Event> assign_resource(const State& state, const v1::AssignResource& command, const Context& context) {
    const bool known = std::ranges::any_of(state.resources_assigned(), [&](const v1::ResourceAssigned& before) {
        return before.task_id() == command.task_id() && same_resource(before.resource(), command.resource());
    });
    if (known) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::PLANNED, v1::RUNNING}, context)) return *std::move(refused);
    if (auto unknown = refuse_unknown_task(state, command.task_id(), "assign_resource.task_id")) {
        return *std::move(unknown);
    }
    if (state.resources_assigned_size() >= Delivery::max_resources) {
        return refuse(Why::too_many_resources, "",
                      "At most " + std::to_string(Delivery::max_resources) +
                          " resources are assigned to one delivery; assign teams rather than people.");
    }
    Event event;
    v1::ResourceAssigned& assigned = *event.mutable_resource_assigned();
    *assigned.mutable_resource() = command.resource();
    assigned.set_task_id(command.task_id());
    return one(std::move(event));
}

namespace {

const v1::TaskProgress* progress_of(const State& state, const std::string& task_id) {
    const auto found = std::ranges::find_if(
        state.task_progress(), [&](const v1::TaskProgress& progress) { return progress.task_id() == task_id; });
    return found == state.task_progress().end() ? nullptr : &*found;
}

}  // namespace

Decision<Event> start_task(const State& state, const v1::StartTask& command, const Context& context) {
    const v1::TaskProgress* progress = progress_of(state, command.task_id());
    const bool started = progress != nullptr && progress->started();
    if (started && !progress->completed()) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::RUNNING}, context)) return *std::move(refused);
    if (auto unknown = refuse_unknown_task(state, command.task_id(), "start_task.task_id")) return *std::move(unknown);
    if (started) {
        return refuse(Why::task_already_completed, "start_task.task_id",
                      "The task " + quoted(command.task_id()) + " is completed; it is not started again.");
    }
    Event event;
    event.mutable_task_started()->set_task_id(command.task_id());
    event.mutable_task_started()->set_kind(find_id(state.plan().tasks(), command.task_id())->kind());
    return one(std::move(event));
}

Decision<Event> complete_task(const State& state, const v1::CompleteTask& command, const Context& context) {
    const v1::TaskProgress* progress = progress_of(state, command.task_id());
    if (progress != nullptr && progress->completed()) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::RUNNING}, context)) return *std::move(refused);
    if (auto unknown = refuse_unknown_task(state, command.task_id(), "complete_task.task_id"))
        return *std::move(unknown);
    if (progress == nullptr || !progress->started()) {
        return refuse(Why::task_not_started, "complete_task.task_id",
                      "The task " + quoted(command.task_id()) + " was not started; start it first.");
    }
    const v1::Task& task = *find_id(state.plan().tasks(), command.task_id());
    Event event;
    v1::TaskCompleted& completed = *event.mutable_task_completed();
    completed.set_task_id(task.id());
    completed.set_kind(task.kind());
    completed.set_planned_minutes(task.planned_minutes());
    *completed.mutable_dims() = state.dims();
    return one(std::move(event));
}

// Two reports of the same work are two amounts of work: only the command id tells a repetition.
Decision<Event> report_work(const State& state, const v1::ReportWork& command, const Context& context) {
    if (auto refused = refuse_unless(state, {v1::RUNNING}, context)) return *std::move(refused);
    if (auto unknown = refuse_unknown_task(state, command.task_id(), "report_work.task_id")) return *std::move(unknown);
    Event event;
    v1::WorkReported& reported = *event.mutable_work_reported();
    reported.set_task_id(command.task_id());
    reported.set_minutes(command.minutes());
    reported.set_note(command.note());
    *reported.mutable_dims() = state.dims();
    return one(std::move(event));
}

// Bills may come in late, so that costs are taken until the delivery is closed.
Decision<Event> record_cost(const State& state, const v1::RecordDeliveryCost& command, const Context& context) {
    if (auto refused = refuse_unless(state, {v1::RUNNING, v1::DELIVERED}, context)) return *std::move(refused);
    constexpr std::string_view field = "record_delivery_cost.cost";
    if (auto other = refuse_other_currency(state.currency(), command.cost(), field)) return *std::move(other);
    const std::optional<v1::Money> sum = events::add(state.cost(), command.cost());
    if (!sum || !events::in_bounds(sum->minor())) {
        return refuse(Why::amount_too_large, field, "The costs add up to more than an amount can hold.");
    }
    Event event;
    v1::DeliveryCostRecorded& recorded = *event.mutable_delivery_cost_recorded();
    *recorded.mutable_cost() = command.cost();
    recorded.set_note(command.note());
    *recorded.mutable_dims() = state.dims();
    return one(std::move(event));
}

// Measured against the baseline date of the plan in force.
Decision<Event> hit_milestone(const State& state, const v1::HitDeliveryMilestone& command, const Context& context) {
    const bool dated = command.actual_date() != 0;
    const std::int32_t actual = dated ? command.actual_date() : events::date_of(context.occurred_at);
    const auto hit = std::ranges::find_if(state.milestones_hit(), [&](const v1::MilestoneHit& known) {
        return known.milestone_id() == command.milestone_id();
    });
    if (hit != state.milestones_hit().end() && (!dated || hit->actual_date() == actual)) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::RUNNING}, context)) return *std::move(refused);
    if (hit != state.milestones_hit().end()) {
        return refuse(Why::milestone_already_hit, "hit_delivery_milestone.actual_date",
                      "The milestone " + quoted(command.milestone_id()) + " was hit on " +
                          events::format_date(hit->actual_date()) + '.');
    }
    const v1::Milestone* milestone = find_id(state.plan().milestones(), command.milestone_id());
    if (milestone == nullptr) {
        return refuse(Why::milestone_unknown, "hit_delivery_milestone.milestone_id",
                      "The plan in force has no milestone " + quoted(command.milestone_id()) +
                          "; name one of its milestones, or rebaseline.");
    }
    if (auto wrong = refuse_wrong_date(state, actual, "hit_delivery_milestone.actual_date", context)) {
        return *std::move(wrong);
    }
    Event event;
    v1::DeliveryMilestoneHit& reached = *event.mutable_delivery_milestone_hit();
    reached.set_milestone_id(milestone->id());
    reached.set_baseline_date(milestone->baseline_date());
    reached.set_actual_date(actual);
    reached.set_slippage_days(actual - milestone->baseline_date());
    *reached.mutable_dims() = state.dims();
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::delivery
