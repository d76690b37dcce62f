#include "projections/kpi/restate.hpp"

#include "projections/deliveries/deliveries.hpp"
#include "projections/deliveries/figures.hpp"
#include "projections/keys.hpp"

#include <algorithm>
#include <cmath>

namespace tidemark::projections::kpi {

namespace {

using Restated = std::function<void(const v1::Restated&)>;

bool same(const google::protobuf::MessageLite& a, const google::protobuf::MessageLite& b) {
    return a.SerializeAsString() == b.SerializeAsString();
}

// ---- Sales: stays that progressed count where they began, by the dimensions of then --------------------------------

v1::StayFigures progressed(events::Micros entered_at) {
    v1::StayFigures figures;
    figures.set_progressed(true);
    figures.set_entered_at(entered_at);
    return figures;
}

class Sale {
public:
    Sale(const Event& event, Rows& rows, const Restated& restated)
        : at_(event.header.occurred_at),
          key_(Key(event.header.tenant).id(event.header.stream_id).take()),
          rows_(rows),
          restated_(restated),
          known_(rows.peek<v1::RememberedSale>(sales_table, key_)) {}

    void stage_changed(const v1::SaleStageChanged& e) {
        if (e.forward()) stay(entered_dims(e.dims()), e.from(), {}, progressed(at_ - e.time_in_stage_us()));
        leave_stage(e.forward());
    }
    void won(const v1::SaleWon& e) {
        stay(entered_dims(e.dims()), e.stage(), {}, progressed(at_ - e.time_in_stage_us()));
    }
    void reassigned(const v1::SaleReassigned& e) {
        if (known_ != nullptr && known_->has_entered_dims()) return;
        *remembered().mutable_entered_dims() = e.from();
    }
    // The stay that had ended with the close is taken back. (Early events do not say when it had begun.)
    void reopened(const v1::SaleReopened& e) {
        if (e.was() == v1::WON) {
            const auto& dims = e.has_stage_entered_dims() ? e.stage_entered_dims() : entered_dims(e.dims());
            const auto entered_at = e.stage_entered_at() != 0 ? e.stage_entered_at() : e.closed_at();
            stay(dims, e.closed_stage(), progressed(entered_at), {});
        }
        leave_stage(false);
    }
    void corrected(const v1::SaleCorrected& e) {
        if (e.status() == v1::WON)
            stay(entered_dims(e.dims()), e.stage(), progressed(e.before().closed_at() - e.before().closing_stay_us()),
                 progressed(e.after().closed_at() - e.after().closing_stay_us()));
        if (e.first_stage_left_at() != 0 && !e.opened_stage().empty() && known_ != nullptr &&
            known_->first_stay_progressed())
            stay(e.opened_dims(), e.opened_stage(), progressed(e.before().opened_at()),
                 progressed(e.after().opened_at()));
    }

private:
    v1::RememberedSale& remembered() { return rows_.row<v1::RememberedSale>(sales_table, key_); }

    const v1::SaleDimensions& entered_dims(const v1::SaleDimensions& now) const {
        return known_ != nullptr && known_->has_entered_dims() ? known_->entered_dims() : now;
    }
    void leave_stage(bool forward) {
        if (known_ != nullptr && known_->left_first_stage() && !known_->has_entered_dims()) return;
        auto& sale = remembered();
        if (!sale.left_first_stage()) sale.set_first_stay_progressed(forward);
        sale.set_left_first_stage(true);
        sale.clear_entered_dims();
    }
    void stay(const v1::SaleDimensions& dims, const std::string& stage, const v1::StayFigures& before,
              const v1::StayFigures& after) {
        if (same(before, after)) return;
        v1::Restated what;
        auto& stay = *what.mutable_stay_restated();
        *stay.mutable_dims() = dims;
        stay.set_stage(stage);
        *stay.mutable_before() = before;
        *stay.mutable_after() = after;
        restated_(what);
    }

    events::Micros at_;
    std::string key_;
    Rows& rows_;
    const Restated& restated_;
    const v1::RememberedSale* known_;
};

void restate_sale(const Event& event, const v1::SaleEvent& what, Rows& rows, const Restated& restated) {
    using E = v1::SaleEvent;
    switch (what.event_case()) {
        case E::kSaleStageChanged: return Sale(event, rows, restated).stage_changed(what.sale_stage_changed());
        case E::kSaleWon: return Sale(event, rows, restated).won(what.sale_won());
        case E::kSaleReassigned: return Sale(event, rows, restated).reassigned(what.sale_reassigned());
        case E::kSaleReopened: return Sale(event, rows, restated).reopened(what.sale_reopened());
        case E::kSaleCorrected: return Sale(event, rows, restated).corrected(what.sale_corrected());
        default: return;  // ends no stay that progressed
    }
}

// ---- Deliveries: what their row came to before the event, and comes to with it -------------------------------------

// What was hit was due by its own baseline. Of a cancelled delivery, what was due before that day stays due.
v1::MilestoneFigures figures_of(const v1::DeliveryRow& row, const v1::BoardMilestone& milestone,
                                const Calendar& calendar) {
    v1::MilestoneFigures figures;
    const bool cancelled_before = !milestone.hit() && row.status() == v1::DeliveryRow::CANCELLED &&
                                  milestone.baseline_date() >= calendar.bucket(Grain::day, row.ended_at());
    if (cancelled_before) return figures;
    figures.set_due(true);
    figures.set_date(milestone.baseline_date());
    figures.set_met(milestone.hit() && milestone.actual_date() <= milestone.baseline_date());
    return figures;
}

const v1::BoardMilestone* milestone(const v1::DeliveryRow& row, const std::string& id) {
    const auto found = std::ranges::find(row.milestones(), id, &v1::BoardMilestone::id);
    return found == row.milestones().end() ? nullptr : &*found;
}

void restate_milestones(const v1::DeliveryRow& before, const v1::DeliveryRow& after, const Calendar& calendar,
                        const Restated& restated) {
    const auto told = [&](const v1::BoardMilestone* was, const v1::BoardMilestone* is) {
        v1::Restated what;
        auto& change = *what.mutable_milestone_restated();
        *change.mutable_dims() = after.dims();
        if (was != nullptr) *change.mutable_before() = figures_of(before, *was, calendar);
        if (is != nullptr) *change.mutable_after() = figures_of(after, *is, calendar);
        if (!same(change.before(), change.after())) restated(what);
    };
    for (const auto& is : after.milestones()) told(milestone(before, is.id()), &is);
    for (const auto& was : before.milestones())
        if (!was.hit() && milestone(after, was.id()) == nullptr) told(&was, nullptr);
}

v1::RiskFigures figures_of(const v1::DeliveryRow& row, const v1::BoardRisk& risk) {
    v1::RiskFigures figures;
    if (risk.closed() || row.ended_at() != 0) return figures;
    figures.set_open(true);
    *figures.mutable_expected() = deliveries::expected(risk.risk());
    return figures;
}

// Risks do not leave a row: they are closed.
void restate_risks(const v1::DeliveryRow& before, const v1::DeliveryRow& after, const Restated& restated) {
    for (const auto& is : after.risks()) {
        v1::Restated what;
        auto& change = *what.mutable_risk_restated();
        *change.mutable_dims() = after.dims();
        change.set_category(is.risk().category());
        for (const auto& was : before.risks())
            if (was.risk().id() == is.risk().id()) *change.mutable_before() = figures_of(before, was);
        *change.mutable_after() = figures_of(after, is);
        if (!same(change.before(), change.after())) restated(what);
    }
}

v1::PlanFigures plan_of(const v1::DeliveryRow& row) {
    v1::PlanFigures figures;
    if (row.baseline_number() == 0 || row.status() == v1::DeliveryRow::CANCELLED) return figures;
    figures.set_planned(true);
    figures.set_start_date(row.start_date());
    *figures.mutable_budget() = row.budget();
    figures.set_days(std::max(0, row.end_date() - row.start_date() + 1));
    for (const auto& task : row.tasks()) figures.set_minutes(figures.minutes() + task.planned_minutes());
    figures.set_tasks(row.tasks_size());
    return figures;
}

// As the board shows them from the day of delivery on.
v1::ResultFigures result_of(const v1::DeliveryRow& row, const Calendar& calendar) {
    v1::ResultFigures figures;
    if (row.delivered_date() == 0) return figures;
    const auto entry = deliveries::figures(row, calendar.midnight(row.delivered_date() + 1), calendar);
    figures.set_delivered(true);
    figures.set_date(row.delivered_date());
    figures.set_time_ms(std::llround(entry.actual().time_days() * 86'400'000));
    *figures.mutable_cost() = row.cost();
    if (!row.has_cost()) figures.mutable_cost()->set_currency(row.budget().currency());
    figures.set_in_minutes(entry.work_unit() == v1::PLANNED_MINUTES);
    figures.set_in_milestones(entry.work_unit() == v1::MILESTONES);
    figures.set_work(std::llround(entry.actual().work()));
    const auto& value = entry.earned_value();
    if (value.has_ev() && value.has_ac()) {
        figures.set_valued(true);
        *figures.mutable_bac() = value.bac();
        *figures.mutable_pv() = value.pv();
        *figures.mutable_ev() = value.ev();
        *figures.mutable_ac() = value.ac();
    }
    figures.set_planned_days(std::max(0, row.end_date() - row.start_date() + 1));
    figures.set_tasks(row.tasks_size());
    figures.set_tasks_completed(std::ranges::count_if(row.tasks(), [](const auto& task) { return task.completed(); }));
    figures.set_worked_minutes(row.worked_minutes());
    return figures;
}

void restate_figures(const v1::DeliveryRow& before, const v1::DeliveryRow& after, const Calendar& calendar,
                     const Restated& restated) {
    v1::Restated what;
    auto& change = *what.mutable_delivery_restated();
    *change.mutable_dims() = after.dims();
    *change.mutable_plan_before() = plan_of(before);
    *change.mutable_plan_after() = plan_of(after);
    if (same(change.plan_before(), change.plan_after())) {
        change.clear_plan_before();
        change.clear_plan_after();
    }
    *change.mutable_before() = result_of(before, calendar);
    *change.mutable_after() = result_of(after, calendar);
    if (same(change.before(), change.after())) {
        change.clear_before();
        change.clear_after();
    }
    if (change.has_plan_after() || change.has_after()) restated(what);
}

void restate_delivery(const Event& event, const v1::DeliveryEvent& what, const Calendar& calendar, Rows& rows,
                      const Restated& restated) {
    auto& row = rows.row<v1::DeliveryRow>(deliveries_table, Key(event.header.tenant).id(event.header.stream_id));
    const v1::DeliveryRow before = row;
    deliveries::fold(row, what, event.header.occurred_at);
    restate_milestones(before, row, calendar, restated);
    restate_risks(before, row, restated);
    restate_figures(before, row, calendar, restated);
}

}  // namespace

void restate(const Event& event, const Calendar& calendar, Rows& rows,
             const std::function<void(const v1::Restated&)>& restated) {
    if (const auto* sale = std::get_if<v1::SaleEvent>(&event.payload))
        return restate_sale(event, *sale, rows, restated);
    if (const auto* delivery = std::get_if<v1::DeliveryEvent>(&event.payload))
        return restate_delivery(event, *delivery, calendar, rows, restated);
}

}  // namespace tidemark::projections::kpi
