// What is agreed about a delivery, and how the agreement changes.
#include "aggregates/decision.hpp"
#include "aggregates/delivery/rules.hpp"

#include <unordered_set>

namespace tidemark::aggregates::delivery {

// Requirements come before the plan or after it, until they are baselined.
Decision<Event> capture_requirement(const State& state, const v1::CaptureRequirement& command, const Context& context) {
    const v1::Requirement& wanted = command.requirement();
    const v1::Requirement* known = find_id(state.requirements(), wanted.id());
    if (known != nullptr && same(*known, wanted)) return unchanged<Event>();
    if (auto refused = refuse_unless(
            state, {v1::DELIVERY_STATUS_UNSPECIFIED, v1::REQUIREMENTS, v1::PLANNED, v1::RUNNING}, context)) {
        return *std::move(refused);
    }
    if (state.requirements_baselined()) {
        return refuse(Why::requirements_already_baselined, "",
                      "The requirements are baselined; ask for what is new with RequestChange.");
    }
    if (known != nullptr) {
        return refuse(
            Why::requirement_already_captured, "capture_requirement.requirement.id",
            "The requirement " + quoted(wanted.id()) + " was captured with other content; give it another id.");
    }
    if (state.requirements_size() >= Delivery::max_requirements) {
        return refuse(Why::too_many_requirements, "",
                      "A delivery has at most " + std::to_string(Delivery::max_requirements) +
                          " requirements; put several into one, or plan two deliveries.");
    }
    Event event;
    *event.mutable_requirement_captured()->mutable_requirement() = wanted;
    return one(std::move(event));
}

Decision<Event> baseline_requirements(const State& state, const Context& context) {
    if (state.requirements_baselined()) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::REQUIREMENTS, v1::PLANNED, v1::RUNNING}, context)) {
        return *std::move(refused);
    }
    if (state.requirements().empty()) {
        return refuse(Why::no_requirements, "", "No requirement was captured yet; there is nothing to baseline.");
    }
    Event event;
    for (const v1::Requirement& requirement : state.requirements()) {
        event.mutable_requirements_baselined()->add_requirement_ids(requirement.id());
    }
    return one(std::move(event));
}

namespace {

Refusal refuse_repeated(const auto& list, const std::string& field) {
    const std::string id = repeated_id(list);
    if (id.empty()) return std::nullopt;
    return refuse(Why::plan_id_repeated, field,
                  "The id " + quoted(id) + " stands twice; within its list each has an id of its own.");
}

// Budget and risks in the currency that the delivery has or, if it has none yet, in one.
Refusal refuse_other_currencies(const State& state, const v1::DeliveryPlan& plan, const std::string& field) {
    std::string currency = state.currency();
    if (plan.has_budget()) {
        if (auto other = refuse_other_currency(currency, plan.budget(), field + ".budget")) return other;
        currency = plan.budget().currency();
    }
    for (int i = 0; i < plan.risks_size(); ++i) {
        if (!plan.risks(i).has_impact()) continue;
        const v1::Money& impact = plan.risks(i).impact();
        if (currency.empty()) currency = impact.currency();
        if (impact.currency() == currency) continue;
        return refuse_other_currency(currency, impact, field + ".risks[" + std::to_string(i) + "].impact");
    }
    return std::nullopt;
}

// Risks of former plans stay, whether or not the new one repeats them.
Refusal refuse_too_many_risks(const State& state, const v1::DeliveryPlan& plan, const std::string& field) {
    const auto is_new = [&](const v1::Risk& risk) { return find_id(state.risks_raised(), risk.id()) == nullptr; };
    if (plan.risks_size() + state.risks_raised_size() <= Delivery::max_risks) return std::nullopt;
    if (state.risks_raised_size() + std::ranges::count_if(plan.risks(), is_new) <= Delivery::max_risks) {
        return std::nullopt;
    }
    return refuse(Why::too_many_risks, field + ".risks",
                  "A delivery has at most " + std::to_string(Delivery::max_risks) +
                      " risks, those of former plans included; plan with those that matter.");
}

// Rules on every plan; `field` is where it stands in the command.
Refusal refuse_bad_plan(const State& state, const v1::DeliveryPlan& plan, const std::string& field) {
    if (plan.end_date() < plan.start_date()) {
        return refuse(Why::plan_ends_before_start, field + ".end_date",
                      "The plan ends before it starts; exchange the dates or correct one of them.");
    }
    if (plan.ByteSizeLong() > Delivery::max_plan_bytes) {
        return refuse(
            Why::plan_too_large, field,
            "A plan has at most " + std::to_string(Delivery::max_plan_bytes) +
                " bytes as stored; keep it to the tasks and milestones that are tracked, or plan two deliveries.");
    }
    if (auto repeated = refuse_repeated(plan.tasks(), field + ".tasks")) return repeated;
    if (auto repeated = refuse_repeated(plan.milestones(), field + ".milestones")) return repeated;
    if (auto repeated = refuse_repeated(plan.risks(), field + ".risks")) return repeated;
    if (auto repeated = refuse_repeated(plan.resources(), field + ".resources")) return repeated;
    if (auto many = refuse_too_many_risks(state, plan, field)) return many;
    return refuse_other_currencies(state, plan, field);
}

Refusal refuse_references(const v1::PlanDelivery& command, const Context& context) {
    if (!command.customer_id().empty() &&
        context.facts.find("customer", command.customer_id())->customer().archived()) {
        return refuse(Why::customer_archived, "plan_delivery.customer_id",
                      "The customer " + quoted(command.customer_id()) + " is archived; no delivery is planned for it.");
    }
    if (command.sale_id().empty()) return std::nullopt;
    const v1::SaleReference& sale = context.facts.find("sale", command.sale_id())->sale();
    if (sale.status() == v1::LOST) {
        return refuse(
            Why::sale_lost, "plan_delivery.sale_id",
            "The sale " + quoted(command.sale_id()) + " is lost; reopen it, or name the sale that is delivered.");
    }
    const std::string& buyer = sale.customer_id();
    if (command.customer_id().empty() || buyer.empty() || buyer == command.customer_id()) return std::nullopt;
    return refuse(Why::sale_of_another_customer, "plan_delivery.sale_id",
                  "The sale " + quoted(command.sale_id()) + " is of the customer " + quoted(buyer) +
                      "; name that customer, or another sale.");
}

v1::DeliveryPlanned planned_by(const v1::PlanDelivery& command) {
    v1::DeliveryPlanned planned;
    v1::DeliveryDimensions& dims = *planned.mutable_dims();
    dims.set_owner(command.owner());
    dims.set_region(command.region());
    dims.set_product_id(command.product_id());
    dims.set_customer_id(command.customer_id());
    dims.set_template_id(command.template_id());
    dims.set_kind(command.kind());
    dims.set_party(command.party() == v1::DELIVERY_PARTY_UNSPECIFIED ? v1::INTERNAL : command.party());
    planned.set_name(command.name());
    planned.set_sale_id(command.sale_id());
    *planned.mutable_plan() = command.plan();
    *planned.mutable_goals() = command.goals();
    *planned.mutable_outcomes() = command.outcomes();
    *planned.mutable_features() = command.features();
    *planned.mutable_technologies() = command.technologies();
    planned.set_strategic_goal(command.strategic_goal());
    return planned;
}

// Sector, region and customer are as found then if the command left them to be found.
bool as_it_is_planned(const State& state, const v1::DeliveryPlanned& wanted) {
    v1::DeliveryDimensions dims = wanted.dims();
    dims.set_sector(state.dims().sector());
    if (dims.region().empty()) dims.set_region(state.dims().region());
    if (dims.customer_id().empty()) dims.set_customer_id(state.dims().customer_id());
    return same(dims, state.dims()) && wanted.name() == state.name() && wanted.sale_id() == state.sale_id() &&
           same(wanted.plan(), state.plan()) && same(wanted.goals(), state.goals()) &&
           same(wanted.outcomes(), state.outcomes()) && same(wanted.features(), state.features()) &&
           same(wanted.technologies(), state.technologies()) && wanted.strategic_goal() == state.strategic_goal();
}

}  // namespace

Decision<Event> plan(const State& state, const v1::PlanDelivery& command, const Context& context) {
    Event event;
    v1::DeliveryPlanned& planned = *event.mutable_delivery_planned();
    planned = planned_by(command);
    if (state.has_plan()) {
        if (as_it_is_planned(state, planned)) return unchanged<Event>();
        return refuse(Why::delivery_already_planned, "",
                      "The delivery " + quoted(context.stream_id) +
                          " is planned with other content; use RebaselineDelivery to change its plan.");
    }
    if (auto refused = refuse_unless(state, {v1::DELIVERY_STATUS_UNSPECIFIED, v1::REQUIREMENTS}, context)) {
        return *std::move(refused);
    }
    if (auto bad = refuse_bad_plan(state, command.plan(), "plan_delivery.plan")) return *std::move(bad);
    if (planned.ByteSizeLong() > Delivery::max_planned_bytes) {
        return refuse(Why::plan_too_large, "plan_delivery",
                      "A plan with its goals, outcomes, features and technologies has at most " +
                          std::to_string(Delivery::max_planned_bytes) + " bytes as stored; say them in fewer words.");
    }
    if (auto bad = refuse_references(command, context)) return *std::move(bad);
    v1::DeliveryDimensions& dims = *planned.mutable_dims();
    if (!command.customer_id().empty()) {
        const v1::CustomerReference& customer = context.facts.find("customer", command.customer_id())->customer();
        dims.set_sector(customer.sector());
        if (dims.region().empty()) dims.set_region(customer.region());
    } else if (!command.sale_id().empty()) {
        const v1::SaleReference& sale = context.facts.find("sale", command.sale_id())->sale();
        dims.set_customer_id(sale.customer_id());
        dims.set_sector(sale.sector());
        if (dims.region().empty()) dims.set_region(sale.region());
    }
    return one(std::move(event));
}

Decision<Event> request_change(const State& state, const v1::RequestChange& command, const Context& context) {
    v1::ChangeRequested wanted;
    wanted.set_change_id(command.change_id());
    wanted.set_text(command.text());
    if (command.has_cost_impact()) *wanted.mutable_cost_impact() = command.cost_impact();
    wanted.set_days_impact(command.days_impact());
    const auto known = std::ranges::find_if(
        state.changes(), [&](const v1::ChangeRequested& change) { return change.change_id() == command.change_id(); });
    if (known != state.changes().end() && same(*known, wanted)) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::PLANNED, v1::RUNNING}, context)) return *std::move(refused);
    if (known != state.changes().end()) {
        return refuse(
            Why::change_already_requested, "request_change.change_id",
            "The change " + quoted(command.change_id()) + " was requested with other content; give it another id.");
    }
    if (command.has_cost_impact()) {
        if (auto other = refuse_other_currency(state.currency(), command.cost_impact(), "request_change.cost_impact")) {
            return *std::move(other);
        }
    }
    if (state.changes_size() >= Delivery::max_changes) {
        return refuse(Why::too_many_changes, "",
                      "A delivery has at most " + std::to_string(Delivery::max_changes) +
                          " requested changes; plan the rest as a delivery of its own.");
    }
    Event event;
    *event.mutable_change_requested() = std::move(wanted);
    return one(std::move(event));
}

namespace {

std::unordered_set<std::string_view> ids_of(const auto& list) {
    std::unordered_set<std::string_view> ids;
    for (const auto& item : list) ids.insert(item.id());
    return ids;
}

// What was begun or reached is measured by the plan in force, and so has to be in it.
Refusal refuse_dropping_what_was_done(const State& state, const v1::DeliveryPlan& plan) {
    const auto tasks = ids_of(plan.tasks());
    for (const v1::TaskProgress& progress : state.task_progress()) {
        if (tasks.contains(progress.task_id())) continue;
        return refuse(Why::plan_drops_what_was_done, "rebaseline_delivery.plan.tasks",
                      "The task " + quoted(progress.task_id()) + " was worked on and is not in the new plan; keep it.");
    }
    const auto milestones = ids_of(plan.milestones());
    for (const v1::MilestoneHit& hit : state.milestones_hit()) {
        if (milestones.contains(hit.milestone_id())) continue;
        return refuse(Why::plan_drops_what_was_done, "rebaseline_delivery.plan.milestones",
                      "The milestone " + quoted(hit.milestone_id()) + " was hit and is not in the new plan; keep it.");
    }
    return std::nullopt;
}

}  // namespace

Decision<Event> rebaseline(const State& state, const v1::RebaselineDelivery& command, const Context& context) {
    if (state.has_plan() && same(command.plan(), state.plan())) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::PLANNED, v1::RUNNING}, context)) return *std::move(refused);
    const bool requested = std::ranges::any_of(
        state.changes(), [&](const v1::ChangeRequested& change) { return change.change_id() == command.change_id(); });
    if (!command.change_id().empty() && !requested) {
        return refuse(Why::change_unknown, "rebaseline_delivery.change_id",
                      "No change " + quoted(command.change_id()) + " was requested; request it first, or name none.");
    }
    if (auto bad = refuse_bad_plan(state, command.plan(), "rebaseline_delivery.plan")) return *std::move(bad);
    if (auto drops = refuse_dropping_what_was_done(state, command.plan())) return *std::move(drops);
    Event event;
    v1::DeliveryRebaselined& rebaselined = *event.mutable_delivery_rebaselined();
    rebaselined.set_change_id(command.change_id());
    if (state.plan().has_budget()) *rebaselined.mutable_from_budget() = state.plan().budget();
    *rebaselined.mutable_to() = command.plan();
    rebaselined.set_baseline_number(state.baseline_number() + 1);
    *rebaselined.mutable_dims() = state.dims();
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::delivery
