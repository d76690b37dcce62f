#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "api/json/parse.hpp"
#include "api/json/write.hpp"
#include "events/ids.hpp"

#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <map>

namespace tidemark::api {

namespace {

// Reads one command a line. A line that is not a command is told, counted and passed over.
class LineSource final : public CommandSource {
public:
    LineSource(std::istream& in, const SendArguments& arguments) : in_(in), arguments_(arguments) {}

    std::variant<ToSend, PacedUntil, NoMore, Failed> next() override {
        std::string text;
        while (std::getline(in_, text)) {
            ++line_;
            if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
            ToSend made{.command = {}, .tag = line_};
            if (const auto parsed = parser_.parse(text, made.command); !parsed) {
                const json::Fault& fault = parsed.error();
                fmt::print(stderr, "line {}: {}{}: {}\n", line_, fault.code,
                           fault.field.empty() ? "" : " " + fault.field, fault.detail);
                ++rejected;
                continue;
            }
            if (made.command.command_id().empty()) made.command.set_command_id(events::random_uuid().text());
            if (!arguments_.where.tenant.empty()) made.command.set_tenant(arguments_.where.tenant);
            return made;
        }
        if (in_.bad()) return Failed{"line " + std::to_string(line_ + 1) + ": the file cannot be read"};
        return NoMore{};
    }

    void answered(std::uint64_t line, const v1::Outcome& outcome) override {
        ++sent;
        if (outcome.repeated()) ++repeated;
        const bool refused = outcome.status() == v1::REJECTED || outcome.status() == v1::INVALID;
        if (refused) ++rejected;
        if (outcome.status() == v1::UNCHANGED) ++unchanged;
        if (arguments_.json) {
            fmt::print("{}\n", json::text_of(outcome));
        } else if (refused) {
            const v1::Rejection& why = outcome.rejection();
            fmt::print(stderr, "line {}: {}{}: {}\n", line, why.code(), why.field().empty() ? "" : " " + why.field(),
                       why.detail());
        }
        bar_.show(0, 0, sent);
    }

    std::uint64_t sent = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t repeated = 0;
    std::uint64_t rejected = 0;

private:
    std::istream& in_;
    const SendArguments& arguments_;
    json::Parser parser_;
    std::uint64_t line_ = 0;
    ProgressBar bar_{"sending", "commands"};
};

}  // namespace

ExitCode run_send(const SendArguments& arguments, const Surroundings& around) {
    std::ifstream file;
    const bool standard_input = arguments.file == "-";
    if (!standard_input) {
        file.open(arguments.file);
        if (!file) return complain(arguments.file.string() + ": cannot be read", ExitCode::usage);
    }
    const auto address = around.reach(arguments.where);
    if (!address) return complain(address.error());
    LineSource source(standard_input ? std::cin : file, arguments);
    const auto done = Client(*address).send(source);
    if (!arguments.json) {
        fmt::print("{} commands answered: {} rejected, {} changed nothing, {} had been sent before\n", source.sent,
                   source.rejected, source.unchanged, source.repeated);
    }
    if (!done) return complain(done.error());
    return source.rejected == 0 ? ExitCode::ok : ExitCode::rejected;
}

}  // namespace tidemark::api
