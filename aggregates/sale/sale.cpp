#include "aggregates/sale/sale.hpp"

#include "aggregates/decision.hpp"
#include "aggregates/sale/rules.hpp"

namespace tidemark::aggregates {

RejectionFact fact_of(SaleRejection why) {
    using Why = SaleRejection;
    switch (why) {
        case Why::sale_not_found: return {"SaleNotFound", v1::NOT_FOUND};
        case Why::sale_already_exists: return {"SaleAlreadyExists", v1::STATE_CONFLICT};
        case Why::sale_already_closed: return {"SaleAlreadyClosed", v1::STATE_CONFLICT};
        case Why::sale_not_closed: return {"SaleNotClosed", v1::STATE_CONFLICT};
        case Why::customer_archived: return {"CustomerArchived", v1::RULE_VIOLATED};
        case Why::product_retired: return {"ProductRetired", v1::RULE_VIOLATED};
        case Why::stage_unknown: return {"StageUnknown", v1::RULE_VIOLATED};
        case Why::amount_missing: return {"AmountMissing", v1::RULE_VIOLATED};
        case Why::amount_too_large: return {"AmountTooLarge", v1::RULE_VIOLATED};
        case Why::currency_mismatch: return {"CurrencyMismatch", v1::RULE_VIOLATED};
        case Why::time_before_sale_opened: return {"TimeBeforeSaleOpened", v1::RULE_VIOLATED};
        case Why::time_before_stage_entered: return {"TimeBeforeStageEntered", v1::RULE_VIOLATED};
        case Why::time_before_sale_closed: return {"TimeBeforeSaleClosed", v1::RULE_VIOLATED};
        case Why::opened_after_stage_left: return {"OpenedAfterStageLeft", v1::RULE_VIOLATED};
        case Why::closed_before_stage_entered: return {"ClosedBeforeStageEntered", v1::RULE_VIOLATED};
        case Why::time_in_future: return {"TimeInFuture", v1::RULE_VIOLATED};
    }
    return {};
}

// Nothing is looked up for a command that the state alone refuses, or finds done already.
std::vector<Need> Sale::needs(const State& state, const Command& command) {
    std::vector<Need> needs;
    if (command.has_open_sale() && state.status() == v1::SALE_STATUS_UNSPECIFIED) {
        const v1::OpenSale& open = command.open_sale();
        needs.push_back({.kind = "pipeline", .id = open.pipeline_id(), .field = "open_sale.pipeline_id"});
        if (!open.customer_id().empty()) {
            needs.push_back({.kind = "customer", .id = open.customer_id(), .field = "open_sale.customer_id"});
        }
        sale::need_products(needs, open.lines(), "open_sale");
    }
    const auto need_pipeline = [&](const std::string& stage, std::string_view field) {
        if (stage.empty() || stage == state.stage()) return;
        needs.push_back({.kind = "pipeline", .id = state.dims().pipeline_id(), .field = field});
    };
    const bool open = state.status() == v1::OPEN;
    const bool closed = state.status() == v1::WON || state.status() == v1::LOST;
    if (open && command.has_change_sale_stage()) {
        need_pipeline(command.change_sale_stage().stage(), "change_sale_stage.stage");
    }
    if (closed && command.has_reopen_sale()) need_pipeline(command.reopen_sale().stage(), "reopen_sale.stage");
    if (open && command.has_change_sale_amount()) {
        sale::need_products(needs, command.change_sale_amount().lines(), "change_sale_amount");
    }
    return needs;
}

Decision<Sale::Event> Sale::decide(const State& state, const Command& command, const Context& context) {
    if (state.status() == v1::SALE_STATUS_UNSPECIFIED && !command.has_open_sale()) {
        return refuse(SaleRejection::sale_not_found, "",
                      "There is no sale " + quoted(context.stream_id) + "; open it first.");
    }
    switch (command.command_case()) {
        case Command::kOpenSale: return sale::open(state, command.open_sale(), context);
        case Command::kChangeSaleStage: return sale::change_stage(state, command.change_sale_stage(), context);
        case Command::kChangeSaleAmount: return sale::change_amount(state, command.change_sale_amount(), context);
        case Command::kSetForecastCategory:
            return sale::set_forecast_category(state, command.set_forecast_category(), context);
        case Command::kReassignSale: return sale::reassign(state, command.reassign_sale(), context);
        case Command::kFlagSaleAtRisk: return sale::flag_at_risk(state, command.flag_sale_at_risk(), context);
        case Command::kWinSale: return sale::win(state, command.win_sale(), context);
        case Command::kLoseSale: return sale::lose(state, command.lose_sale(), context);
        case Command::kReopenSale: return sale::reopen(state, command.reopen_sale(), context);
        case Command::kCorrectSale: return sale::correct(state, command.correct_sale(), context);
        case Command::COMMAND_NOT_SET: break;
    }
    nothing_inside("sale command");
}

namespace {

void fold_opened(v1::SaleState& state, const v1::SaleOpened& opened) {
    state.set_status(v1::OPEN);
    *state.mutable_dims() = opened.dims();
    *state.mutable_opened_dims() = opened.dims();
    *state.mutable_amount() = opened.amount();
    *state.mutable_opened_amount() = opened.amount();
    state.set_stage(opened.stage());
    state.set_opened_stage(opened.stage());
    state.set_probability_bp(opened.probability_bp());
    state.set_opened_probability_bp(opened.probability_bp());
    state.set_rotting_days(opened.rotting_days());
    state.set_opened_at(opened.opened_at());
    state.set_stage_entered_at(opened.opened_at());
    *state.mutable_lines() = opened.lines();
    state.set_expected_close(opened.expected_close());
    state.set_forecast_category(opened.forecast_category());
    state.set_opened_forecast_category(opened.forecast_category());
}

// A sale that moves on is at risk no more.
void fold_stage(v1::SaleState& state, const v1::SaleStageChanged& changed, events::Micros at) {
    if (!state.has_first_stage_left_at()) {
        state.set_first_stage_left_at(at);
        if (state.has_stage_entered_dims()) *state.mutable_first_stage_left_dims() = changed.dims();
    }
    state.clear_stage_entered_dims();
    state.set_stage(changed.to());
    state.set_stage_entered_at(at);
    state.set_probability_bp(changed.to_probability_bp());
    state.set_rotting_days(changed.rotting_days());
    state.set_at_risk(false);
    state.clear_risk_reason();
}

void fold_reassigned(v1::SaleState& state, const v1::SaleDimensions& to) {
    if (!state.has_stage_entered_dims()) *state.mutable_stage_entered_dims() = state.dims();
    *state.mutable_dims() = to;
}

void fold_amount(v1::SaleState& state, const v1::SaleAmountChanged& changed) {
    *state.mutable_amount() = changed.to();
    state.set_amount_changed(true);
    if (changed.lines().empty()) return;
    if (!state.lines_changed()) *state.mutable_opened_lines() = state.lines();
    state.set_lines_changed(true);
    *state.mutable_lines() = changed.lines();
}

void fold_closed(v1::SaleState& state, v1::SaleStatus status, events::Micros at) {
    state.set_status(status);
    state.set_closed_at(at);
    state.set_at_risk(false);
    state.clear_risk_reason();
}

void fold_won(v1::SaleState& state, const v1::SaleWon& won, events::Micros at) {
    fold_closed(state, v1::WON, at);
    const bool another = won.amount().minor() != state.amount().minor();
    state.set_amount_changed(state.amount_changed() || another);
    if (another) *state.mutable_closed_pipeline_amount() = state.amount();
    *state.mutable_amount() = won.amount();
}

void fold_lost(v1::SaleState& state, const v1::SaleLost& lost, events::Micros at) {
    fold_closed(state, v1::LOST, at);
    state.set_loss_reason(lost.reason());
    state.set_loss_note(lost.note());
}

void fold_reopened(v1::SaleState& state, const v1::SaleReopened& reopened, events::Micros at) {
    if (!state.has_first_stage_left_at()) {
        state.set_first_stage_left_at(reopened.closed_at());
        state.set_first_stay_taken_back(true);
    }
    state.set_status(v1::OPEN);
    state.clear_closed_at();
    state.clear_closed_pipeline_amount();
    state.clear_stage_entered_dims();
    state.clear_loss_reason();
    state.clear_loss_note();
    *state.mutable_amount() = reopened.amount();
    state.set_stage(reopened.stage());
    state.set_probability_bp(reopened.probability_bp());
    state.set_rotting_days(reopened.rotting_days());
    state.set_stage_entered_at(at);
}

// Pipeline amounts are of flows that a corrected amount does not undo: they stay what they were.
void fold_corrected(v1::SaleState& state, const v1::SaleFigures& after) {
    const bool closed = state.status() != v1::OPEN;
    if (!state.has_opened_pipeline_amount() && !same(after.opened_amount(), state.opened_amount())) {
        *state.mutable_opened_pipeline_amount() = state.opened_amount();
    }
    if (closed && !state.has_closed_pipeline_amount() && !same(after.amount(), state.amount())) {
        *state.mutable_closed_pipeline_amount() = state.amount();
    }
    *state.mutable_amount() = after.amount();
    *state.mutable_opened_amount() = after.opened_amount();
    state.set_opened_at(after.opened_at());
    if (!state.has_first_stage_left_at()) state.set_stage_entered_at(after.opened_at());
    if (closed) state.set_closed_at(after.closed_at());
}

}  // namespace

void Sale::evolve(State& state, const Event& event, events::Micros occurred_at) {
    switch (event.event_case()) {
        case Event::kSaleOpened: fold_opened(state, event.sale_opened()); return;
        case Event::kSaleStageChanged: fold_stage(state, event.sale_stage_changed(), occurred_at); return;
        case Event::kSaleAmountChanged: fold_amount(state, event.sale_amount_changed()); return;
        case Event::kForecastCategorySet: state.set_forecast_category(event.forecast_category_set().to()); return;
        case Event::kSaleReassigned: fold_reassigned(state, event.sale_reassigned().to()); return;
        case Event::kSaleFlaggedAtRisk:
            state.set_at_risk(true);
            state.set_risk_reason(event.sale_flagged_at_risk().reason());
            return;
        case Event::kSaleWon: fold_won(state, event.sale_won(), occurred_at); return;
        case Event::kSaleLost: fold_lost(state, event.sale_lost(), occurred_at); return;
        case Event::kSaleReopened: fold_reopened(state, event.sale_reopened(), occurred_at); return;
        case Event::kSaleCorrected: fold_corrected(state, event.sale_corrected().after()); return;
        case Event::EVENT_NOT_SET: break;
    }
    nothing_inside("sale event");
}

}  // namespace tidemark::aggregates
