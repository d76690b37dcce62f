// The ledger has to find what a server must never do: here it is shown each, planted.
#include "tests/e2e/ledger.hpp"

#include <catch2/catch.hpp>

namespace tidemark::e2e {

namespace {

namespace json = boost::json;

json::object outcome(const std::string& command, std::uint64_t version, std::uint64_t sequence,
                     const std::string& event) {
    return {{"command_id", command},
            {"status", "ACCEPTED"},
            {"version", version},
            {"position", json::object{{"partition", 1}, {"sequence", sequence}}},
            {"event_ids", json::array{event}}};
}

json::object record(const std::string& command, std::uint64_t version, std::uint64_t sequence,
                    const std::string& event) {
    return {{"position", json::object{{"partition", 1}, {"sequence", sequence}}},
            {"kind", "sale"},
            {"stream_id", "s-1"},
            {"version", version},
            {"event_id", event},
            {"command_id", command}};
}

// Two commands to one sale, both answered.
struct TwoAnswered {
    Ledger ledger;
    std::vector<json::object> feed = {record("open", 1, 0, "e1"), record("win", 2, 1, "e2")};
    TwoAnswered() {
        ledger.sent({"open", "sale/s-1", "{}"});
        ledger.sent({"win", "sale/s-1", "{}"});
        ledger.answered(outcome("open", 1, 0, "e1"));
        ledger.answered(outcome("win", 2, 1, "e2"));
    }
};

}  // namespace

TEST_CASE_METHOD(TwoAnswered, "a feed that holds everything as promised has no faults", "[ledger]") {
    CHECK(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "an acknowledged event that is gone is found", "[ledger]") {
    feed.pop_back();
    CHECK_FALSE(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "of some commands, what is gone is found and what came later is no fault", "[ledger]") {
    const auto first = ledger.every_nth_answered(2);
    REQUIRE(first.size() == 1);
    auto longer = feed;
    longer.push_back(record("foreign", 3, 2, "e3"));
    CHECK(ledger.faults_of(first, longer).empty());
    CHECK_FALSE(ledger.faults_of(first, {}).empty());
}

TEST_CASE_METHOD(TwoAnswered, "a command that was done twice is found", "[ledger]") {
    feed.push_back(record("win", 3, 2, "e3"));
    CHECK_FALSE(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "an event that is there twice is found", "[ledger]") {
    feed.push_back(record("open", 3, 2, "e1"));
    CHECK_FALSE(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "events that changed places are found", "[ledger]") {
    std::swap(feed[0], feed[1]);
    CHECK_FALSE(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "an event at another place than was told is found", "[ledger]") {
    feed[1] = record("win", 2, 7, "e2");
    CHECK_FALSE(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "a version that is left out is found", "[ledger]") {
    feed[1] = record("win", 3, 1, "e2");
    CHECK_FALSE(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "an event of a command that nobody sent is found", "[ledger]") {
    feed.push_back(record("foreign", 3, 2, "e3"));
    CHECK_FALSE(ledger.faults(feed).empty());
}

TEST_CASE_METHOD(TwoAnswered, "a second answer must be the first one, told as repeated", "[ledger]") {
    auto again = outcome("win", 2, 1, "e2");
    SECTION("told so") {
        again["repeated"] = true;
        ledger.answered(again);
        CHECK(ledger.faults(feed).empty());
    }
    SECTION("not told so") {
        ledger.answered(again);
        CHECK_FALSE(ledger.faults(feed).empty());
    }
    SECTION("another one") {
        again["repeated"] = true;
        again["version"] = 3;
        ledger.answered(again);
        CHECK_FALSE(ledger.faults(feed).empty());
    }
}

TEST_CASE("a command without an answer is sent again, one with UNAVAILABLE too", "[ledger]") {
    Ledger ledger;
    ledger.sent({"a", "sale/s-1", "{}"});
    ledger.sent({"b", "sale/s-1", "{}"});
    ledger.answered({{"command_id", "b"}, {"status", "UNAVAILABLE"}});
    CHECK(ledger.unanswered().size() == 2);
    CHECK(ledger.faults({}).empty());
}

}  // namespace tidemark::e2e
