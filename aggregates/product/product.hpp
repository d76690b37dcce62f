// What is sold: defined with a list price, repriced, retired.
#pragma once

#include "aggregates/decider.hpp"
#include "aggregates/product/product.pb.h"
#include "aggregates/rejection.hpp"
#include "events/v1/product.pb.h"

namespace tidemark::aggregates {

enum class ProductRejection {
    product_not_found,
    product_already_exists,
    product_retired,
};
[[nodiscard]] RejectionFact fact_of(ProductRejection why);

struct Product {
    static constexpr std::string_view kind = "product";
    static constexpr std::uint32_t fold_version = 1;
    using Command = v1::ProductCommand;
    using Event = v1::ProductEvent;
    using State = v1::ProductState;
    using Rejection = ProductRejection;

    static std::vector<Need> needs(const State& state, const Command& command);
    static Decision<Event> decide(const State& state, const Command& command, const Context& context);
    static void evolve(State& state, const Event& event, events::Micros occurred_at);
};
static_assert(Decider<Product>);

}  // namespace tidemark::aggregates
