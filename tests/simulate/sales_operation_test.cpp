#include "api/simulate/sales_operation.hpp"

#include "aggregates/validate.hpp"
#include "events/time.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>

using namespace tidemark;
using api::OperationOptions;
using api::SalesOperation;

namespace {

const std::int32_t end_day = *events::parse_date("2026-06-01");

std::vector<v1::Command> commands_of(OperationOptions options) {
    options.end = end_day;
    SalesOperation operation(options);
    std::vector<v1::Command> commands;
    while (auto command = operation.next()) commands.push_back(std::move(*command));
    return commands;
}

std::size_t count(const std::vector<v1::Command>& commands, v1::SaleCommand::CommandCase which) {
    return static_cast<std::size_t>(std::ranges::count_if(commands, [&](const v1::Command& command) {
        return command.has_sale() && command.sale().command_case() == which;
    }));
}

}  // namespace

TEST_CASE("the same seed plays the same operation, another seed another one") {
    const auto once = commands_of({.seed = 7, .days = 20});
    const auto again = commands_of({.seed = 7, .days = 20});
    REQUIRE(once.size() == again.size());
    for (std::size_t i = 0; i < once.size(); ++i) REQUIRE(once[i].SerializeAsString() == again[i].SerializeAsString());
    const auto other = commands_of({.seed = 8, .days = 20});
    CHECK(other.back().SerializeAsString() != once.back().SerializeAsString());
}

TEST_CASE("every command is well formed, has its own id, and comes in the order of time within the days asked for") {
    const auto commands = commands_of({.seed = 3, .days = 60});
    std::set<std::string> ids;
    events::Micros before = (end_day - 60) * events::micros_per_day;
    for (const auto& command : commands) {
        const auto broken = aggregates::validate(command);
        INFO(command.ShortDebugString() << (broken ? broken->ShortDebugString() : ""));
        REQUIRE_FALSE(broken);
        REQUIRE(ids.insert(command.command_id()).second);
        REQUIRE(command.occurred_at() >= before);
        before = command.occurred_at();
    }
    CHECK(before < end_day * events::micros_per_day);
}

TEST_CASE("a quarter of sales looks like one: wins, losses, corrections, deliveries, quiet weekends") {
    const auto commands = commands_of({.seed = 1, .days = 90});
    const auto opened = count(commands, v1::SaleCommand::kOpenSale);
    const auto won = count(commands, v1::SaleCommand::kWinSale);
    const auto lost = count(commands, v1::SaleCommand::kLoseSale);
    CHECK(opened > 2'500);
    CHECK(won > opened / 5);
    CHECK(lost > opened / 5);
    CHECK(won + lost < opened + 100);
    CHECK(count(commands, v1::SaleCommand::kReopenSale) > 0);
    CHECK(count(commands, v1::SaleCommand::kCorrectSale) > 0);
    std::map<bool, std::size_t> by_weekend;
    std::size_t closed_deliveries = 0;
    for (const auto& command : commands) {
        if (command.has_delivery() && command.delivery().has_close_delivery()) ++closed_deliveries;
        if (!command.has_sale() || !command.sale().has_open_sale()) continue;
        const auto weekday = (events::date_of(command.occurred_at()) + 3) % 7;
        ++by_weekend[weekday >= 5];
    }
    CHECK(closed_deliveries > 20);
    CHECK(by_weekend[true] * 10 < by_weekend[false]);
}

TEST_CASE("a single day has sales that are opened and won on it") {
    const auto commands = commands_of({.seed = 1, .days = 3});
    CHECK(count(commands, v1::SaleCommand::kOpenSale) > 20);
    CHECK(count(commands, v1::SaleCommand::kWinSale) > 5);
}
