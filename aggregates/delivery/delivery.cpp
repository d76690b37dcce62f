#include "aggregates/delivery/delivery.hpp"

#include "aggregates/decision.hpp"
#include "aggregates/delivery/rules.hpp"
#include "events/time.hpp"

namespace tidemark::aggregates {

RejectionFact fact_of(DeliveryRejection why) {
    using Why = DeliveryRejection;
    switch (why) {
        case Why::delivery_not_found: return {"DeliveryNotFound", v1::NOT_FOUND};
        case Why::delivery_not_planned: return {"DeliveryNotPlanned", v1::STATE_CONFLICT};
        case Why::delivery_not_started: return {"DeliveryNotStarted", v1::STATE_CONFLICT};
        case Why::delivery_not_delivered: return {"DeliveryNotDelivered", v1::STATE_CONFLICT};
        case Why::delivery_already_planned: return {"DeliveryAlreadyPlanned", v1::STATE_CONFLICT};
        case Why::delivery_already_delivered: return {"DeliveryAlreadyDelivered", v1::STATE_CONFLICT};
        case Why::delivery_already_closed: return {"DeliveryAlreadyClosed", v1::STATE_CONFLICT};
        case Why::delivery_already_cancelled: return {"DeliveryAlreadyCancelled", v1::STATE_CONFLICT};
        case Why::requirement_already_captured: return {"RequirementAlreadyCaptured", v1::STATE_CONFLICT};
        case Why::requirements_already_baselined: return {"RequirementsAlreadyBaselined", v1::STATE_CONFLICT};
        case Why::too_many_requirements: return {"TooManyRequirements", v1::STATE_CONFLICT};
        case Why::no_requirements: return {"NoRequirements", v1::STATE_CONFLICT};
        case Why::too_many_resources: return {"TooManyResources", v1::STATE_CONFLICT};
        case Why::too_many_risks: return {"TooManyRisks", v1::STATE_CONFLICT};
        case Why::too_many_changes: return {"TooManyChanges", v1::STATE_CONFLICT};
        case Why::risk_already_raised: return {"RiskAlreadyRaised", v1::STATE_CONFLICT};
        case Why::risk_already_closed: return {"RiskAlreadyClosed", v1::STATE_CONFLICT};
        case Why::change_already_requested: return {"ChangeAlreadyRequested", v1::STATE_CONFLICT};
        case Why::task_not_started: return {"TaskNotStarted", v1::STATE_CONFLICT};
        case Why::task_already_completed: return {"TaskAlreadyCompleted", v1::STATE_CONFLICT};
        case Why::milestone_already_hit: return {"MilestoneAlreadyHit", v1::STATE_CONFLICT};
        case Why::outcome_already_evaluated: return {"OutcomeAlreadyEvaluated", v1::STATE_CONFLICT};
        case Why::customer_archived: return {"CustomerArchived", v1::RULE_VIOLATED};
        case Why::sale_of_another_customer: return {"SaleOfAnotherCustomer", v1::RULE_VIOLATED};
        case Why::sale_lost: return {"SaleLost", v1::RULE_VIOLATED};
        case Why::plan_ends_before_start: return {"PlanEndsBeforeStart", v1::RULE_VIOLATED};
        case Why::plan_id_repeated: return {"PlanIdRepeated", v1::RULE_VIOLATED};
        case Why::plan_too_large: return {"PlanTooLarge", v1::RULE_VIOLATED};
        case Why::plan_drops_what_was_done: return {"PlanDropsWhatWasDone", v1::RULE_VIOLATED};
        case Why::date_before_start: return {"DateBeforeStart", v1::RULE_VIOLATED};
        case Why::date_in_future: return {"DateInFuture", v1::RULE_VIOLATED};
        case Why::task_unknown: return {"TaskUnknown", v1::RULE_VIOLATED};
        case Why::milestone_unknown: return {"MilestoneUnknown", v1::RULE_VIOLATED};
        case Why::risk_unknown: return {"RiskUnknown", v1::RULE_VIOLATED};
        case Why::change_unknown: return {"ChangeUnknown", v1::RULE_VIOLATED};
        case Why::currency_mismatch: return {"CurrencyMismatch", v1::RULE_VIOLATED};
        case Why::amount_too_large: return {"AmountTooLarge", v1::RULE_VIOLATED};
    }
    return {};
}

namespace delivery {
namespace {

struct Standing {
    Why why;
    std::string_view sentence;
};

// What a delivery in this status is or is not, as a reason to say no.
Standing standing(v1::DeliveryStatus status) {
    switch (status) {
        case v1::REQUIREMENTS: return {Why::delivery_not_planned, "is not planned yet; plan it first."};
        case v1::PLANNED: return {Why::delivery_not_started, "is planned and not started; start it first."};
        case v1::RUNNING: return {Why::delivery_not_delivered, "is running; deliver it to the customer first."};
        case v1::DELIVERED:
            return {Why::delivery_already_delivered,
                    "is delivered already; only late costs, reviews, "
                    "the evaluation and the closing are left."};
        case v1::CLOSED: return {Why::delivery_already_closed, "is closed and takes no further commands."};
        case v1::CANCELLED: return {Why::delivery_already_cancelled, "is cancelled and takes no further commands."};
        case v1::DELIVERY_STATUS_UNSPECIFIED:
        case v1::DeliveryStatus_INT_MIN_SENTINEL_DO_NOT_USE_:
        case v1::DeliveryStatus_INT_MAX_SENTINEL_DO_NOT_USE_: break;
    }
    return {Why::delivery_not_found, "does not exist; capture its requirements or plan it first."};
}

}  // namespace

Refusal refuse_unless(const State& state, std::initializer_list<v1::DeliveryStatus> allowed, const Context& context) {
    if (std::ranges::find(allowed, state.status()) != allowed.end()) return std::nullopt;
    const Standing stands = standing(state.status());
    return refuse(stands.why, "", "The delivery " + quoted(context.stream_id) + ' ' + std::string(stands.sentence));
}

Refusal refuse_other_currency(const std::string& currency, const v1::Money& amount, std::string_view field) {
    if (currency.empty() || amount.currency() == currency) return std::nullopt;
    return refuse(Why::currency_mismatch, field,
                  "The delivery is in " + currency + ", and this amount is in " + amount.currency() +
                      "; convert it to " + currency + '.');
}

Refusal refuse_wrong_date(const State& state, std::int32_t date, std::string_view field, const Context& context) {
    const std::int32_t started = events::date_of(state.started_at());
    if (date < started - 1) {
        return refuse(Why::date_before_start, field,
                      events::format_date(date) + " lies before the delivery was started, on " +
                          events::format_date(started) + "; correct the date.");
    }
    const std::int32_t told = events::date_of(context.occurred_at);
    if (date > told + 1) {
        return refuse(Why::date_in_future, field,
                      events::format_date(date) + " lies after the day of the command, " + events::format_date(told) +
                          "; tell it when it has happened.");
    }
    return std::nullopt;
}

Refusal refuse_unknown_task(const State& state, const std::string& task_id, std::string_view field) {
    if (task_id.empty() || find_id(state.plan().tasks(), task_id) != nullptr) return std::nullopt;
    return refuse(Why::task_unknown, field,
                  "The plan in force has no task " + quoted(task_id) + "; name one of its tasks, or rebaseline.");
}

}  // namespace delivery

// Nothing is looked up for a delivery that is planned already.
std::vector<Need> Delivery::needs(const State& state, const Command& command) {
    std::vector<Need> needs;
    const bool may_be_planned = state.status() == v1::DELIVERY_STATUS_UNSPECIFIED || state.status() == v1::REQUIREMENTS;
    if (!command.has_plan_delivery() || !may_be_planned) return needs;
    const v1::PlanDelivery& plan = command.plan_delivery();
    const auto need = [&](std::string_view other, const std::string& id, std::string_view field) {
        if (!id.empty()) needs.push_back({.kind = other, .id = id, .field = field});
    };
    need("customer", plan.customer_id(), "plan_delivery.customer_id");
    need("sale", plan.sale_id(), "plan_delivery.sale_id");
    need("product", plan.product_id(), "plan_delivery.product_id");
    return needs;
}

Decision<Delivery::Event> Delivery::decide(const State& state, const Command& command, const Context& context) {
    using namespace delivery;
    switch (command.command_case()) {
        case Command::kCaptureRequirement: return capture_requirement(state, command.capture_requirement(), context);
        case Command::kBaselineRequirements: return baseline_requirements(state, context);
        case Command::kPlanDelivery: return plan(state, command.plan_delivery(), context);
        case Command::kStartDelivery: return start(state, context);
        case Command::kAssignResource: return assign_resource(state, command.assign_resource(), context);
        case Command::kStartTask: return start_task(state, command.start_task(), context);
        case Command::kCompleteTask: return complete_task(state, command.complete_task(), context);
        case Command::kReportWork: return report_work(state, command.report_work(), context);
        case Command::kRecordDeliveryCost: return record_cost(state, command.record_delivery_cost(), context);
        case Command::kHitDeliveryMilestone: return hit_milestone(state, command.hit_delivery_milestone(), context);
        case Command::kRaiseRisk: return raise_risk(state, command.raise_risk(), context);
        case Command::kCloseRisk: return close_risk(state, command.close_risk(), context);
        case Command::kRecordMonitoring: return record_monitoring(state, command.record_monitoring(), context);
        case Command::kRecordReview: return record_review(state, command.record_review(), context);
        case Command::kRequestChange: return request_change(state, command.request_change(), context);
        case Command::kRebaselineDelivery: return rebaseline(state, command.rebaseline_delivery(), context);
        case Command::kDeliverToCustomer: return deliver(state, command.deliver_to_customer(), context);
        case Command::kEvaluateOutcome: return evaluate(state, command.evaluate_outcome(), context);
        case Command::kCloseDelivery: return close(state, context);
        case Command::kCancelDelivery: return cancel(state, command.cancel_delivery(), context);
        case Command::COMMAND_NOT_SET: break;
    }
    nothing_inside("delivery command");
}

}  // namespace tidemark::aggregates
