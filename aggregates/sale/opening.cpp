// How a sale is opened: with everything as it was found at that moment written into the event.
#include "aggregates/decision.hpp"
#include "aggregates/sale/rules.hpp"

namespace tidemark::aggregates::sale {
namespace {

v1::ForecastCategory category_of(const v1::OpenSale& command) {
    return command.forecast_category() == v1::FORECAST_CATEGORY_UNSPECIFIED ? v1::PIPELINE
                                                                            : command.forecast_category();
}

bool same_lines(const Lines& wanted, const Lines& opened) {
    if (wanted.size() != opened.size()) return false;
    for (int i = 0; i < wanted.size(); ++i) {
        const v1::ProductLine& a = wanted.Get(i);
        const v1::ProductLine& b = opened.Get(i);
        if (a.product_id() != b.product_id() || a.quantity() != b.quantity()) return false;
        if (a.has_unit_price() && !same(a.unit_price(), b.unit_price())) return false;
    }
    return true;
}

// Whether this is what the sale was opened with. What the command leaves to be found (region, stage,
// prices) agrees with whatever was found.
bool as_it_was_opened(const State& state, const v1::OpenSale& command) {
    const v1::SaleDimensions& opened = state.opened_dims();
    return command.customer_id() == opened.customer_id() && command.owner() == opened.owner() &&
           (command.region().empty() || command.region() == opened.region()) &&
           command.pipeline_id() == opened.pipeline_id() && command.source() == opened.source() &&
           (command.stage().empty() || command.stage() == state.opened_stage()) &&
           (!command.has_amount() || same(command.amount(), state.opened_amount())) &&
           same_lines(command.lines(), state.lines_changed() ? state.opened_lines() : state.lines()) &&
           command.expected_close() == state.expected_close() &&
           category_of(command) == state.opened_forecast_category();
}

v1::SaleDimensions dimensions(const v1::OpenSale& command, const v1::CustomerReference* customer) {
    v1::SaleDimensions dims;
    dims.set_owner(command.owner());
    dims.set_region(command.region());
    dims.set_pipeline_id(command.pipeline_id());
    dims.set_source(command.source());
    dims.set_customer_id(command.customer_id());
    if (!command.lines().empty()) dims.set_product_id(command.lines(0).product_id());
    if (customer != nullptr) {
        dims.set_sector(customer->sector());
        if (dims.region().empty()) dims.set_region(customer->region());
    }
    return dims;
}

std::expected<v1::Money, v1::Rejection> amount_of(const v1::OpenSale& command, const Lines& lines) {
    const v1::Money* given = command.has_amount() ? &command.amount() : nullptr;
    if (auto mixed = refuse_mixed_currencies(lines, given, "open_sale")) return *std::move(mixed);
    if (given != nullptr) return *given;
    if (lines.empty()) {
        return refuse(Why::amount_missing, "open_sale.amount",
                      "The sale has neither an amount nor product lines to add up; give one of them.");
    }
    if (const std::optional<v1::Money> sum = total(lines)) return *sum;
    return refuse(Why::amount_too_large, "open_sale.lines", "The lines add up to more than an amount can hold.");
}

}  // namespace

Decision<Event> open(const State& state, const v1::OpenSale& command, const Context& context) {
    if (state.status() != v1::SALE_STATUS_UNSPECIFIED) {
        if (as_it_was_opened(state, command)) return unchanged<Event>();
        return refuse(Why::sale_already_exists, "",
                      "The sale " + quoted(context.stream_id) +
                          " was opened with other content; change it, correct it, or open another one.");
    }
    const v1::CustomerReference* customer = nullptr;
    if (!command.customer_id().empty()) customer = &context.facts.find("customer", command.customer_id())->customer();
    if (customer != nullptr && customer->archived()) {
        return refuse(Why::customer_archived, "open_sale.customer_id",
                      "The customer " + quoted(command.customer_id()) + " is archived; no sale is opened for it.");
    }
    const v1::Reference& found = *context.facts.find("pipeline", command.pipeline_id());
    const bool first = command.stage().empty() && !found.pipeline().stages().empty();
    const v1::Stage* stage = first ? &found.pipeline().stages(0) : find_stage(found.pipeline(), command.stage());
    if (stage == nullptr) return stage_unknown("open_sale.stage", command.stage(), command.pipeline_id());
    auto lines = price(command.lines(), {}, "open_sale", context);
    if (!lines) return std::unexpected(std::move(lines.error()));
    auto amount = amount_of(command, *lines);
    if (!amount) return std::unexpected(std::move(amount.error()));

    Event event;
    v1::SaleOpened& opened = *event.mutable_sale_opened();
    *opened.mutable_dims() = dimensions(command, customer);
    *opened.mutable_amount() = *std::move(amount);
    opened.set_stage(stage->id());
    opened.set_probability_bp(stage->probability_bp());
    opened.set_rotting_days(stage->rotting_days());
    *opened.mutable_lines() = *std::move(lines);
    opened.set_expected_close(command.expected_close());
    opened.set_forecast_category(category_of(command));
    opened.set_pipeline_version(found.version());
    opened.set_opened_at(context.occurred_at);
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::sale
