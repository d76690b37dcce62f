#include "aggregates/product/product.hpp"

#include "aggregates/decision.hpp"

namespace tidemark::aggregates {
namespace {

using State = v1::ProductState;
using Event = v1::ProductEvent;
using Why = ProductRejection;

auto not_found(const Context& context) {
    return refuse(Why::product_not_found, "",
                  "There is no product " + quoted(context.stream_id) + "; define it first.");
}

// Defining it again as it stands changes nothing; a new price has a command of its own.
Decision<Event> define(const State& state, const v1::DefineProduct& command, const Context& context) {
    Event event;
    v1::ProductDefined& defined = *event.mutable_product_defined();
    defined.set_code(command.code().empty() ? std::string(context.stream_id) : command.code());
    defined.set_name(command.name());
    defined.set_series(command.series());
    *defined.mutable_list_price() = command.list_price();
    if (!state.defined()) return one(std::move(event));

    const bool as_it_stands = state.code() == defined.code() && state.name() == defined.name() &&
                              state.series() == defined.series() && same(state.list_price(), defined.list_price());
    if (as_it_stands) return unchanged<Event>();
    return refuse(Why::product_already_exists, "",
                  "The product " + quoted(context.stream_id) +
                      " exists with another code, name, series or price; a price is changed with ChangeListPrice.");
}

Decision<Event> change_list_price(const State& state, const v1::ChangeListPrice& command, const Context& context) {
    if (!state.defined()) return not_found(context);
    if (same(state.list_price(), command.list_price())) return unchanged<Event>();
    if (state.retired()) {
        return refuse(Why::product_retired, "",
                      "The product " + quoted(context.stream_id) + " is retired: its price is not changed any more.");
    }
    Event event;
    *event.mutable_list_price_changed()->mutable_from() = state.list_price();
    *event.mutable_list_price_changed()->mutable_to() = command.list_price();
    return one(std::move(event));
}

Decision<Event> retire(const State& state, const v1::RetireProduct& command, const Context& context) {
    if (!state.defined()) return not_found(context);
    if (state.retired()) return unchanged<Event>();
    Event event;
    event.mutable_product_retired()->set_reason(command.reason());
    return one(std::move(event));
}

}  // namespace

RejectionFact fact_of(ProductRejection why) {
    switch (why) {
        case Why::product_not_found: return {"ProductNotFound", v1::NOT_FOUND};
        case Why::product_already_exists: return {"ProductAlreadyExists", v1::STATE_CONFLICT};
        case Why::product_retired: return {"ProductRetired", v1::STATE_CONFLICT};
    }
    return {};
}

std::vector<Need> Product::needs(const State&, const Command&) {
    return {};
}

Decision<Product::Event> Product::decide(const State& state, const Command& command, const Context& context) {
    switch (command.command_case()) {
        case Command::kDefineProduct: return define(state, command.define_product(), context);
        case Command::kChangeListPrice: return change_list_price(state, command.change_list_price(), context);
        case Command::kRetireProduct: return retire(state, command.retire_product(), context);
        case Command::COMMAND_NOT_SET: break;
    }
    nothing_inside("product command");
}

void Product::evolve(State& state, const Event& event, events::Micros) {
    switch (event.event_case()) {
        case Event::kProductDefined: {
            const v1::ProductDefined& defined = event.product_defined();
            state.set_defined(true);
            state.set_code(defined.code());
            state.set_name(defined.name());
            state.set_series(defined.series());
            *state.mutable_list_price() = defined.list_price();
            return;
        }
        case Event::kListPriceChanged: *state.mutable_list_price() = event.list_price_changed().to(); return;
        case Event::kProductRetired: state.set_retired(true); return;
        case Event::EVENT_NOT_SET: break;
    }
    nothing_inside("product event");
}

}  // namespace tidemark::aggregates
