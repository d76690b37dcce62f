#include "api/bench/workload.hpp"

#include <fmt/format.h>
#include <numeric>

namespace tidemark::api {

namespace {

constexpr std::uint64_t owners = 50;
constexpr std::uint64_t customers = 1'000;
constexpr std::uint8_t phases = 9;  // of a live sale, the last of which wins it
constexpr events::Micros year = 365 * events::micros_per_day;
constexpr const char* pipeline = "bench-pipeline";

void set_money(v1::Money& money, std::int64_t minor) {
    money.set_minor(minor);
    money.set_currency("EUR");
}

std::string owner_name(std::uint64_t number) {
    return fmt::format("owner-{:02}", number % owners);
}

v1::Command command_for(std::string stream, std::string id, events::Micros at) {
    v1::Command command;
    command.set_tenant(std::string(events::default_tenant));
    command.set_stream_id(std::move(stream));
    command.set_command_id(std::move(id));
    command.set_actor("bench");
    command.set_occurred_at(at);
    return command;
}

}  // namespace

v1::Command create_customer(std::string_view prefix, std::uint64_t number) {
    v1::Command command =
        command_for(fmt::format("{}-{:08}", prefix, number), fmt::format("{}:{:08}", prefix, number), bench_noon);
    auto& created = *command.mutable_customer()->mutable_create_customer();
    created.set_name("Nordwind Instruments GmbH");
    created.set_email("contact@example.com");
    created.set_phone("+49 30 5550 1234");
    created.set_sector("manufacturing");
    created.set_region("North");
    created.set_owner("Ada Lindqvist");
    return command;
}

SalesWork::SalesWork(std::uint64_t live, std::uint32_t series) : slots_(live), series_(series) {
    for (std::uint64_t slot = 0; slot < live; ++slot) slots_[slot].phase = static_cast<std::uint8_t>(slot % phases);
    step_ = live * 618 / 1000 + 1;
    while (std::gcd(step_, live) != 1) ++step_;
}

std::vector<v1::Command> SalesWork::foundations() {
    std::vector<v1::Command> all;
    v1::Command define = command_for(pipeline, "define", bench_noon - 2 * year);
    auto& body = *define.mutable_pipeline()->mutable_define_pipeline();
    body.set_name("Benchmark");
    for (const auto& [stage, probability] : {std::pair{"lead", 1'000}, {"offer", 5'000}, {"contract", 9'000}}) {
        auto& added = *body.add_stages();
        added.set_id(stage);
        added.set_name(stage);
        added.set_probability_bp(probability);
    }
    all.push_back(std::move(define));
    for (std::uint64_t i = 0; i < customers; ++i) all.push_back(create_customer("customer", i));
    return all;
}

std::string SalesWork::first_sale_id(std::uint64_t slot) const {
    return fmt::format("sale-{}-{:07}-{:03}", series_, slot, 0);
}

std::string SalesWork::sale_id(std::uint64_t slot) const {
    return fmt::format("sale-{}-{:07}-{:03}", series_, slot, slots_[slot].generation);
}

v1::Command SalesWork::command(std::uint64_t slot, events::Micros at) const {
    const Slot& sale = slots_[slot];
    std::string id = sale_id(slot);
    std::string command_id = fmt::format("{}:{}", id, sale.phase);
    return command_for(std::move(id), std::move(command_id), at);
}

void SalesWork::fill_opening(v1::Command& command, std::uint64_t slot) const {
    auto& open = *command.mutable_sale()->mutable_open_sale();
    open.set_customer_id(fmt::format("customer-{:08}", slot % customers));
    open.set_pipeline_id(pipeline);
    open.set_owner(owner_name(slot + slots_[slot].generation));
    open.set_region("North");
    set_money(*open.mutable_amount(), static_cast<std::int64_t>(100'000 + slot % 9'000'000));
}

v1::Command SalesWork::open(std::uint64_t slot) const {
    const auto ago =
        year / static_cast<events::Micros>(slots_.size()) * static_cast<events::Micros>(slots_.size() - slot);
    v1::Command opening = command_for(sale_id(slot), sale_id(slot) + ":open", bench_noon - ago);
    fill_opening(opening, slot);
    return opening;
}

v1::Command SalesWork::next() {
    const std::uint64_t slot = at_;
    at_ = (at_ + step_) % slots_.size();
    const events::Micros at = bench_noon + static_cast<events::Micros>(made_++) * 10'000;  // a hundred per second
    Slot& sale = slots_[slot];
    if (sale.phase == phases) {  // it was won: the next one takes its place
        ++sale.generation;
        sale.phase = 0;
        v1::Command opening = command_for(sale_id(slot), sale_id(slot) + ":open", at);
        fill_opening(opening, slot);
        return opening;
    }
    v1::Command change = command(slot, at);
    auto& body = *change.mutable_sale();
    const auto amount = static_cast<std::int64_t>(200'000U + 1'000U * sale.phase + slot % 9'000'000U);
    switch (sale.phase) {
        case 1: body.mutable_change_sale_stage()->set_stage("offer"); break;
        case 2: body.mutable_set_forecast_category()->set_category(v1::BEST_CASE); break;
        case 4: body.mutable_change_sale_stage()->set_stage("contract"); break;
        case 5: body.mutable_reassign_sale()->set_owner(owner_name(slot + sale.generation + 1)); break;
        case 7: body.mutable_set_forecast_category()->set_category(v1::COMMIT); break;
        case 8: (void)body.mutable_win_sale(); break;
        default: set_money(*body.mutable_change_sale_amount()->mutable_amount(), amount);
    }
    ++sale.phase;
    return change;
}

}  // namespace tidemark::api
