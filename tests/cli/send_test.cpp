#include "api/cli/commands.hpp"
#include "api/cli/line_input.hpp"
#include "tests/cli/scripted_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace tidemark;
using namespace tidemark::api;
using tests::Scripted;
using tests::ScriptedServer;
using tests::TemporaryDirectory;

namespace {

std::string text_of(const std::variant<std::string, LineInput::NothingYet, LineInput::End, LineInput::Failed>& next) {
    if (const auto* line = std::get_if<std::string>(&next)) return *line;
    return next.index() == 1 ? "(nothing yet)" : next.index() == 2 ? "(end)" : "(failed)";
}

// Runs `tidemark send --json`; the lines it prints.
std::pair<ExitCode, std::string> send_json(ScriptedServer& server, const std::filesystem::path& file,
                                           const std::filesystem::path& out, const std::string& tenant) {
    std::fflush(stdout);
    const int was = ::dup(STDOUT_FILENO);
    const int to = ::open(out.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    ::dup2(to, STDOUT_FILENO);
    ::close(to);
    SendArguments arguments{.where = {.tenant = tenant}, .file = file, .json = true};
    const auto code = run_send(arguments, {.reach = [&](const Where&) -> std::expected<ServerAddress, std::string> {
                                   return ServerAddress{.host = "127.0.0.1", .port = std::to_string(server.port())};
                               }});
    std::fflush(stdout);
    ::dup2(was, STDOUT_FILENO);
    ::close(was);
    std::ifstream in(out);
    return {code, {std::istreambuf_iterator<char>(in), {}}};
}

}  // namespace

TEST_CASE("lines are handed out as they come, without waiting for more") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "pipe";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const int keeps_it_open = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    auto input = LineInput::open(path);
    REQUIRE(input);
    const auto write = [&](std::string_view text) {
        REQUIRE(::write(keeps_it_open, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    };
    CHECK(text_of(input->next()) == "(nothing yet)");
    write("one\ntw");
    CHECK(text_of(input->next()) == "one");
    CHECK(text_of(input->next()) == "(nothing yet)");
    write("o\n\nlast");
    CHECK(text_of(input->next()) == "two");
    CHECK(text_of(input->next()).empty());
    CHECK(text_of(input->next()) == "(nothing yet)");
    ::close(keeps_it_open);
    CHECK(text_of(input->next()) == "last");
    CHECK(text_of(input->next()) == "(end)");
    CHECK_FALSE(LineInput::open(directory.path() / "none"));
}

TEST_CASE("commands that come one by one are sent one by one") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "pipe";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const int pipe = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ScriptedServer server({Scripted{}});
    std::pair<ExitCode, std::string> ended;
    std::thread sending([&] { ended = send_json(server, path, directory.path() / "out", ""); });
    for (int i = 0; i < 3; ++i) {
        const std::string line = R"({"stream_id":"c","command_id":"c)" + std::to_string(i) +
                                 R"(","customer":{"archive_customer":{}}})" + "\n";
        REQUIRE(::write(pipe, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (server.arrived().size() <= static_cast<std::size_t>(i) && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        CHECK(server.arrived().size() == static_cast<std::size_t>(i) + 1);
    }
    ::close(pipe);
    sending.join();
    CHECK(ended.first == ExitCode::ok);
}

TEST_CASE("each line has an outcome in JSON, in their order, and a tenant that it names is its own") {
    const TemporaryDirectory directory;
    const auto file = directory.path() / "commands.ndjson";
    std::ofstream(file) << R"({"stream_id":"c","command_id":"1","customer":{"archive_customer":{}}})" << "\n"
                        << "nonsense\n"
                        << R"({"stream_id":"c","command_id":"2","tenant":"own","customer":{"archive_customer":{}}})"
                        << "\n";
    std::mutex mutex;
    std::vector<std::string> tenants;
    ScriptedServer server({Scripted{.outcome = [&](const v1::Command& command) {
        const std::lock_guard lock(mutex);
        tenants.push_back(command.tenant());
        v1::Outcome outcome;
        outcome.set_status(v1::ACCEPTED);
        return outcome;
    }}});
    const auto [code, said] = send_json(server, file, directory.path() / "out", "other");
    CHECK(code == ExitCode::rejected);
    CHECK(tenants == std::vector<std::string>{"other", "own"});
    const auto first = said.find("\"1\"");
    const auto invalid = said.find("INVALID");
    CHECK(first < invalid);
    CHECK(invalid < said.find("\"2\""));
    CHECK(std::ranges::count(said, '\n') == 3);
}
