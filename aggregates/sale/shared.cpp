// Rules that several commands to a sale share.
#include "aggregates/decision.hpp"
#include "aggregates/sale/rules.hpp"
#include "events/money.hpp"
#include "events/time.hpp"

#include <algorithm>

namespace tidemark::aggregates::sale {
namespace {

constexpr int most_lines = 200;  // as the rules on the fields say

// "open_sale.lines[3].product_id" has to live as long as the needs do: made once for every place there can be.
std::string_view product_field(std::string_view command, int index) {
    static const auto names = [](const std::string& name) {
        std::vector<std::string> all;
        for (int i = 0; i < most_lines; ++i) all.push_back(name + ".lines[" + std::to_string(i) + "].product_id");
        return all;
    };
    static const std::vector<std::string> opening = names("open_sale");
    static const std::vector<std::string> changing = names("change_sale_amount");
    return (command == "open_sale" ? opening : changing).at(static_cast<std::size_t>(index));
}

}  // namespace

Refusal refuse_unless_open(const State& state, const Context& context) {
    if (state.status() != v1::OPEN) {
        return refuse(Why::sale_already_closed, "",
                      "The sale " + quoted(context.stream_id) +
                          " is closed; reopen it first, or use CorrectSale to put a wrong figure right.");
    }
    if (context.occurred_at < state.opened_at()) {
        return refuse(Why::time_before_sale_opened, "",
                      "The sale was opened at " + events::format_time(state.opened_at()) +
                          ", after the time of this command; give a later occurred_at.");
    }
    return std::nullopt;
}

Refusal refuse_before_stage_entered(const State& state, const Context& context) {
    if (context.occurred_at >= state.stage_entered_at()) return std::nullopt;
    return refuse(Why::time_before_stage_entered, "",
                  "The stage " + quoted(state.stage()) + " was entered at " +
                      events::format_time(state.stage_entered_at()) +
                      ", after the time of this command; give a later occurred_at.");
}

Refusal refuse_other_currency(const State& state, const v1::Money& amount, std::string_view field) {
    if (amount.currency() == state.amount().currency()) return std::nullopt;
    return refuse(Why::currency_mismatch, field,
                  "The sale is in " + state.amount().currency() + ", and this amount is in " + amount.currency() +
                      "; a sale keeps the currency it was opened in.");
}

const v1::Stage* find_stage(const v1::PipelineReference& pipeline, const std::string& id) {
    const auto found =
        std::ranges::find_if(pipeline.stages(), [&](const v1::Stage& stage) { return stage.id() == id; });
    return found == pipeline.stages().end() ? nullptr : &*found;
}

std::unexpected<v1::Rejection> stage_unknown(std::string_view field, const std::string& stage,
                                             const std::string& pipeline) {
    return refuse(Why::stage_unknown, field,
                  "The pipeline " + quoted(pipeline) + " has no stage " + quoted(stage) + "; name one of its stages.");
}

void need_products(std::vector<Need>& needs, const Lines& lines, std::string_view command) {
    for (int i = 0; i < lines.size(); ++i) {
        const std::string& product = lines.Get(i).product_id();
        const bool named =
            std::ranges::any_of(needs, [&](const Need& need) { return need.kind == "product" && need.id == product; });
        if (!named) needs.push_back({.kind = "product", .id = product, .field = product_field(command, i)});
    }
}

std::expected<Lines, v1::Rejection> price(const Lines& wanted, const Lines& on_the_sale, std::string_view command,
                                          const Context& context) {
    Lines priced = wanted;
    for (int i = 0; i < priced.size(); ++i) {
        v1::ProductLine& line = *priced.Mutable(i);
        const v1::ProductReference& product = context.facts.find("product", line.product_id())->product();
        const bool new_on_the_sale = std::ranges::none_of(
            on_the_sale, [&](const v1::ProductLine& known) { return known.product_id() == line.product_id(); });
        if (product.retired() && new_on_the_sale) {
            return refuse(Why::product_retired, product_field(command, i),
                          "The product " + quoted(line.product_id()) + " is retired and is not sold any more.");
        }
        if (!line.has_unit_price()) *line.mutable_unit_price() = product.list_price();
    }
    return priced;
}

Refusal refuse_mixed_currencies(const Lines& lines, const v1::Money* amount, std::string_view command) {
    if (lines.empty()) return std::nullopt;
    const std::string& currency = amount != nullptr ? amount->currency() : lines.Get(0).unit_price().currency();
    for (int i = 0; i < lines.size(); ++i) {
        const v1::Money& unit_price = lines.Get(i).unit_price();
        if (unit_price.currency() == currency) continue;
        return refuse(Why::currency_mismatch, std::string(command) + ".lines[" + std::to_string(i) + "].unit_price",
                      "The product " + quoted(lines.Get(i).product_id()) + " is priced in " + unit_price.currency() +
                          ", and the sale is in " + currency + "; give a unit price in " + currency + '.');
    }
    return std::nullopt;
}

std::optional<v1::Money> total(const Lines& lines) {
    v1::Money sum;
    for (const v1::ProductLine& line : lines) {
        const std::optional<v1::Money> price = events::times(line.unit_price(), line.quantity());
        const std::optional<v1::Money> more = price ? events::add(sum, *price) : std::nullopt;
        if (!more || !events::in_bounds(more->minor())) return std::nullopt;
        sum = *more;
    }
    return sum;
}

}  // namespace tidemark::aggregates::sale
