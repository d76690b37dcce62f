#include "projections/deliveries/figures.hpp"

#include "events/money.hpp"
#include "events/time.hpp"
#include "projections/purse.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace tidemark::projections::deliveries {

namespace {

using Number = std::optional<double>;

Number divided(Number a, Number b) {
    if (!a || !b || *b == 0) return {};
    return *a / *b;
}
Number times(Number a, Number b) {
    if (!a || !b) return {};
    return *a * *b;
}

// Units of a currency (1.00), for formulas that mix money with work and time.
struct Currency {
    std::string code;
    double minor_per_unit = 1;
    explicit Currency(const std::string& c)
        : code(c), minor_per_unit(std::pow(10, events::minor_digits(c).value_or(0))) {}
    Number units(const v1::Money& money) const {
        if (money.currency() != code) return {};
        return static_cast<double>(money.minor()) / minor_per_unit;
    }
    v1::Money money(double units) const {
        v1::Money money;
        money.set_minor(std::llround(units * minor_per_unit));
        money.set_currency(code);
        return money;
    }
};

// What the formulas are fed with.
struct Inputs {
    Currency currency;
    Number budget, cost;  // in units; nothing: not in the budget's currency
    double work_planned = 0, work_done = 0;
    double elapsed_days = 0;  // from the start
    double planned_days = 0;  // the plan's length
    double share_passed = 0;  // of the planned time, 0 to 1
    double planned_minutes = 0, worked_minutes = 0;
    std::uint32_t tasks = 0, tasks_completed = 0;
};

// When the clock of the delivery stopped; or now. The day on which it was handed over counts whole, whenever on that
// day that was and was told: of dates nothing finer is known, and the plan counts its last day whole too.
events::Micros end_of(const v1::DeliveryRow& row, events::Micros now, const kpi::Calendar& calendar) {
    if (row.delivered_date() != 0) return calendar.midnight(row.delivered_date() + 1);
    return row.ended_at() != 0 ? std::min(now, row.ended_at()) : now;
}

// Of the planned time, what has passed by `end`: from the plan's first day, whether the work has begun by then or not.
double share_passed(const v1::DeliveryRow& row, events::Micros end, const kpi::Calendar& calendar) {
    const auto first = calendar.midnight(row.start_date());
    const auto last = calendar.midnight(row.end_date() + 1);
    return std::clamp(static_cast<double>(end - first) / static_cast<double>(last - first), 0.0, 1.0);
}

Inputs inputs_of(const v1::DeliveryRow& row, events::Micros now, const kpi::Calendar& calendar, v1::WorkUnit& unit) {
    const auto& code = row.budget().currency().empty() ? row.cost().currency() : row.budget().currency();
    Inputs in{.currency = Currency(code)};
    if (row.has_budget()) in.budget = in.currency.units(row.budget());
    in.cost = row.has_cost() ? in.currency.units(row.cost()) : Number(0);
    for (const auto& task : row.tasks()) {
        ++in.tasks;
        in.tasks_completed += task.completed() ? 1u : 0u;
        in.planned_minutes += static_cast<double>(task.planned_minutes());
        if (task.completed()) in.work_done += static_cast<double>(task.planned_minutes());
    }
    in.work_planned = in.planned_minutes;
    unit = v1::PLANNED_MINUTES;
    if (in.planned_minutes == 0) {
        unit = v1::MILESTONES;
        in.work_planned = row.milestones_size();
        in.work_done = static_cast<double>(
            std::ranges::count_if(row.milestones(), [](const auto& milestone) { return milestone.hit(); }));
    }
    in.worked_minutes = static_cast<double>(row.worked_minutes());
    const auto end = end_of(row, now, calendar);
    if (row.end_date() >= row.start_date() && row.end_date() != 0) {
        in.planned_days = row.end_date() - row.start_date() + 1;
        in.share_passed = share_passed(row, end, calendar);
    }
    if (row.started_at() != 0) {
        const auto elapsed = std::max<events::Micros>(0, end - row.started_at());
        in.elapsed_days = static_cast<double>(elapsed) / static_cast<double>(events::micros_per_day);
    }
    return in;
}

void fill(v1::DeliveryFormulas& out, const Inputs& in, double work, Number cost, Number result) {
    out.set_work(work);
    out.set_time_days(in.elapsed_days);
    if (cost) *out.mutable_cost() = in.currency.money(*cost);
    const auto progress = divided(work, in.elapsed_days);
    if (progress) out.set_progress(*progress);
    if (result) out.set_result(*result);
    if (const auto risk = times(progress, cost)) out.set_risk(*risk);
}

void fill(v1::ProjectFormulas& out, const Inputs& in, Number cost_per_day, Number minutes_per_task) {
    out.set_time_days(in.planned_days);
    out.set_tasks(in.tasks);
    const auto budget = times(cost_per_day, in.planned_days);
    if (cost_per_day) out.set_cost_per_day(*cost_per_day);
    if (budget) *out.mutable_budget() = in.currency.money(*budget);
    if (minutes_per_task) out.set_minutes_per_task(*minutes_per_task);
    if (const auto time = times(minutes_per_task, in.tasks)) out.set_time_minutes(*time);
    if (const auto risk = times(budget, minutes_per_task)) out.set_risk(*risk / 60);
}

void fill(v1::EarnedValue& out, const Inputs& in, Number completion) {
    if (!in.budget) return;
    *out.mutable_bac() = in.currency.money(*in.budget);
    const double pv = *in.budget * in.share_passed;
    *out.mutable_pv() = in.currency.money(pv);
    const auto ev = times(in.budget, completion);
    if (ev) *out.mutable_ev() = in.currency.money(*ev);
    if (in.cost) *out.mutable_ac() = in.currency.money(*in.cost);
    if (const auto spi = divided(ev, pv)) out.set_spi(*spi);
    const auto cpi = divided(ev, in.cost);
    if (cpi) out.set_cpi(*cpi);
    if (const auto eac = divided(in.budget, cpi)) *out.mutable_eac() = in.currency.money(*eac);
}

void judge(v1::DeliveryBoardEntry& entry, events::Micros now, const kpi::Calendar& calendar) {
    const auto date_of = [&](events::Micros time) { return calendar.bucket(kpi::Grain::day, time); };
    const auto today = date_of(now);
    auto& row = *entry.mutable_delivery();
    const bool over = row.ended_at() != 0;
    for (auto& milestone : *row.mutable_milestones()) {
        milestone.set_overdue(!milestone.hit() && !over && milestone.baseline_date() < today);
        if (milestone.hit()) entry.set_milestones_hit(entry.milestones_hit() + 1);
        if (milestone.hit() && milestone.slippage_days() <= 0)
            entry.set_milestones_on_time(entry.milestones_on_time() + 1);
        if (milestone.overdue()) entry.set_milestones_overdue(entry.milestones_overdue() + 1);
    }
    const auto finish = row.delivered_date() != 0 ? std::int64_t{row.delivered_date()}
                        : over                    ? date_of(row.ended_at())
                                                  : today;
    entry.set_on_time((row.end_date() == 0 || finish <= row.end_date()) && entry.milestones_overdue() == 0);
    if (row.has_budget() && (!row.has_cost() || row.cost().currency() == row.budget().currency()))
        entry.set_on_budget(row.cost().minor() <= row.budget().minor());
    if (row.reviews_size() > 0)
        entry.set_on_quality(
            std::ranges::none_of(row.reviews(), [](const auto& review) { return review.verdict() == v1::FAILED; }));
}

void add_expected_risk(v1::DeliveryBoardEntry& entry) {
    if (entry.delivery().ended_at() != 0) return;  // what has not come true by then does not any more
    Purse sum;
    for (const auto& risk : entry.delivery().risks())
        if (!risk.closed()) sum.add(expected(risk.risk()));
    sum.write(*entry.mutable_expected_risk());
}

}  // namespace

v1::Money expected(const v1::Risk& risk) {
    v1::Money money = risk.impact();
    const auto bp = std::int64_t{risk.probability_bp()};
    money.set_minor(money.minor() / 10'000 * bp + money.minor() % 10'000 * bp / 10'000);
    return money;
}

v1::DeliveryBoardEntry figures(v1::DeliveryRow row, events::Micros now, const kpi::Calendar& calendar) {
    v1::DeliveryBoardEntry entry;
    *entry.mutable_delivery() = std::move(row);
    auto unit = v1::WORK_UNIT_UNSPECIFIED;
    const auto in = inputs_of(entry.delivery(), now, calendar, unit);
    entry.set_work_unit(unit);
    const auto completion = divided(in.work_done, in.work_planned);
    if (completion) entry.set_completion(*completion);
    fill(*entry.mutable_planned(), in, in.work_planned * in.share_passed, in.budget,
         divided(in.work_planned, in.budget));
    fill(*entry.mutable_actual(), in, in.work_done, in.cost, divided(in.work_done, in.cost));
    fill(*entry.mutable_project_planned(), in, divided(in.budget, in.planned_days),
         divided(in.planned_minutes, in.tasks));
    fill(*entry.mutable_project_actual(), in, divided(in.cost, in.elapsed_days),
         divided(in.worked_minutes, in.tasks_completed));
    fill(*entry.mutable_earned_value(), in, completion);
    judge(entry, now, calendar);
    add_expected_risk(entry);
    return entry;
}

}  // namespace tidemark::projections::deliveries
