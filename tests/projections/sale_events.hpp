// Sale events in short.
#pragma once

#include "tests/projections/story.hpp"

namespace tidemark::tests {

inline v1::SaleDimensions dims(std::string owner = "ada", std::string region = "north", std::string product = "p1",
                               std::string customer = "acme") {
    v1::SaleDimensions d;
    d.set_owner(std::move(owner));
    d.set_region(std::move(region));
    d.set_product_id(std::move(product));
    d.set_customer_id(std::move(customer));
    d.set_pipeline_id("direct");
    return d;
}

inline v1::SaleEvent opened(v1::SaleDimensions d, v1::Money amount, events::Micros when, std::string stage = "lead",
                            std::int32_t probability_bp = 1000) {
    v1::SaleEvent e;
    auto& o = *e.mutable_sale_opened();
    *o.mutable_dims() = std::move(d);
    *o.mutable_amount() = std::move(amount);
    o.set_stage(std::move(stage));
    o.set_probability_bp(probability_bp);
    o.set_opened_at(when);
    o.set_forecast_category(v1::PIPELINE);
    return e;
}

inline v1::SaleEvent moved(v1::SaleDimensions d, std::string from, std::string to, v1::Money amount,
                           std::int64_t time_in_stage_us, bool forward = true, std::int32_t from_bp = 1000,
                           std::int32_t to_bp = 5000) {
    v1::SaleEvent e;
    auto& m = *e.mutable_sale_stage_changed();
    *m.mutable_dims() = std::move(d);
    m.set_from(std::move(from));
    m.set_to(std::move(to));
    *m.mutable_amount() = std::move(amount);
    m.set_time_in_stage_us(time_in_stage_us);
    m.set_forward(forward);
    m.set_from_probability_bp(from_bp);
    m.set_to_probability_bp(to_bp);
    return e;
}

inline v1::SaleEvent won(v1::SaleDimensions d, v1::Money amount, v1::Money expected, std::string stage,
                         events::Micros opened_at, events::Micros now, std::int64_t time_in_stage_us = 0,
                         std::int32_t probability_bp = 5000) {
    v1::SaleEvent e;
    auto& w = *e.mutable_sale_won();
    *w.mutable_dims() = std::move(d);
    *w.mutable_amount() = std::move(amount);
    *w.mutable_expected_amount() = std::move(expected);
    w.set_stage(std::move(stage));
    w.set_opened_at(opened_at);
    w.set_cycle_us(now - opened_at);
    w.set_time_in_stage_us(time_in_stage_us);
    w.set_probability_bp(probability_bp);
    return e;
}

inline v1::SaleEvent lost(v1::SaleDimensions d, v1::LossReason reason, v1::Money amount, std::string stage,
                          events::Micros opened_at, events::Micros now, std::int64_t time_in_stage_us = 0,
                          std::int32_t probability_bp = 5000) {
    v1::SaleEvent e;
    auto& l = *e.mutable_sale_lost();
    *l.mutable_dims() = std::move(d);
    l.set_reason(reason);
    *l.mutable_amount() = std::move(amount);
    l.set_stage(std::move(stage));
    l.set_opened_at(opened_at);
    l.set_cycle_us(now - opened_at);
    l.set_time_in_stage_us(time_in_stage_us);
    l.set_probability_bp(probability_bp);
    return e;
}

inline v1::SaleEvent reopened(v1::SaleDimensions d, v1::SaleStatus was, v1::Money amount, std::string stage,
                              events::Micros closed_at, std::int64_t cycle_us, std::int32_t probability_bp = 5000,
                              v1::LossReason reason = v1::LOSS_REASON_UNSPECIFIED) {
    v1::SaleEvent e;
    auto& r = *e.mutable_sale_reopened();
    *r.mutable_dims() = std::move(d);
    r.set_was(was);
    r.set_closed_at(closed_at);
    *r.mutable_closed_amount() = amount;
    *r.mutable_amount() = amount;
    r.set_cycle_us(cycle_us);
    r.set_closed_stage(stage);
    r.set_stage(std::move(stage));
    r.set_probability_bp(probability_bp);
    r.set_reason(reason);
    return e;
}

struct Figures {
    std::int64_t amount = 0, opened_amount = 0;
    events::Micros opened_at = 0, closed_at = 0;
};

inline v1::SaleEvent corrected(const v1::SaleDimensions& d, v1::SaleStatus status, Figures before, Figures after,
                               std::string stage = "lead", std::int32_t probability_bp = 1000) {
    const auto fill = [](v1::SaleFigures& to, const Figures& from) {
        *to.mutable_amount() = eur(from.amount);
        *to.mutable_opened_amount() = eur(from.opened_amount);
        to.set_opened_at(from.opened_at);
        to.set_closed_at(from.closed_at);
        to.set_cycle_us(from.closed_at == 0 ? 0 : from.closed_at - from.opened_at);
        to.set_closing_stay_us(to.cycle_us());  // it never left the stage it was opened in
    };
    v1::SaleEvent e;
    auto& c = *e.mutable_sale_corrected();
    *c.mutable_dims() = d;
    *c.mutable_opened_dims() = d;
    c.set_status(status);
    fill(*c.mutable_before(), before);
    fill(*c.mutable_after(), after);
    c.set_opened_stage(stage);
    c.set_opened_probability_bp(probability_bp);
    *c.mutable_opened_pipeline_amount() = eur(before.opened_amount);
    if (before.closed_at != 0) *c.mutable_closed_pipeline_amount() = eur(before.amount);
    c.set_stage(std::move(stage));
    c.set_probability_bp(probability_bp);
    return e;
}

inline v1::PipelineEvent direct_pipeline() {
    v1::PipelineEvent e;
    auto& p = *e.mutable_pipeline_defined();
    p.set_name("Direct");
    for (const auto& [id, bp] : {std::pair{"lead", 1000}, {"offer", 5000}, {"contract", 8000}}) {
        auto& stage = *p.add_stages();
        stage.set_id(id);
        stage.set_name(id);
        stage.set_probability_bp(bp);
    }
    return e;
}

}  // namespace tidemark::tests
