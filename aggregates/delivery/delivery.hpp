// A delivery project: a product, a service or a solution for a customer, from requirements to the outcome.
//
//   requirements -> planned -> running -> delivered -> closed      (cancelled from any of the first four)
#pragma once

#include "aggregates/decider.hpp"
#include "aggregates/delivery/delivery.pb.h"
#include "aggregates/rejection.hpp"
#include "events/v1/delivery.pb.h"

namespace tidemark::aggregates {

enum class DeliveryRejection {
    // Where it stands, when that is not where the command needs it.
    delivery_not_found,
    delivery_not_planned,
    delivery_not_started,
    delivery_not_delivered,
    delivery_already_planned,
    delivery_already_delivered,
    delivery_already_closed,
    delivery_already_cancelled,
    // What was captured, raised or requested before.
    requirement_already_captured,
    requirements_already_baselined,
    too_many_requirements,
    no_requirements,
    too_many_resources,
    too_many_risks,
    too_many_changes,
    risk_already_raised,
    risk_already_closed,
    change_already_requested,
    task_not_started,
    task_already_completed,
    milestone_already_hit,
    outcome_already_evaluated,
    // What the command names or says.
    customer_archived,
    sale_of_another_customer,
    sale_lost,
    plan_ends_before_start,
    plan_id_repeated,
    plan_too_large,
    plan_drops_what_was_done,
    date_before_start,
    date_in_future,
    task_unknown,
    milestone_unknown,
    risk_unknown,
    change_unknown,
    currency_mismatch,
    amount_too_large,
};
[[nodiscard]] RejectionFact fact_of(DeliveryRejection why);

struct Delivery {
    static constexpr std::string_view kind = "delivery";
    static constexpr std::uint32_t fold_version = 2;
    // A plan is held in the state and written whole into an event, with what is said beside it: both are serialised
    // bytes.
    static constexpr std::size_t max_plan_bytes = 48UL * 1024;
    static constexpr std::size_t max_planned_bytes = 80UL * 1024;
    // What a state holds, so that it never outgrows a cache. A baseline names all requirements in one event.
    static constexpr int max_requirements = 500;
    static constexpr int max_resources = 500;  // assignments
    static constexpr int max_risks = 200;      // of all plans, and raised
    static constexpr int max_changes = 200;
    using Command = v1::DeliveryCommand;
    using Event = v1::DeliveryEvent;
    using State = v1::DeliveryState;
    using Rejection = DeliveryRejection;

    static std::vector<Need> needs(const State& state, const Command& command);
    static Decision<Event> decide(const State& state, const Command& command, const Context& context);
    static void evolve(State& state, const Event& event, events::Micros occurred_at);
};
static_assert(Decider<Delivery>);

}  // namespace tidemark::aggregates
