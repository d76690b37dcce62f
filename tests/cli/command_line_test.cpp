#include "api/cli/command_line.hpp"

#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace tidemark::api;

namespace {

// What is printed while parsing, apart from the test's own output.
struct Parsed {
    Arguments arguments;
    std::string out;
    std::string err;
};

Parsed parse(std::vector<const char*> words) {
    words.insert(words.begin(), "tidemark");
    std::ostringstream out;
    std::ostringstream err;
    auto* const out_was = std::cout.rdbuf(out.rdbuf());
    auto* const err_was = std::cerr.rdbuf(err.rdbuf());
    Arguments arguments = parse_command_line(static_cast<int>(words.size()), words.data(), "  a setting\n");
    std::cout.rdbuf(out_was);
    std::cerr.rdbuf(err_was);
    return {std::move(arguments), out.str(), err.str()};
}

ExitCode code_of(const Parsed& parsed) {
    return std::get<Finished>(parsed.arguments).code;
}

}  // namespace

TEST_CASE("help teaches: every subcommand shows an example and ends well") {
    CHECK_THAT(parse({"--help"}).out, Catch::Contains("First steps") && Catch::Contains("Exit codes"));
    for (const char* name : {"serve", "import", "send", "kpi", "replay", "rebuild", "check", "backup", "restore",
                             "simulate", "bench", "completion"}) {
        const auto help = parse({name, "--help"});
        INFO(name);
        CHECK(code_of(help) == ExitCode::ok);
        CHECK_THAT(help.out, Catch::Contains("Example") && Catch::Contains(std::string("tidemark ") + name));
    }
    CHECK_THAT(parse({"serve", "--help"}).out, Catch::Contains("a setting"));
}

TEST_CASE("what cannot be understood ends with the exit code for usage") {
    CHECK(code_of(parse({})) == ExitCode::usage);
    CHECK(code_of(parse({"sell"})) == ExitCode::usage);
    const auto sell = parse({"sell"});
    CHECK_THAT(sell.err, Catch::Contains("there is no subcommand 'sell'; did you mean 'send'?") &&
                             Catch::Contains("simulate") && Catch::Contains("tidemark --help"));
    CHECK_THAT(parse({"frobnicate"}).err, Catch::Contains("'frobnicate'\n") && !Catch::Contains("did you mean"));
    CHECK(code_of(parse({"kpi", "--grains", "day"})) == ExitCode::usage);
    CHECK(code_of(parse({"check"})) == ExitCode::usage);
    CHECK(code_of(parse({"simulate", "--days", "none"})) == ExitCode::usage);
    CHECK(code_of(parse({"kpi", "--server", "http://x", "--data", "d"})) == ExitCode::usage);
    CHECK(code_of(parse({"kpi", "--server", "https://127.0.0.1"})) == ExitCode::usage);
    CHECK(code_of(parse({"kpi", "--config", "/dev/null"})) == ExitCode::usage);  // of a server that has its own
}

TEST_CASE("JSON is a flag of every subcommand that reports, but of bench, whose help says so") {
    for (const std::vector<const char*>& arguments : {std::vector{"kpi", "--json"},
                                                      {"simulate", "--json"},
                                                      {"send", "-", "--json"},
                                                      {"replay", "--data", "d", "--json"},
                                                      {"rebuild", "--data", "d", "--json"},
                                                      {"check", "--data", "d", "--json"},
                                                      {"backup", "--json"},
                                                      {"restore", "/", "--data", "d", "--json"},
                                                      {"import", "/dev/null", "/dev/null", "--json"}}) {
        INFO(arguments.front());
        CHECK_FALSE(std::holds_alternative<Finished>(parse(arguments).arguments));
    }
    CHECK(std::get<RebuildArguments>(parse({"rebuild", "--data", "d", "--json"}).arguments).json);
    CHECK_THAT(parse({"bench", "--help"}).out, Catch::Contains("--json names a file"));
}

TEST_CASE("settings of the server keep their order and their names") {
    const auto parsed = parse(
        {"serve", "--data", "d", "--listen", "127.0.0.1:0", "--set", "queue.commands=5", "--set", "cache.tail=1MiB"});
    const auto& serve = std::get<ServeArguments>(parsed.arguments);
    using Setting = std::pair<std::string, std::string>;
    CHECK(std::ranges::count(serve.settings, Setting{"data", "d"}) == 1);
    CHECK(std::ranges::count(serve.settings, Setting{"listen", "127.0.0.1:0"}) == 1);
    CHECK(std::ranges::count(serve.settings, Setting{"queue.commands", "5"}) == 1);
    CHECK(std::ranges::count(serve.settings, Setting{"cache.tail", "1MiB"}) == 1);
    CHECK(code_of(parse({"serve", "--set", "no-value"})) == ExitCode::usage);
}

TEST_CASE("bash accepts the completion script, and it completes subcommands and flags") {
    const auto parsed = parse({"completion", "bash"});
    const auto& script = std::get<CompletionArguments>(parsed.arguments).script;
    const tidemark::tests::TemporaryDirectory directory;
    const auto file = directory.path() / "completion.bash";
    std::ofstream(file)
        << script
        << "COMP_WORDS=(tidemark ki); COMP_CWORD=1; compgen() { builtin compgen \"$@\"; }\n"
           "COMP_WORDS=(tidemark kp); _tidemark; [[ ${COMPREPLY[*]} == kpi ]] || exit 1\n"
           "COMP_WORDS=(tidemark kpi --gr); COMP_CWORD=2; _tidemark; [[ ${COMPREPLY[*]} == --grain ]] || exit 2\n";
    CHECK(std::system(("bash -n " + file.string()).c_str()) == 0);
    CHECK(std::system(("bash " + file.string()).c_str()) == 0);
}
