// An opportunity to sell: opened in a pipeline, moved through its stages, won or lost, put right when it was wrong.
#pragma once

#include "aggregates/decider.hpp"
#include "aggregates/rejection.hpp"
#include "aggregates/sale/sale.pb.h"
#include "events/v1/sale.pb.h"

namespace tidemark::aggregates {

enum class SaleRejection {
    sale_not_found,
    sale_already_exists,
    sale_already_closed,
    sale_not_closed,
    customer_archived,
    product_retired,
    stage_unknown,
    amount_missing,
    amount_too_large,
    currency_mismatch,
    time_before_sale_opened,
    time_before_stage_entered,
    time_before_sale_closed,
    opened_after_stage_left,
    closed_before_stage_entered,
    time_in_future,
};
[[nodiscard]] RejectionFact fact_of(SaleRejection why);

struct Sale {
    static constexpr std::string_view kind = "sale";
    static constexpr std::uint32_t fold_version = 2;
    using Command = v1::SaleCommand;
    using Event = v1::SaleEvent;
    using State = v1::SaleState;
    using Rejection = SaleRejection;

    static std::vector<Need> needs(const State& state, const Command& command);
    static Decision<Event> decide(const State& state, const Command& command, const Context& context);
    static void evolve(State& state, const Event& event, events::Micros occurred_at);
};
static_assert(Decider<Sale>);

}  // namespace tidemark::aggregates
