// `tidemark backup` of a server under load, and `tidemark restore` on an empty machine and over a newer copy.
#include "tests/e2e/load.hpp"
#include "tests/e2e/server.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <poll.h>

namespace tidemark::e2e {

namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

bool wait_for_answers(const Ledger& ledger, std::size_t answers) {
    for (const auto deadline = std::chrono::steady_clock::now() + seconds(60); ledger.answers() < answers;) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        (void)::poll(nullptr, 0, 1);
    }
    return true;
}

void check_kept(const Ledger& ledger, const std::vector<Sent>& promised, std::uint16_t port) {
    const auto faults = ledger.faults_of(promised, read_feed(port));
    for (std::size_t i = 0; i < faults.size() && i < 20; ++i) UNSCOPED_INFO(faults[i]);
    CHECK(faults.size() == 0);
}

Finished done(const std::vector<std::string>& arguments) {
    auto finished = run_tidemark(arguments);
    INFO(finished.output);
    REQUIRE(finished.exit_code == 0);
    return finished;
}

// What the newest answer and the feed's end say of their place.
struct Places {
    std::string position;
    std::string cursor;
};

Places places_on(std::uint16_t port, Ledger& ledger) {
    Connection connection(port);
    REQUIRE(open_sale_alone(connection, "of-the-newer-copy", ledger) == Answered::yes);
    const auto again = connection.post("/v1/sales/of-the-newer-copy/win-sale", "{}", "application/json");
    REQUIRE(again.status == 200);
    return {again.header("Tidemark-Position"), std::string(read_feed(port).back().at("cursor").as_string())};
}

void check_refused(std::uint16_t port, const Places& places) {
    Connection connection(port);
    const auto query = connection.get("/v1/sales?limit=1", {{"Tidemark-At-Least", places.position}});
    CHECK(query.status == 400);
    CHECK_THAT(query.body, Catch::Contains("belongs to incarnation 1 of the log"));
    const auto feed = connection.get("/v1/events?cursor=" + places.cursor);
    CHECK(feed.status == 400);
    CHECK_THAT(feed.body, Catch::Contains("belongs to incarnation 1 of the log"));
}

std::string refusal_to_start(const fs::path& data) {
    Server server(Server::Beginning{}, data);
    CHECK(server.wait_for_exit(seconds(30)) == 1);
    return server.output();
}

}  // namespace

TEST_CASE("a backup under load is restored on an empty machine and over a newer copy", "[backup]") {
    const TemporaryDirectory directory;
    const auto data = directory.path() / "data";
    const auto backup = directory.path() / "data-backups" / "under-load";
    Ledger ledger;
    std::vector<Sent> promised;
    Places newer;
    {
        Server server(data);
        const std::string url = "http://127.0.0.1:" + std::to_string(server.port());
        prepare(server.port(), ledger);
        Load load(server.port(), ledger, {.bulk = 3, .single = 1}, "load", 7);
        REQUIRE(wait_for_answers(ledger, 1000));
        promised = ledger.every_nth_answered(1);
        const auto made = done({"backup", "under-load", "--server", url});
        CHECK_THAT(made.output, Catch::Contains(backup.string() + " is whole"));
        REQUIRE(wait_for_answers(ledger, ledger.answers() + 500));  // it is served all the time
        load.stop();
        CHECK_THAT(run_tidemark({"backup", "under-load", "--server", url}).output, Catch::Contains("is there already"));
        CHECK_THAT(run_tidemark({"backup", "../elsewhere", "--server", url}).output,
                   Catch::Contains("expected letters"));
        newer = places_on(server.port(), ledger);
        CHECK_THAT(run_tidemark({"restore", backup.string(), "--data", data.string(), "--replace"}).output,
                   Catch::Contains("another process holds"));
        server.ask_to_stop();
        REQUIRE(server.wait_for_exit(seconds(30)) == 0);
    }
    CHECK(fs::exists(backup / "keys" / "digest.key"));
    CHECK_FALSE(fs::exists(backup / "derived"));

    {
        INFO("on an empty machine");
        const auto other = directory.path() / "other";
        CHECK_THAT(done({"restore", backup.string(), "--data", other.string()}).output, Catch::Contains("is restored"));
        Server server(other);
        check_kept(ledger, promised, server.port());
        Connection connection(server.port());
        CHECK(send_and_note(connection, promised, ledger));  // each is known, and told as the first time
        check_kept(ledger, promised, server.port());
        check_refused(server.port(), newer);
        server.ask_to_stop();
        REQUIRE(server.wait_for_exit(seconds(30)) == 0);
        const auto check = done({"check", "--data", other.string()});
        CHECK_THAT(check.output, Catch::Contains("sound"));
    }
    {
        INFO("over a newer copy");
        CHECK_THAT(run_tidemark({"restore", backup.string(), "--data", data.string()}).output,
                   Catch::Contains("holds a store already"));
        (void)done({"restore", backup.string(), "--data", data.string(), "--replace"});
        const std::vector<std::pair<std::string, std::string>> followers = {
            {"derived", "run `tidemark rebuild derived`"}, {"views", "that this log does not continue"}};
        for (const auto& [follower, says] : followers) {
            INFO(follower << " of the newer copy");
            fs::remove_all(data / follower);
            fs::copy(data / "replaced" / follower, data / follower, fs::copy_options::recursive);
            CHECK_THAT(refusal_to_start(data), Catch::Contains(says));
            fs::remove_all(data / follower);
        }
        const Server server(data);
        check_kept(ledger, promised, server.port());
        check_refused(server.port(), newer);
    }
}

}  // namespace tidemark::e2e
