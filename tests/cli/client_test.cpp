#include "api/cli/client.hpp"

#include "tests/cli/scripted_server.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <thread>

using namespace tidemark;
using namespace tidemark::api;
using tests::Scripted;
using tests::ScriptedServer;

namespace {

class Numbered final : public CommandSource {
public:
    explicit Numbered(std::uint64_t count) : count_(count) {}
    std::variant<ToSend, PacedUntil, NoMore, Failed> next() override {
        if (made_ == count_) return NoMore{};
        ToSend made{.command = {}, .tag = made_};
        made.command.set_command_id("c" + std::to_string(made_++));
        return made;
    }
    void answered(std::uint64_t tag, const v1::Outcome& outcome) override {
        order.push_back(tag);
        statuses[outcome.status()]++;
    }
    std::vector<std::uint64_t> order;
    std::map<v1::OutcomeStatus, std::size_t> statuses;

private:
    std::uint64_t count_;
    std::uint64_t made_ = 0;
};

std::expected<void, std::string> send(ScriptedServer& server, Numbered& source, SendOptions options = {}) {
    Client client({.host = "127.0.0.1", .port = std::to_string(server.port())});
    return client.send(source, options);
}

bool in_order(const std::vector<std::uint64_t>& tags, std::size_t count) {
    return tags.size() == count && std::ranges::is_sorted(tags) && std::set(tags.begin(), tags.end()).size() == count;
}

}  // namespace

TEST_CASE("a server's address is read, and what is none is refused in words") {
    CHECK(parse_server("http://127.0.0.1:9000/")->text() == "127.0.0.1:9000");
    CHECK(parse_server("localhost")->text() == "localhost:8080");
    CHECK(parse_server("http://[::1]:80")->host == "::1");
    CHECK_FALSE(parse_server("https://127.0.0.1"));
    CHECK_FALSE(parse_server("http://127.0.0.1:port"));
    CHECK_FALSE(parse_server("http://127.0.0.1:0"));
    CHECK_FALSE(parse_server(""));
}

TEST_CASE("every command of a stream gets its outcome, in order") {
    ScriptedServer server({Scripted{}});
    Numbered source(20'000);
    REQUIRE(send(server, source));
    CHECK(in_order(source.order, 20'000));
}

TEST_CASE("never more commands are under way than the window allows") {
    Numbered source(500);
    ScriptedServer server({Scripted{.answer = 10}, Scripted{}});
    REQUIRE(send(server, source, {.window = 3}));
    CHECK(in_order(source.order, 500));
    // When the first connection broke, ten were answered: no more than three others can have arrived before.
    const auto arrived = server.arrived();
    const auto again = std::ranges::find(arrived.begin() + 11, arrived.end(), "c10");
    CHECK(again - arrived.begin() <= 13);
}

TEST_CASE("after a broken connection what has no answer is sent again, in order, with the same ids") {
    ScriptedServer server({Scripted{.answer = 5}, Scripted{.answer = 100}, Scripted{}});
    Numbered source(1'000);
    REQUIRE(send(server, source));
    CHECK(in_order(source.order, 1'000));
    const auto arrived = server.arrived();
    CHECK(std::ranges::count(arrived, "c5") == 2);  // it arrived, and its answer did not
    CHECK(std::ranges::count(arrived, "c4") == 1);
}

TEST_CASE("a busy server is asked again after the time that it names") {
    const std::string busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nfull";
    ScriptedServer server({Scripted{.refuse = busy}, Scripted{}});
    Numbered source(10);
    REQUIRE(send(server, source));
    CHECK(in_order(source.order, 10));
}

TEST_CASE("a command whose outcome is not known is sent again until it is") {
    std::set<std::string> known;
    ScriptedServer server({Scripted{.outcome = [&](const v1::Command& command) {
        v1::Outcome outcome;
        const bool first = known.insert(command.command_id()).second;
        outcome.set_status(first && command.command_id() == "c3" ? v1::UNAVAILABLE : v1::ACCEPTED);
        return outcome;
    }}});
    Numbered source(10);
    REQUIRE(send(server, source));
    CHECK(source.order.size() == 10);
    CHECK(source.order.back() == 3);
    CHECK(source.statuses == std::map<v1::OutcomeStatus, std::size_t>{{v1::ACCEPTED, 10}});
}

TEST_CASE("a refusal that asking again does not mend ends the stream with the server's words") {
    ScriptedServer server(
        {Scripted{.refuse = "HTTP/1.1 415 Unsupported Media Type\r\nContent-Length: 8\r\n\r\nno such!"}});
    Numbered source(10);
    const auto sent = send(server, source);
    REQUIRE_FALSE(sent);
    CHECK_THAT(sent.error(), Catch::Contains("415") && Catch::Contains("no such!"));
}

TEST_CASE("a server that is not there is an error at once") {
    Client client({.host = "127.0.0.1", .port = "1"});
    Numbered source(1);
    const auto sent = client.send(source, {.patience = std::chrono::hours(1)});
    REQUIRE_FALSE(sent);
    CHECK_THAT(sent.error(), Catch::Contains("is a server running there?"));
    CHECK_FALSE(client.get("/healthz"));
}

TEST_CASE("a server that went away is an error once patience runs out") {
    auto server = std::make_unique<ScriptedServer>(std::vector{Scripted{.answer = 1}});
    Client client({.host = "127.0.0.1", .port = std::to_string(server->port())});
    Numbered source(3);
    std::expected<void, std::string> sent;
    std::thread sending([&] { sent = client.send(source, {.patience = std::chrono::milliseconds(300)}); });
    while (server->arrived().size() < 2) std::this_thread::yield();
    server.reset();
    sending.join();
    REQUIRE_FALSE(sent);
    CHECK_THAT(sent.error(), Catch::Contains("run it again, nothing is done twice"));
    CHECK(source.order.size() == 1);
}

TEST_CASE("an outcome of what could not be read has no id, and is that of the command whose turn it is") {
    ScriptedServer server({Scripted{.outcome =
                                        [](const v1::Command& command) {
                                            v1::Outcome outcome;
                                            outcome.set_status(command.command_id() == "c1" ? v1::INVALID
                                                                                            : v1::ACCEPTED);
                                            return outcome;
                                        },
                                    .without_id = "c1"}});
    Numbered source(3);
    REQUIRE(send(server, source));
    CHECK(source.order == std::vector<std::uint64_t>{0, 1, 2});
    CHECK(source.statuses.at(v1::INVALID) == 1);
}
