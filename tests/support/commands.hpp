// Commands as tests say them: short, with ids and times filled in.
#pragma once

#include "aggregates/command.pb.h"
#include "events/ids.hpp"

#include <string>

namespace tidemark::tests {

inline constexpr events::Micros monday = 1'767'600'000'000'000;  // 2026-01-05T08:00:00Z
inline constexpr events::Micros one_day = 86'400'000'000;

inline v1::Command command(std::string stream, std::string id, events::Micros at = monday) {
    v1::Command command;
    command.set_tenant("default");
    command.set_stream_id(std::move(stream));
    command.set_command_id(std::move(id));
    command.set_actor("ada");
    command.set_occurred_at(at);
    return command;
}

inline v1::Command create_customer(const std::string& stream, const std::string& id, const std::string& name = "张三") {
    v1::Command create = command(stream, id);
    auto& body = *create.mutable_customer()->mutable_create_customer();
    body.set_name(name);
    body.set_region("East");
    body.set_owner("ada");
    return create;
}

inline v1::Command define_product(const std::string& stream, const std::string& id, std::int64_t price = 10'000) {
    v1::Command define = command(stream, id);
    auto& body = *define.mutable_product()->mutable_define_product();
    body.set_name("Product " + stream);
    body.mutable_list_price()->set_minor(price);
    body.mutable_list_price()->set_currency("EUR");
    return define;
}

inline v1::Command define_pipeline(const std::string& stream, const std::string& id) {
    v1::Command define = command(stream, id);
    auto& body = *define.mutable_pipeline()->mutable_define_pipeline();
    body.set_name("Standard");
    for (const auto& [stage, probability] : {std::pair{"lead", 1000}, {"offer", 5000}, {"contract", 9000}}) {
        auto& added = *body.add_stages();
        added.set_id(stage);
        added.set_name(stage);
        added.set_probability_bp(probability);
    }
    return define;
}

inline v1::Command open_sale(const std::string& stream, const std::string& id, const std::string& customer,
                             const std::string& pipeline, std::int64_t amount = 5'000) {
    v1::Command open = command(stream, id);
    auto& body = *open.mutable_sale()->mutable_open_sale();
    body.set_customer_id(customer);
    body.set_pipeline_id(pipeline);
    body.set_owner("ada");
    body.mutable_amount()->set_minor(amount);
    body.mutable_amount()->set_currency("EUR");
    return open;
}

inline v1::Command change_stage(const std::string& stream, const std::string& id, const std::string& stage,
                                events::Micros at = monday + one_day) {
    v1::Command change = command(stream, id, at);
    change.mutable_sale()->mutable_change_sale_stage()->set_stage(stage);
    return change;
}

// Two events, if the product of the first line is another one than before.
inline v1::Command change_lines(const std::string& stream, const std::string& id, const std::string& product,
                                std::int64_t amount, events::Micros at = monday + one_day) {
    v1::Command change = command(stream, id, at);
    auto& body = *change.mutable_sale()->mutable_change_sale_amount();
    body.mutable_amount()->set_minor(amount);
    body.mutable_amount()->set_currency("EUR");
    auto& line = *body.add_lines();
    line.set_product_id(product);
    line.set_quantity(1);
    line.mutable_unit_price()->set_minor(amount);  // agreed: not what the list says just now
    line.mutable_unit_price()->set_currency("EUR");
    return change;
}

inline v1::Command win_sale(const std::string& stream, const std::string& id,
                            events::Micros at = monday + 10 * one_day) {
    v1::Command win = command(stream, id, at);
    (void)win.mutable_sale()->mutable_win_sale();
    return win;
}

inline v1::Command change_price(const std::string& stream, const std::string& id, std::int64_t price) {
    v1::Command change = command(stream, id);
    auto& body = *change.mutable_product()->mutable_change_list_price();
    body.mutable_list_price()->set_minor(price);
    body.mutable_list_price()->set_currency("EUR");
    return change;
}

}  // namespace tidemark::tests
