#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "api/json/write.hpp"
#include "api/simulate/sales_operation.hpp"
#include "events/time.hpp"

#include <cstdio>
#include <fmt/core.h>
#include <memory>

namespace tidemark::api {

namespace {

using Clock = std::chrono::steady_clock;

class PlaySource final : public CommandSource {
public:
    PlaySource(SalesOperation& operation, const SimulateArguments& arguments)
        : operation_(operation), arguments_(arguments), started_(Clock::now()) {}

    std::variant<ToSend, PacedUntil, NoMore, Failed> next() override {
        if (arguments_.rate > 0) {
            const auto due = started_ + std::chrono::microseconds(made_ * 1'000'000 / arguments_.rate);
            if (due > Clock::now()) return PacedUntil{due};
        }
        auto command = operation_.next();
        if (!command) return NoMore{};
        if (!arguments_.where.tenant.empty()) command->set_tenant(arguments_.where.tenant);
        return ToSend{std::move(*command), made_++};
    }

    void answered(std::uint64_t, const v1::Outcome& outcome) override {
        ++by_status_[outcome.status()];
        if (outcome.repeated()) ++repeated_;
        bar_.show(operation_.permille(), 1'000, ++answered_);
    }

    void print() const {
        const auto of = [&](v1::OutcomeStatus status) {
            const auto found = by_status_.find(status);
            return found == by_status_.end() ? std::uint64_t{0} : found->second;
        };
        const std::chrono::duration<double> took = Clock::now() - started_;
        if (arguments_.json) {
            fmt::print(
                "{{\"commands\":{},\"accepted\":{},\"unchanged\":{},\"rejected\":{},\"invalid\":{},\"repeated\":{},"
                "\"seconds\":{:.3f}}}\n",
                answered_, of(v1::ACCEPTED), of(v1::UNCHANGED), of(v1::REJECTED), of(v1::INVALID), repeated_,
                took.count());
            return;
        }
        fmt::print(
            "{} commands in {:.1f} s: {} accepted, {} changed nothing, {} rejected (people make mistakes); {} had been "
            "sent before\n",
            grouped(answered_), took.count(), grouped(of(v1::ACCEPTED)), grouped(of(v1::UNCHANGED)),
            grouped(of(v1::REJECTED)), grouped(repeated_));
    }
    [[nodiscard]] bool malformed() const { return by_status_.contains(v1::INVALID); }

private:
    SalesOperation& operation_;
    const SimulateArguments& arguments_;
    Clock::time_point started_;
    std::uint64_t made_ = 0;
    std::uint64_t answered_ = 0;
    std::uint64_t repeated_ = 0;
    std::map<v1::OutcomeStatus, std::uint64_t> by_status_;
    ProgressBar bar_{"simulating", "commands"};
};

ExitCode write_commands(SalesOperation& operation, const SimulateArguments& arguments) {
    const bool standard_output = arguments.write == "-";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        standard_output ? nullptr : std::fopen(arguments.write.c_str(), "wb"), std::fclose);
    if (!standard_output && !file) return complain(arguments.write.string() + ": cannot be written");
    std::FILE* out = standard_output ? stdout : file.get();
    ProgressBar bar("writing", "commands");
    for (std::uint64_t written = 1;; ++written) {
        auto command = operation.next();
        if (!command) break;
        if (!arguments.where.tenant.empty()) command->set_tenant(arguments.where.tenant);
        const std::string line = json::text_of(*command) + "\n";
        if (std::fwrite(line.data(), 1, line.size(), out) != line.size())
            return complain(arguments.write.string() + ": cannot be written");
        bar.show(operation.permille(), 1'000, written);
    }
    if (std::fflush(out) != 0) return complain(arguments.write.string() + ": cannot be written");
    return ExitCode::ok;
}

// A day of sales is a working day: at a weekend the operation ends with the Friday before.
std::int32_t after_last_working_day(std::int32_t today) {
    std::int32_t last = today - 1;
    while ((last + 3) % 7 >= 5) --last;
    return last + 1;
}

}  // namespace

ExitCode run_simulate(const SimulateArguments& arguments, const Surroundings& around) {
    OperationOptions options{.seed = arguments.seed,
                             .days = arguments.days,
                             .customers = arguments.customers,
                             .sales_per_day = arguments.sales_per_day,
                             .end = after_last_working_day(around.today)};
    if (!arguments.end.empty()) {
        const auto end = events::parse_date(arguments.end);
        if (!end) return complain("--end " + arguments.end + ": is a date such as 2026-01-31", ExitCode::usage);
        if (*end > around.today + 1) {
            return complain(
                "--end " + arguments.end + ": lies in the future; the last day that can be simulated is today",
                ExitCode::usage);
        }
        options.end = *end;
    }
    SalesOperation operation(options);
    if (!arguments.write.empty()) return write_commands(operation, arguments);
    const auto address = around.reach(arguments.where);
    if (!address) return complain(address.error());
    PlaySource source(operation, arguments);
    const auto done = Client(*address).send(source);
    source.print();
    if (!done) return complain(done.error());
    return source.malformed() ? ExitCode::rejected : ExitCode::ok;
}

}  // namespace tidemark::api
