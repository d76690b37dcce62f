// Delivery events in short.
#pragma once

#include "tests/projections/story.hpp"

namespace tidemark::tests {

inline v1::DeliveryDimensions delivery_dims(std::string customer = "acme", std::string owner = "ada") {
    v1::DeliveryDimensions d;
    d.set_customer_id(std::move(customer));
    d.set_owner(std::move(owner));
    d.set_region("north");
    d.set_product_id("p1");
    d.set_kind(v1::SOLUTION_DELIVERY);
    return d;
}

// Ten days from 1 January 2026, 1,000.00, two tasks of 600 and 1,800 minutes, two milestones.
inline v1::DeliveryPlan a_plan() {
    v1::DeliveryPlan plan;
    plan.set_start_date(date(2026, 1, 1));
    plan.set_end_date(date(2026, 1, 10));
    *plan.mutable_budget() = eur(100'000);
    for (const auto& [id, minutes] : {std::pair{"build", 600}, {"migrate", 1'800}}) {
        auto& task = *plan.add_tasks();
        task.set_id(id);
        task.set_name(id);
        task.set_kind(v1::IMPLEMENTATION);
        task.set_planned_minutes(minutes);
    }
    for (const auto& [id, day] : {std::pair{"half", 5u}, {"whole", 10u}}) {
        auto& milestone = *plan.add_milestones();
        milestone.set_id(id);
        milestone.set_name(id);
        milestone.set_baseline_date(date(2026, 1, day));
    }
    return plan;
}

inline v1::DeliveryEvent planned(v1::DeliveryDimensions d, v1::DeliveryPlan plan) {
    v1::DeliveryEvent e;
    *e.mutable_delivery_planned()->mutable_dims() = std::move(d);
    *e.mutable_delivery_planned()->mutable_plan() = std::move(plan);
    e.mutable_delivery_planned()->set_name("Roll-out");
    return e;
}

inline v1::DeliveryEvent started() {
    v1::DeliveryEvent e;
    *e.mutable_delivery_started()->mutable_dims() = delivery_dims();
    return e;
}

inline v1::DeliveryEvent task_completed(std::string id) {
    v1::DeliveryEvent e;
    e.mutable_task_completed()->set_task_id(std::move(id));
    *e.mutable_task_completed()->mutable_dims() = delivery_dims();
    return e;
}

inline v1::DeliveryEvent worked(std::string task, std::int64_t minutes) {
    v1::DeliveryEvent e;
    e.mutable_work_reported()->set_task_id(std::move(task));
    e.mutable_work_reported()->set_minutes(minutes);
    *e.mutable_work_reported()->mutable_dims() = delivery_dims();
    return e;
}

inline v1::DeliveryEvent cost(v1::Money money) {
    v1::DeliveryEvent e;
    *e.mutable_delivery_cost_recorded()->mutable_cost() = std::move(money);
    *e.mutable_delivery_cost_recorded()->mutable_dims() = delivery_dims();
    return e;
}

inline v1::DeliveryEvent milestone_hit(std::string id, std::int32_t baseline, std::int32_t actual) {
    v1::DeliveryEvent e;
    auto& hit = *e.mutable_delivery_milestone_hit();
    hit.set_milestone_id(std::move(id));
    hit.set_baseline_date(baseline);
    hit.set_actual_date(actual);
    hit.set_slippage_days(actual - baseline);
    *hit.mutable_dims() = delivery_dims();
    return e;
}

inline v1::DeliveryEvent risk_raised(std::string id, std::int32_t probability_bp, v1::Money impact) {
    v1::DeliveryEvent e;
    auto& risk = *e.mutable_risk_raised()->mutable_risk();
    risk.set_id(std::move(id));
    risk.set_category(v1::TECHNOLOGY_RISK);
    risk.set_probability_bp(probability_bp);
    *risk.mutable_impact() = std::move(impact);
    *e.mutable_risk_raised()->mutable_dims() = delivery_dims();
    return e;
}

inline v1::DeliveryEvent risk_closed(std::string id) {
    v1::DeliveryEvent e;
    e.mutable_risk_closed()->set_risk_id(std::move(id));
    return e;
}

inline v1::DeliveryEvent delivered(std::int32_t day, std::int32_t planned_day) {
    v1::DeliveryEvent e;
    e.mutable_delivered_to_customer()->set_date(day);
    e.mutable_delivered_to_customer()->set_planned_date(planned_day);
    *e.mutable_delivered_to_customer()->mutable_dims() = delivery_dims();
    return e;
}

inline v1::DeliveryEvent reviewed(v1::ReviewSubject subject, v1::Verdict verdict) {
    v1::DeliveryEvent e;
    e.mutable_review_recorded()->set_subject(subject);
    e.mutable_review_recorded()->set_verdict(verdict);
    return e;
}

inline v1::DeliveryEvent rebaselined(v1::DeliveryPlan to) {
    v1::DeliveryEvent e;
    *e.mutable_delivery_rebaselined()->mutable_to() = std::move(to);
    *e.mutable_delivery_rebaselined()->mutable_from_budget() = a_plan().budget();
    e.mutable_delivery_rebaselined()->set_baseline_number(2);
    *e.mutable_delivery_rebaselined()->mutable_dims() = delivery_dims();
    return e;
}

}  // namespace tidemark::tests
