// One named function per command to a sale, and the rules that they share; only for the .cpp files of this folder.
#pragma once

#include "aggregates/sale/sale.hpp"

#include <optional>

namespace tidemark::aggregates::sale {

using State = Sale::State;
using Event = Sale::Event;
using Why = SaleRejection;
using Refusal = std::optional<std::unexpected<v1::Rejection>>;  // nothing: the rule holds
using Lines = google::protobuf::RepeatedPtrField<v1::ProductLine>;

// opening.cpp
Decision<Event> open(const State& state, const v1::OpenSale& command, const Context& context);

// progress.cpp: what happens to an open sale.
Decision<Event> change_stage(const State& state, const v1::ChangeSaleStage& command, const Context& context);
Decision<Event> change_amount(const State& state, const v1::ChangeSaleAmount& command, const Context& context);
Decision<Event> set_forecast_category(const State& state, const v1::SetForecastCategory& command,
                                      const Context& context);
Decision<Event> reassign(const State& state, const v1::ReassignSale& command, const Context& context);
Decision<Event> flag_at_risk(const State& state, const v1::FlagSaleAtRisk& command, const Context& context);

// closing.cpp
Decision<Event> win(const State& state, const v1::WinSale& command, const Context& context);
Decision<Event> lose(const State& state, const v1::LoseSale& command, const Context& context);
Decision<Event> reopen(const State& state, const v1::ReopenSale& command, const Context& context);

// correcting.cpp
Decision<Event> correct(const State& state, const v1::CorrectSale& command, const Context& context);

// shared.cpp
[[nodiscard]] Refusal refuse_unless_open(const State& state, const Context& context);  // and not before it was opened
[[nodiscard]] Refusal refuse_before_stage_entered(const State& state, const Context& context);
[[nodiscard]] Refusal refuse_other_currency(const State& state, const v1::Money& amount, std::string_view field);

// The stage, in the pipeline as found; nullptr: there is no such stage.
[[nodiscard]] const v1::Stage* find_stage(const v1::PipelineReference& pipeline, const std::string& id);
[[nodiscard]] std::unexpected<v1::Rejection> stage_unknown(std::string_view field, const std::string& stage,
                                                           const std::string& pipeline);

// Needs of lines, and the lines with their unit prices: as given, else the list price as found. A retired
// product is refused unless it is on the sale already. `command` is "open_sale" or "change_sale_amount".
void need_products(std::vector<Need>& needs, const Lines& lines, std::string_view command);
[[nodiscard]] std::expected<Lines, v1::Rejection> price(const Lines& wanted, const Lines& on_the_sale,
                                                        std::string_view command, const Context& context);
// One currency over all of them, that of `amount` if it is given.
[[nodiscard]] Refusal refuse_mixed_currencies(const Lines& lines, const v1::Money* amount, std::string_view command);
[[nodiscard]] std::optional<v1::Money> total(const Lines& lines);  // nothing: too large a sum

}  // namespace tidemark::aggregates::sale
