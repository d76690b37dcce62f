#include "api/cli/commands.hpp"
#include "api/cli/line_input.hpp"
#include "api/cli/progress.hpp"
#include "api/http/command_intake.hpp"
#include "api/json/parse.hpp"
#include "api/json/write.hpp"
#include "events/ids.hpp"

#include <fmt/core.h>
#include <map>

namespace tidemark::api {

namespace {

// How soon to look again when nothing is at hand; what was taken goes out meanwhile.
constexpr auto look_again = std::chrono::milliseconds(5);

// Reads one command a line. A line that is not a command is told, counted and passed over.
class LineSource final : public CommandSource {
public:
    LineSource(LineInput& in, const SendArguments& arguments) : in_(in), arguments_(arguments) {}

    std::variant<ToSend, PacedUntil, NoMore, Failed> next() override {
        for (;;) {
            auto read = in_.next();
            if (std::holds_alternative<LineInput::NothingYet>(read)) {
                return PacedUntil{std::chrono::steady_clock::now() + look_again};
            }
            if (std::holds_alternative<LineInput::End>(read)) return NoMore{};
            if (const auto* failed = std::get_if<LineInput::Failed>(&read)) {
                return Failed{"line " + std::to_string(line_ + 1) + ": " + failed->why};
            }
            const std::string& text = std::get<std::string>(read);
            ++line_;
            if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
            ToSend made{.command = {}, .tag = line_};
            if (const auto parsed = parser_.parse(text, made.command); !parsed) {
                ++rejected;
                v1::Outcome invalid;
                invalid.set_status(v1::INVALID);
                *invalid.mutable_rejection() = to_rejection(parsed.error());
                tell(line_, invalid);
                continue;
            }
            if (made.command.command_id().empty()) made.command.set_command_id(events::random_uuid().text());
            if (made.command.tenant().empty()) made.command.set_tenant(arguments_.where.tenant);
            if (arguments_.json) told_[line_];
            return made;
        }
    }

    void answered(std::uint64_t line, const v1::Outcome& outcome) override {
        ++sent;
        if (outcome.repeated()) ++repeated;
        if (outcome.status() == v1::REJECTED || outcome.status() == v1::INVALID) ++rejected;
        if (outcome.status() == v1::UNCHANGED) ++unchanged;
        tell(line, outcome);
        bar_.show(0, 0, sent);
    }

    std::uint64_t sent = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t repeated = 0;
    std::uint64_t rejected = 0;

private:
    // As JSON each outcome, in the order of the lines; else what was refused.
    void tell(std::uint64_t line, const v1::Outcome& outcome) {
        if (arguments_.json) {
            told_[line] = json::text_of(outcome);
            for (; !told_.empty() && !told_.begin()->second.empty(); told_.erase(told_.begin())) {
                fmt::print("{}\n", told_.begin()->second);
            }
            std::fflush(stdout);
        } else if (outcome.status() == v1::REJECTED || outcome.status() == v1::INVALID) {
            const v1::Rejection& why = outcome.rejection();
            fmt::print(stderr, "line {}: {}{}: {}\n", line, why.code(), why.field().empty() ? "" : " " + why.field(),
                       why.detail());
        }
    }

    LineInput& in_;
    const SendArguments& arguments_;
    std::map<std::uint64_t, std::string> told_;  // by line; empty: no outcome yet
    json::Parser parser_;
    std::uint64_t line_ = 0;
    ProgressBar bar_{"sending", "commands"};
};

}  // namespace

ExitCode run_send(const SendArguments& arguments, const Surroundings& around) {
    auto input = LineInput::open(arguments.file);
    if (!input) return complain(input.error(), ExitCode::usage);
    const auto address = around.reach(arguments.where);
    if (!address) return complain(address.error());
    LineSource source(*input, arguments);
    const auto done = Client(*address).send(source);
    if (!arguments.json) {
        fmt::print("{} commands answered: {} rejected, {} changed nothing, {} had been sent before\n", source.sent,
                   source.rejected, source.unchanged, source.repeated);
    }
    if (!done) return complain(done.error());
    return source.rejected == 0 ? ExitCode::ok : ExitCode::rejected;
}

}  // namespace tidemark::api
