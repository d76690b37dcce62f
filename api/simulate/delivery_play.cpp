#include "api/simulate/delivery_play.hpp"

#include <algorithm>
#include <cmath>

namespace tidemark::api {

namespace {

constexpr std::int64_t minutes_a_day = 7 * 60;

void set_euros(v1::Money& money, std::int64_t minor) {
    money.set_minor(minor);
    money.set_currency("EUR");
}

}  // namespace

DeliveryPlay::DeliveryPlay(Start start, Chance& chance)
    : start_(std::move(start)),
      tasks_(static_cast<std::size_t>(chance.between(2, 4))),
      pace_(std::max(0.6, 0.97 + 0.25 * (chance.uniform() + chance.uniform() - 1))) {
    steps_ = {{Step::plan}, {Step::start}};
    for (std::size_t task = 0; task < tasks_; ++task) {
        steps_.push_back({Step::begin_task, task});
        steps_.push_back({Step::work, task});
        if (chance.happens(0.6)) steps_.push_back({Step::cost, task});
        steps_.push_back({Step::end_task, task});
        if (task == 0 && chance.happens(0.3)) {
            steps_.push_back({Step::raise_risk});
            steps_.push_back({Step::close_risk});
        }
    }
    steps_.insert(steps_.end(), {{Step::milestone}, {Step::deliver}, {Step::evaluate}, {Step::close}});
}

// Bigger sales take longer to deliver.
double DeliveryPlay::task_days() const {
    return 0.5 + std::sqrt(static_cast<double>(start_.value_minor) / 1e6);
}

void DeliveryPlay::plan(v1::PlanDelivery& planned, events::Micros now) const {
    planned.set_name("Delivery of " + start_.sale_id);
    planned.set_customer_id(start_.customer_id);
    planned.set_sale_id(start_.sale_id);
    planned.set_owner(start_.owner);
    planned.set_region(start_.region);
    planned.set_product_id(start_.product_id);
    planned.set_kind(v1::SOLUTION_DELIVERY);
    planned.set_party(v1::EXTERNAL);
    planned.add_goals("in use at the customer's sites");
    auto& plan = *planned.mutable_plan();
    const std::int32_t today = events::date_of(now);
    // Working days become calendar days, and each step waits for a morning.
    const auto days = static_cast<std::int32_t>(std::ceil(task_days() * static_cast<double>(tasks_) * 1.6)) + 4;
    plan.set_start_date(today);
    plan.set_end_date(today + days);
    set_euros(*plan.mutable_budget(), start_.value_minor * 55 / 100);
    constexpr v1::TaskKind kinds[] = {v1::IMPLEMENTATION, v1::DATA_TASK, v1::INTERFACE};
    for (std::size_t task = 0; task < tasks_; ++task) {
        auto& added = *plan.add_tasks();
        added.set_id(task_id(task));
        added.set_name("Step " + std::to_string(task + 1));
        added.set_kind(kinds[task % std::size(kinds)]);
        added.set_planned_minutes(static_cast<std::int64_t>(task_days() * minutes_a_day));
    }
    auto& milestone = *plan.add_milestones();
    milestone.set_id("live");
    milestone.set_name("In use");
    milestone.set_baseline_date(today + days);
}

std::optional<events::Micros> DeliveryPlay::step(v1::DeliveryCommand& command, events::Micros now, Chance& chance) {
    const Planned planned = steps_.front();
    steps_.pop_front();
    constexpr events::Micros hour = 3600 * events::micros_per_second;
    events::Micros wait = 2 * hour;
    switch (planned.step) {
        case Step::plan:
            plan(*command.mutable_plan_delivery(), now);
            wait = chance.duration(0.7);
            break;
        case Step::start: command.mutable_start_delivery(); break;
        case Step::begin_task:
            command.mutable_start_task()->set_task_id(task_id(planned.task));
            wait = chance.duration(task_days() * pace_, 0.3);
            break;
        case Step::work: {
            auto& work = *command.mutable_report_work();
            work.set_task_id(task_id(planned.task));
            work.set_minutes(std::max<std::int64_t>(
                15, static_cast<std::int64_t>(task_days() * pace_ * minutes_a_day * (0.8 + 0.4 * chance.uniform()))));
            break;
        }
        case Step::cost: {
            auto& cost = *command.mutable_record_delivery_cost();
            const auto share = static_cast<double>(start_.value_minor) * 0.55 / static_cast<double>(tasks_);
            set_euros(*cost.mutable_cost(), static_cast<std::int64_t>(share * pace_ * (1.2 + 0.7 * chance.uniform())));
            cost.set_note("material and travel");
            break;
        }
        case Step::raise_risk: {
            auto& risk = *command.mutable_raise_risk()->mutable_risk();
            risk.set_id("r1");
            risk.set_category(chance.happens(0.5) ? v1::TECHNOLOGY_RISK : v1::MANAGEMENT_RISK);
            risk.set_text("the customer's network is not ready");
            risk.set_probability_bp(static_cast<std::int32_t>(chance.between(5, 40)) * 100);
            set_euros(*risk.mutable_impact(), start_.value_minor * chance.between(3, 12) / 100);
            wait = chance.duration(2);
            break;
        }
        case Step::close_risk:
            command.mutable_close_risk()->set_risk_id("r1");
            command.mutable_close_risk()->set_occurred(pace_ > 1.05);
            break;
        case Step::end_task: command.mutable_complete_task()->set_task_id(task_id(planned.task)); break;
        case Step::milestone: command.mutable_hit_delivery_milestone()->set_milestone_id("live"); break;
        case Step::deliver:
            command.mutable_deliver_to_customer()->set_content("installation, training, documents");
            wait = chance.duration(3);
            break;
        case Step::evaluate: {
            auto& outcome = *command.mutable_evaluate_outcome();
            outcome.set_effect("used every day");
            outcome.set_score(static_cast<std::int32_t>(
                std::clamp<double>(std::round(6.3 - 2.2 * pace_ + chance.uniform() - 0.5), 1, 5)));
            break;
        }
        case Step::close: command.mutable_close_delivery(); break;
    }
    if (steps_.empty()) return std::nullopt;
    return wait;
}

}  // namespace tidemark::api
