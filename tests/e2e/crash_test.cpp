// The real binary under load, killed and stopped again and again: whatever was acknowledged is there afterwards, once
// and in order, and what was not can be sent again.
#include "tests/e2e/load.hpp"
#include "tests/e2e/server.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <poll.h>
#include <random>
#include <thread>

namespace tidemark::e2e {

namespace {

using std::chrono::seconds;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kills = 40;  // all is several times slower; the run without sanitizers has the number
constexpr std::size_t kills_starting = 10;
#else
constexpr std::size_t kills = 200;          // under load
constexpr std::size_t kills_starting = 50;  // and so many while it starts
#endif
constexpr std::size_t rounds_between_checks = 20;
constexpr Writers writers{.bulk = 4, .single = 2};

// Until so many answers have come; false: they did not within the deadline.
bool wait_for_answers(const Ledger& ledger, std::size_t answers) {
    for (const auto deadline = std::chrono::steady_clock::now() + seconds(60); ledger.answers() < answers;) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        (void)::poll(nullptr, 0, 1);
    }
    return true;
}

// The moment of a kill is drawn, and need not be met exactly.
void let_pass(std::uint64_t milliseconds) {
    (void)::poll(nullptr, 0, static_cast<int>(milliseconds));
}

// What is written behind is written often, so that kills meet it: runs of derived rows as files, flushes of tables.
Environment small_pieces(std::mt19937_64& random) {
    return {{"TIDEMARK_DERIVED_RUN_ROWS", random() % 2 == 0 ? "100" : "1500"},
            {"TIDEMARK_DERIVED_BUFFER", "1MiB"},
            {"TIDEMARK_VIEWS_BUFFER", "1MiB"},
            {"TIDEMARK_CACHE_AGGREGATES", random() % 2 == 0 ? "64KiB" : "64MiB"},
            {"TIDEMARK_CACHE_ROWS", random() % 2 == 0 ? "64KiB" : "64MiB"}};
}

// Mostly as soon as answers come; now and then later, when snapshots are written and files are compacted.
std::uint64_t until_the_kill(std::size_t round, std::mt19937_64& random) {
    if (round % 40 == 39) return 2'000 + random() % 1'000;
    if (round % 8 == 7) return 100 + random() % 500;
    return random() % 80;
}

void check_promises(const Ledger& ledger, std::uint16_t port) {
    const auto faults = ledger.faults(read_feed(port));
    for (std::size_t i = 0; i < faults.size() && i < 20; ++i) UNSCOPED_INFO(faults[i]);
    CHECK(faults.size() == 0);
}

// Commands that had their answer before the crash get the same one again: the ledger compares.
void ask_again(Ledger& ledger, std::uint16_t port) {
    Connection connection(port);
    const auto some = ledger.every_nth_answered(97);
    REQUIRE(some.size() > 0);
    CHECK(send_and_note(connection, some, ledger));
}

void wait_until_views_are_there(std::uint16_t port) {
    Connection connection(port);
    for (const auto deadline = std::chrono::steady_clock::now() + seconds(60);;) {
        const auto reply = connection.get("/v1/projections");
        REQUIRE(reply.status == 200);
        const auto status = boost::json::parse(reply.body);
        bool behind = false;
        for (const auto& projection : status.at("projections").as_array()) {
            if (projection.at("lag_events").to_number<std::uint64_t>() != 0) behind = true;
            if (projection.at("rebuilding").as_bool()) behind = true;
        }
        if (!behind) return;
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        (void)::poll(nullptr, 0, 10);
    }
}

std::vector<std::string> kpis(Connection& connection) {
    const auto reply = connection.get("/v1/kpis");
    REQUIRE(reply.status == 200);
    const auto catalogue = boost::json::parse(reply.body);
    std::vector<std::string> names;
    for (const auto& kpi : catalogue.at("kpis").as_array()) names.emplace_back(kpi.at("name").as_string());
    REQUIRE(names.size() > 20);
    return names;
}

// Of every view that there is, the list as a whole or some of its rows.
std::map<std::string, std::string> answers_of_views(std::uint16_t port) {
    wait_until_views_are_there(port);
    Connection connection(port);
    std::map<std::string, std::string> answers;
    std::vector<std::string> targets;
    for (const auto* target : {"/v1/sales/sale-of-everybody",
                               "/v1/sales/sale-of-everybody/events?limit=1000",
                               "/v1/sales/sent-first/history",
                               "/v1/sales?limit=500",
                               "/v1/sales?limit=500&status=OPEN",
                               "/v1/sales?limit=500&product=second",
                               "/v1/pipelines?limit=500",
                               "/v1/pipelines/direct/funnel",
                               "/v1/pipelines/direct/funnel?as_of=2090-01-01T00:00:00Z",
                               "/v1/forecast",
                               "/v1/rejections?limit=500",
                               "/v1/rejections/counts",
                               "/v1/reports/sales?from=2020-01-01&to=2090-01-01&grain=year&by=owner",
                               "/v1/products?limit=500",
                               "/v1/products/first",
                               "/v1/customers?limit=500",
                               "/v1/customers?limit=500&q=r1",
                               "/v1/customers/sent-first-customer",
                               "/v1/customers/sent-first-customer/overview",
                               "/v1/deliveries?limit=500&now=2090-01-01T00:00:00Z",
                               "/v1/deliveries/sent-first-delivery",
                               "/v1/deliveries/sent-first-delivery/board?now=2090-01-01T00:00:00Z"}) {
        targets.emplace_back(target);
    }
    for (const std::string& kpi : kpis(connection)) {
        targets.push_back("/v1/kpis/" + kpi + "?from=2020-01-01&to=2090-01-01&grain=year");
    }
    for (const std::string& target : targets) {
        const auto reply = connection.get(target);
        INFO(target << ": " << reply.body.substr(0, 500));
        CHECK(reply.status == 200);
        answers[target] = reply.body;
    }
    return answers;
}

}  // namespace

TEST_CASE("two hundred kills lose nothing that was acknowledged, double nothing and mix nothing up", "[crash]") {
    const TemporaryDirectory directory;
    const auto data = directory.path() / "data";
    Ledger ledger;
    constexpr std::uint64_t seed = 20'260'731;
    std::mt19937_64 random(seed);
    {
        const Server server(data);
        prepare(server.port(), ledger);
        send_one_life(server.port(), ledger, "sent-first");
    }
    for (std::size_t round = 0; round < kills; ++round) {
        INFO("round " << round << " of seed " << seed);
        if (round % (kills / kills_starting) == 0) {
            // While it opens its stores, folds the end of the log, catches up, or has just become ready.
            Server starting(Server::Beginning{}, data, small_pieces(random));
            let_pass(random() % 160);
            starting.kill();
        }
        Server server(data, small_pieces(random));
        if (round % rounds_between_checks == 0) {
            send_unanswered(server.port(), ledger);
            ask_again(ledger, server.port());
            check_promises(ledger, server.port());
        }
        Load load(server.port(), ledger, writers, "r" + std::to_string(round), round);
        let_pass(until_the_kill(round, random));
        server.kill();
        load.stop();
    }

    Server server(data);
    send_unanswered(server.port(), ledger);
    ask_again(ledger, server.port());
    check_promises(ledger, server.port());
    CHECK(ledger.answers() > kills * 10);
    const auto answers = answers_of_views(server.port());
    server.ask_to_stop();
    CHECK(server.wait_for_exit(seconds(30)) == 0);

    const auto check = run_tidemark({"check", "--data", data.string()});
    INFO(check.output);
    CHECK(check.exit_code == 0);

    // Views that went through all those kills equal a fresh fold, byte for byte.
    const auto rebuild = run_tidemark({"rebuild", "--data", data.string()});
    INFO(rebuild.output);
    CHECK(rebuild.exit_code == 0);
    const Server again(data);
    for (const auto& [target, body] : answers_of_views(again.port())) {
        const std::string& before = answers.at(target);
        const auto [here, there] = std::ranges::mismatch(body, before);
        const auto at = static_cast<std::size_t>(here - body.begin());
        const std::size_t from = at - std::min<std::size_t>(at, 100);
        INFO(target << " now: " << body.substr(from, 300) << "\nbefore: " << before.substr(from, 300));
        CHECK((body == before));
    }
}

TEST_CASE("a server that is asked to stop answers what it has taken, and ends cleanly", "[crash]") {
    const TemporaryDirectory directory;
    const auto data = directory.path() / "data";
    Ledger ledger;
    {
        Server server(data);
        prepare(server.port(), ledger);
        Load load(server.port(), ledger, writers, "drain", 1);
        REQUIRE(wait_for_answers(ledger, 500));
        server.ask_to_stop();
        CHECK(server.wait_for_exit(seconds(30)) == 0);
        load.stop();
    }
    const Server server(data);
    check_promises(ledger, server.port());
    send_unanswered(server.port(), ledger);
    check_promises(ledger, server.port());
}

TEST_CASE("a full queue refuses with 503 and Retry-After, and what is sent again is done once", "[crash]") {
    const TemporaryDirectory directory;
    Ledger ledger;
    const Server server(directory.path() / "data", {{"TIDEMARK_QUEUE_COMMANDS", "1"}});
    prepare(server.port(), ledger);
    std::atomic<std::size_t> refused = 0;
    std::atomic<std::size_t> broken = 0;
    {
        std::vector<std::jthread> callers;
        for (std::size_t caller = 0; caller < 16; ++caller) {
            callers.emplace_back([&, caller] {
                const auto deadline = std::chrono::steady_clock::now() + seconds(30);
                Connection connection(server.port());
                for (std::size_t n = 0; refused < 20 && std::chrono::steady_clock::now() < deadline; ++n) {
                    const auto sale = "full-" + std::to_string(caller) + "-" + std::to_string(n);
                    const auto answered = open_sale_alone(connection, sale, ledger);
                    if (answered == Answered::refused) ++refused;
                    if (answered == Answered::broken) ++broken;
                }
            });
        }
    }
    CHECK(refused >= 20);
    CHECK(broken == 0);
    send_unanswered(server.port(), ledger);
    check_promises(ledger, server.port());
}

}  // namespace tidemark::e2e
