// A person or a company that we sell to: details, needs, consents. Personal values are plain text in
// commands and become `Personal` in events and state.
#pragma once

#include "aggregates/customer/customer.pb.h"
#include "aggregates/decider.hpp"
#include "aggregates/rejection.hpp"
#include "events/v1/customer.pb.h"

namespace tidemark::aggregates {

enum class CustomerRejection {
    customer_not_found,
    customer_already_exists,
    customer_archived,
    name_missing,
    birth_date_in_future,
    birth_date_set_and_cleared,
    attribute_repeated,
    attribute_set_and_removed,
    too_many_attributes,
    external_system_repeated,
    too_many_external_ids,
    too_many_consents,
    too_many_withdrawals,
};
[[nodiscard]] RejectionFact fact_of(CustomerRejection why);

struct Customer {
    static constexpr std::string_view kind = "customer";
    static constexpr std::uint32_t fold_version = 1;
    static constexpr int needs_kept = 100;  // in the state; the log has all
    static constexpr int max_attributes = 100;
    static constexpr int max_external_ids = 20;
    static constexpr int max_consents = 200;     // in force, by purpose and channel
    static constexpr int max_withdrawals = 200;  // of single channels, out of consents for all
    using Command = v1::CustomerCommand;
    using Event = v1::CustomerEvent;
    using State = v1::CustomerState;
    using Rejection = CustomerRejection;

    static std::vector<Need> needs(const State& state, const Command& command);
    static Decision<Event> decide(const State& state, const Command& command, const Context& context);
    static void evolve(State& state, const Event& event, events::Micros occurred_at);
};
static_assert(Decider<Customer>);

}  // namespace tidemark::aggregates
