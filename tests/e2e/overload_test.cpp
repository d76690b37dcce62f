// More clients, larger bodies and slower readers than a server can serve: who behaves is served all the time, the
// others are refused and told when to come again, nothing grows without end, and afterwards all is as before.
// TIDEMARK_OVERLOAD_SECONDS makes it last longer than in CI; the figures go to the output.
#include "tests/e2e/crowd.hpp"
#include "tests/e2e/load.hpp"
#include "tests/e2e/server.hpp"
#include "tests/e2e/slow_reader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <sstream>
#include <thread>

namespace tidemark::e2e {

namespace {

// A client's pace; ends sooner when it is told to stop.
void rest_until(const std::stop_token& stop, std::chrono::steady_clock::time_point when) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_until(lock, stop, when, [] { return false; });
}

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;
using std::chrono::seconds;

constexpr std::size_t mebibyte = 1u << 20;
constexpr std::size_t queue_commands = 4'000;
constexpr std::size_t queue_bytes = 8 * mebibyte;
constexpr const char* partitions_read = "0,1,2,3";  // as much as fills the system's buffers within seconds
constexpr std::size_t most_bulk_streams = 256;
constexpr std::size_t most_feed_readers = 256;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t most_resident = 4'096 * mebibyte;  // what is freed is kept for a while, what is used is watched
constexpr int overload_seconds = 40;
constexpr double slower = 5;
constexpr bool overflows = false;  // the crowd is slowed down as much as the server, and may not fill its queues
#else
constexpr std::size_t most_resident = 1'024 * mebibyte;
constexpr int overload_seconds = 120;
constexpr double slower = 1;
constexpr bool overflows = true;
#endif
// Ten times what two cores take (320 ms and 45 ms), and more.
constexpr double honest_p99_ms = 4'000 * slower;  // of a command with all that it was told to come again for
constexpr double query_p99_ms = 1'500 * slower;
constexpr std::size_t answered_per_refusal = 20;
constexpr CrowdSize crowd_size{.greedy_streams = 200,
                               .mute_streams = 100,
                               .single_clients = 300,
                               .large_bodies = 150,
                               .mute_followers = 280,
                               .askers = 100,
                               .waiters = 100};

const Environment small_server = {{"TIDEMARK_QUEUE_COMMANDS", std::to_string(queue_commands)},
                                  {"TIDEMARK_QUEUE_BYTES", std::to_string(queue_bytes)},
                                  {"TIDEMARK_VIEWS_MAX_BEHIND", "50000"},
                                  {"TIDEMARK_CACHE_AGGREGATES", "32MiB"},
                                  {"TIDEMARK_CACHE_ROWS", "32MiB"},
                                  {"TIDEMARK_CACHE_TAIL", "16MiB"},
                                  {"TIDEMARK_DERIVED_CACHE", "16MiB"},
                                  {"TIDEMARK_DERIVED_BUFFER", "32MiB"},
                                  {"TIDEMARK_VIEWS_CACHE", "16MiB"},
                                  {"TIDEMARK_VIEWS_BUFFER", "32MiB"}};

// Longer than the 30 s after which a reader that takes nothing is dropped.
seconds overload_lasts() {
    const char* asked = std::getenv("TIDEMARK_OVERLOAD_SECONDS");
    return seconds(asked ? std::max(10, std::atoi(asked)) : overload_seconds);
}

template <class Holds>
bool soon(Holds holds, seconds patience = seconds(60)) {
    for (const auto deadline = Clock::now() + patience; !holds();) {
        if (Clock::now() > deadline) return false;
        (void)::poll(nullptr, 0, 50);
    }
    return true;
}

std::map<std::string, double> figures(Connection& connection) {
    std::map<std::string, double> all;
    std::istringstream text(connection.get("/metrics").body);
    for (std::string line; std::getline(text, line);) {
        const auto blank = line.rfind(' ');
        if (line.starts_with("tidemark_") && blank != std::string::npos)
            all[line.substr(0, blank)] = std::strtod(line.c_str() + blank, nullptr);
    }
    return all;
}

struct Latency {
    std::vector<double> ms;
    [[nodiscard]] double at(double share) {
        if (ms.empty()) return 0;
        std::ranges::sort(ms);
        return ms[std::min(ms.size() - 1, static_cast<std::size_t>(share * static_cast<double>(ms.size())))];
    }
    [[nodiscard]] std::string text() {
        return fmt::format("p50 {:.1f} ms, p95 {:.1f} ms, p99 {:.1f} ms, longest {:.1f} ms of {}", at(0.5), at(0.95),
                           at(0.99), at(1), ms.size());
    }
};

// Twenty commands and ten queries a second, each in its turn; told to come again, it does when it is told.
class HonestClient {
public:
    HonestClient(std::uint16_t port, Ledger& ledger, std::string name)
        : thread_([=, this, &ledger](const std::stop_token& stop) { work(stop, port, ledger, name); }) {}

    void stop() { thread_ = {}; }

    // Read after stop().
    Latency commands;  // from the first attempt to the answer
    Latency queries;
    std::size_t refused = 0;
    std::size_t broken = 0;
    std::size_t unexpected = 0;

private:
    void work(const std::stop_token& stop, std::uint16_t port, Ledger& ledger, const std::string& name) {
        Connection connection(port);
        for (std::size_t n = 0; !stop.stop_requested(); ++n) {
            const auto next = Clock::now() + std::chrono::milliseconds(50);
            const auto began = Clock::now();
            if (command(connection, name + "-" + std::to_string(n), ledger))
                commands.ms.push_back(Milliseconds(Clock::now() - began).count());
            if (n % 2 == 0) query(connection);
            rest_until(stop, next);
        }
    }

    bool command(Connection& connection, const std::string& sale, Ledger& ledger) {
        for (int attempt = 0; attempt < 20; ++attempt) {
            const auto answered = open_sale_alone(connection, sale, ledger);
            if (answered == Answered::yes) return true;
            ++(answered == Answered::refused ? refused : broken);
            (void)::poll(nullptr, 0, 1000);
        }
        ++unexpected;
        return false;
    }

    void query(Connection& connection) {
        const auto began = Clock::now();
        const auto reply = connection.get("/v1/sales?limit=5");
        if (reply.status == 200) {
            queries.ms.push_back(Milliseconds(Clock::now() - began).count());
        } else {
            ++(reply.status == 503 && !reply.header("Retry-After").empty() ? refused : unexpected);
        }
    }

    std::jthread thread_;
};

// The highest that each figure was.
class Watch {
public:
    explicit Watch(const Server& server)
        : thread_([this, &server](const std::stop_token& stop) { watch(stop, server); }) {}
    void stop() { thread_ = {}; }

    // Read after stop().
    std::map<std::string, double> highest;
    std::size_t resident = 0;
    std::size_t looks = 0;

private:
    void watch(const std::stop_token& stop, const Server& server) {
        Connection connection(server.port());
        while (!stop.stop_requested()) {
            resident = std::max(resident, server.resident_bytes());
            const auto now = figures(connection);
            looks += now.empty() ? 0u : 1u;
            for (const auto& [name, value] : now) highest[name] = std::max(highest[name], value);
            rest_until(stop, Clock::now() + std::chrono::milliseconds(500));
        }
    }

    std::jthread thread_;
};

// Batches of an importer that goes on where it was refused.
class Importer {
public:
    Importer(std::uint16_t port, Ledger& ledger)
        : thread_([=, &ledger](const std::stop_token& stop) {
              for (std::size_t round = 0; !stop.stop_requested(); ++round) {
                  Load load(port, ledger, {.bulk = 1, .single = 0}, "import-" + std::to_string(round), round);
                  (void)::poll(nullptr, 0, 20);
                  load.stop();
                  (void)::poll(nullptr, 0, 400);
              }
          }) {}

private:
    std::jthread thread_;
};

void check_promises(const Ledger& ledger, std::uint16_t port) {
    const auto faults = ledger.faults(read_feed(port));
    for (std::size_t i = 0; i < faults.size() && i < 20; ++i) UNSCOPED_INFO(faults[i]);
    CHECK(faults.size() == 0);
}

// A part of what the crowd did, from a cursor to the end.
void read_crowd_events(std::uint16_t port, std::string cursor, EventIds& into) {
    Connection connection(port);
    for (std::size_t before = count(into);; before = count(into)) {
        const auto reply = connection.get(std::string("/v1/events?limit=10000&partitions=") + partitions_read,
                                          {{"Tidemark-Tenant", crowd_tenant}, {"Last-Event-ID", cursor}});
        REQUIRE(reply.status == 200);
        REQUIRE(reply.complete);
        std::istringstream lines(reply.body);
        std::string last;
        for (std::string line; std::getline(lines, line); last = line) add_event(line, into);
        if (count(into) == before) return;
        cursor = std::string(boost::json::parse(last).at("cursor").as_string());
    }
}

void check_resumes(SlowReader& reader, std::uint16_t port) {
    auto read = reader.read_to_end();
    CHECK(read.ended);
    const std::size_t before = count(read.event_ids);
    REQUIRE(before > 0);
    read_crowd_events(port, read.last_cursor, read.event_ids);
    fmt::print("slow reader: {} events until it was dropped, {} from there\n", before, count(read.event_ids) - before);
    CHECK(count(read.event_ids) > before);
    EventIds all;
    read_crowd_events(port, "", all);
    CHECK((read.event_ids == all));
}

bool nothing_is_behind(Connection& connection) {
    auto now = figures(connection);
    return now["tidemark_commands_queued"] == 0 && now["tidemark_projection_lag_events{projection=\"sales\"}"] == 0;
}

}  // namespace

TEST_CASE("an overloaded server serves who behaves, refuses the others politely, and recovers by itself",
          "[overload]") {
    const TemporaryDirectory directory;
    Ledger ledger;
    Server server(directory.path() / "data", small_server);
    prepare(server.port(), ledger);
    Connection operator_of(server.port());

    HonestClient quiet(server.port(), ledger, "quiet");
    (void)::poll(nullptr, 0, 3000);
    quiet.stop();
    const double connections_before = figures(operator_of)["tidemark_http_connections"];
    const std::size_t resident_before = server.resident_bytes();

    SlowReader slow(server.port(), std::string("/v1/events?follow=true&partitions=") + partitions_read, crowd_tenant);
    Crowd crowd(server.port(), crowd_size);
    Watch watch(server);
    HonestClient honest(server.port(), ledger, "honest");
    {
        const Importer importer(server.port(), ledger);
        (void)::poll(nullptr, 0, static_cast<int>(overload_lasts().count() * 1000));
    }
    honest.stop();
    watch.stop();
    crowd.stop();

    const auto ended = Clock::now();
    CHECK(soon([&] { return operator_of.get("/readyz").status == 200; }));
    CHECK(soon([&] { return figures(operator_of)["tidemark_http_connections"] <= connections_before + 1; }));
    CHECK(soon([&] { return nothing_is_behind(operator_of); }));
    const double recovered_s = std::chrono::duration<double>(Clock::now() - ended).count();
    HonestClient after(server.port(), ledger, "after");
    (void)::poll(nullptr, 0, 3000);
    after.stop();

    const Told& told = crowd.told();
    auto& highest = watch.highest;
    fmt::print("quiet:    commands {}\n          queries {}\n", quiet.commands.text(), quiet.queries.text());
    fmt::print("overload: commands {}\n          queries {}\n          refused {}, broken {}\n", honest.commands.text(),
               honest.queries.text(), honest.refused, honest.broken);
    fmt::print("after:    commands {}\n          queries {}\n", after.commands.text(), after.queries.text());
    fmt::print("crowd: {} answered, {} refused, {} too large, {} broken off, {} MiB of outcomes\n",
               told.answered.load(), told.refused.load(), told.too_large.load(), told.broken.load(),
               told.outcome_bytes.load() / mebibyte);
    fmt::print("resident: {} MiB before, at most {} MiB; after {} MiB\n", resident_before / mebibyte,
               watch.resident / mebibyte, server.resident_bytes() / mebibyte);
    for (const char* name :
         {"tidemark_commands_total", "tidemark_commands_queued", "tidemark_commands_queued_bulk",
          "tidemark_commands_queued_bytes", "tidemark_http_queries_queued", "tidemark_bulk_streams",
          "tidemark_feed_readers", "tidemark_http_connections", "tidemark_feed_readers_dropped_total"})
        fmt::print("highest {} {}\n", name, highest[name]);
    fmt::print("recovered within {:.1f} s\n", recovered_s);

    // Who behaves.
    CHECK(honest.unexpected == 0);
    CHECK(honest.broken == 0);
    CHECK(honest.commands.ms.size() > 20);
    CHECK(honest.queries.ms.size() > 10);
    CHECK(honest.commands.at(0.5) < std::max(1'000.0, 100 * quiet.commands.at(0.5)));
    CHECK(honest.commands.at(0.99) < honest_p99_ms);
    CHECK(honest.queries.at(0.99) < query_p99_ms);
    CHECK(honest.refused * answered_per_refusal <= honest.commands.ms.size() + honest.queries.ms.size());
    CHECK(after.refused + after.broken + after.unexpected == 0);
    CHECK(after.commands.at(0.5) < std::max(50.0, 10 * quiet.commands.at(0.5)));
    // Who does not.
    CHECK((told.refused > 0 || !overflows));
    CHECK(told.refused_without_retry_after == 0);
    CHECK(told.too_large > 0);
    CHECK(told.unexpected == 0);
    // What is bounded.
    CHECK(watch.looks > 5);
    CHECK(watch.resident < most_resident);
    CHECK(highest["tidemark_commands_queued"] <= queue_commands);
    CHECK(highest["tidemark_commands_queued_bulk"] <= queue_commands * 3 / 4);
    CHECK(highest["tidemark_commands_queued_bytes"] <= queue_bytes);
    CHECK(highest["tidemark_http_queries_queued"] <= 1'000);
    CHECK(highest["tidemark_bulk_streams"] <= most_bulk_streams);
    CHECK(highest["tidemark_feed_readers"] <= most_feed_readers);
    // What was promised.
    if (overload_lasts() > seconds(35)) {
        CHECK(figures(operator_of)["tidemark_feed_readers_dropped_total"] >= 1);
        check_resumes(slow, server.port());
    }
    send_unanswered(server.port(), ledger);
    check_promises(ledger, server.port());
    server.ask_to_stop();
    CHECK(server.wait_for_exit(seconds(30)) == 0);
}

TEST_CASE("a server that is asked to stop in the middle of an overload ends cleanly and soon", "[overload]") {
    const TemporaryDirectory directory;
    const auto data = directory.path() / "data";
    Ledger ledger;
    {
        Server server(data, small_server);
        prepare(server.port(), ledger);
        Crowd crowd(server.port(), crowd_size);
        Load load(server.port(), ledger, {.bulk = 2, .single = 2}, "load", 1);
        (void)::poll(nullptr, 0, 3000);
        const auto asked = Clock::now();
        server.ask_to_stop();
        CHECK(server.wait_for_exit(seconds(60)) == 0);
        fmt::print("stopped within {:.1f} s\n", std::chrono::duration<double>(Clock::now() - asked).count());
        crowd.stop();
        load.stop();
    }
    const Server server(data, small_server);
    check_promises(ledger, server.port());
    send_unanswered(server.port(), ledger);
    check_promises(ledger, server.port());
}

}  // namespace tidemark::e2e
