// The two lanes of the queue, and the writer that is stepped by hand.
#include "consumers/command_processor/inbox.hpp"

#include "consumers/command_processor/writer_loop.hpp"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"
#include "tests/support/commands.hpp"

#include <catch2/catch.hpp>

#include <future>

namespace tidemark::tests {
namespace {

using consumers::Inbox;
using consumers::Lane;
using consumers::Submission;
using Names = std::vector<std::string>;

constexpr std::chrono::steady_clock::time_point at_once{};

consumers::Preparation preparation() {
    return {"a key for tests", 16};
}

Submission define(Lane lane, const std::string& id) {
    return {.command = define_product(id, "define-" + id), .answer = [](const v1::Outcome&) {}, .lane = lane};
}

std::vector<Submission> many(Lane lane, const std::string& prefix, std::size_t count) {
    std::vector<Submission> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(define(lane, prefix + std::to_string(i)));
    return all;
}

std::size_t put(Inbox& inbox, Lane lane, const std::string& prefix, std::size_t count) {
    auto all = many(lane, prefix, count);
    return inbox.put(all);
}

Names names_of(const std::vector<consumers::PendingPtr>& taken) {
    Names names;
    for (const auto& pending : taken) names.push_back(pending->submission.command.stream_id());
    return names;
}

// A writer on a log in memory that takes a turn when it is told to; look-ups follow when they are told to.
class SteppedWriter {
public:
    explicit SteppedWriter(const consumers::ProcessorOptions& options)
        : inbox(options, preparation()), writer_(log_, derived_, [this] { return ++now_; }, options, inbox, counters_) {
        if (auto done = derived_.catch_up({}); !done) throw std::runtime_error(done.error());
        auto taken = std::async(std::launch::async, [this] { return writer_.take_over(); });
        while (taken.wait_for(std::chrono::seconds(0)) != std::future_status::ready) follow();
        if (!taken.get()) throw std::runtime_error("the partitions could not be taken over");
    }

    bool turn() { return writer_.turn(at_once); }
    void follow() {
        if (auto done = derived_.follow(); !done) throw std::runtime_error(done.error());
    }
    // What is answered is added to `answered`, as "stream status version".
    void submit(Lane lane, v1::Command command) {
        const std::string stream = command.stream_id();
        Submission submission{.command = std::move(command),
                              .answer =
                                  [this, stream](const v1::Outcome& outcome) {
                                      answered.push_back(stream + " " + v1::OutcomeStatus_Name(outcome.status()) + " " +
                                                         std::to_string(outcome.version()));
                                  },
                              .lane = lane};
        if (inbox.put({&submission, 1}) != 1) throw std::runtime_error("the queue is full");
    }
    [[nodiscard]] std::size_t answered_of(const std::string& prefix) const {
        return static_cast<std::size_t>(
            std::ranges::count_if(answered, [&](const std::string& one) { return one.starts_with(prefix); }));
    }

    Inbox inbox;
    Names answered;

private:
    events::Micros now_ = monday;
    infra::MemoryLog log_;
    infra::MemoryKv rows_{std::size(consumers::DerivedTable::names)};
    consumers::DerivedStores derived_{log_, rows_, {.stepped = true}};
    consumers::WriterCounters counters_;
    consumers::WriterLoop writer_;
};

}  // namespace

TEST_CASE("bulk streams leave a quarter of the queue to single commands", "[inbox]") {
    Inbox inbox({.queue_commands = 8}, preparation());
    CHECK(put(inbox, Lane::bulk, "b", 10) == 6);
    CHECK(put(inbox, Lane::bulk, "more", 1) == 0);
    CHECK(put(inbox, Lane::single, "s", 5) == 2);
    CHECK(inbox.queued() == 8);
    CHECK(inbox.queued_bulk() == 6);

    const auto taken = inbox.take(true, at_once);
    REQUIRE(taken.commands.size() == 8);
    CHECK(put(inbox, Lane::single, "taken is not done", 1) == 0);
    inbox.done(*taken.commands.front());
    CHECK(put(inbox, Lane::bulk, "no share of it is free", 1) == 0);
    CHECK(put(inbox, Lane::single, "s", 5) == 1);
    inbox.done(*taken.commands.back());
    CHECK(put(inbox, Lane::bulk, "b", 10) == 1);
}

TEST_CASE("single commands may fill the whole queue, and nothing more", "[inbox]") {
    Inbox inbox({.queue_commands = 8}, preparation());
    CHECK(put(inbox, Lane::single, "s", 10) == 8);
    CHECK(put(inbox, Lane::bulk, "b", 1) == 0);
}

TEST_CASE("a queue of one takes a command of either lane", "[inbox]") {
    const auto lane = GENERATE(Lane::single, Lane::bulk);
    Inbox inbox({.queue_commands = 1}, preparation());
    CHECK(put(inbox, lane, "a", 2) == 1);
}

TEST_CASE("bulk streams leave a quarter of the queue's bytes to single commands", "[inbox]") {
    const std::size_t size = define(Lane::bulk, "b0").command.ByteSizeLong();
    Inbox inbox({.queue_bytes = 8 * size}, preparation());
    CHECK(put(inbox, Lane::bulk, "b", 10) == 6);
    CHECK(put(inbox, Lane::single, "s", 5) == 2);
    CHECK(inbox.queued_bytes() == 8 * size);
    for (const auto& pending : inbox.take(true, at_once).commands) inbox.done(*pending);
    CHECK(inbox.queued_bytes() == 0);
    CHECK(inbox.queued_bulk() == 0);
}

TEST_CASE("single commands are taken first, then some of bulk; each lane keeps its order", "[inbox]") {
    Inbox inbox({.group_records = 2}, preparation());
    REQUIRE(put(inbox, Lane::bulk, "b", 3) == 3);
    REQUIRE(put(inbox, Lane::single, "s", 2) == 2);
    CHECK(names_of(inbox.take(true, at_once).commands) == Names{"s0", "s1", "b0", "b1"});
    REQUIRE(put(inbox, Lane::single, "t", 1) == 1);
    REQUIRE(put(inbox, Lane::bulk, "c", 1) == 1);
    CHECK(inbox.waiting());
    CHECK(names_of(inbox.take(true, at_once).commands) == Names{"t0", "b2", "c0"});
    CHECK_FALSE(inbox.waiting());
}

TEST_CASE("an inbox that drains is empty only when both lanes are", "[inbox]") {
    Inbox inbox({.group_records = 1}, preparation());
    REQUIRE(put(inbox, Lane::bulk, "b", 2) == 2);
    inbox.drain();
    CHECK_FALSE(inbox.take(true, at_once).drained);
    CHECK(put(inbox, Lane::bulk, "too late", 1) == 0);
    CHECK(inbox.take(true, at_once).drained);
}

TEST_CASE("another term finds what waits in either lane", "[inbox]") {
    Inbox inbox({}, preparation());
    REQUIRE(put(inbox, Lane::bulk, "b", 2) == 2);
    REQUIRE(put(inbox, Lane::single, "s", 1) == 1);
    CHECK(names_of(inbox.end_term()) == Names{"s0", "b0", "b1"});
    CHECK_FALSE(inbox.waiting());
}

TEST_CASE("a single command waits for some of bulk, not for all that was sent before it", "[inbox]") {
    SteppedWriter writer({.group_records = 10});
    for (int i = 0; i < 200; ++i) writer.submit(Lane::bulk, define_product("b" + std::to_string(i), "define"));
    REQUIRE(writer.turn());
    const std::size_t before = writer.answered_of("b");
    writer.submit(Lane::single, define_product("s", "define"));
    while (writer.answered_of("s") == 0) REQUIRE(writer.turn());
    CHECK(writer.answered_of("b") <= before + 30);
}

TEST_CASE("bulk goes on however many single commands come", "[inbox]") {
    SteppedWriter writer({.group_records = 10});
    for (int i = 0; i < 50; ++i) writer.submit(Lane::bulk, define_product("b" + std::to_string(i), "define"));
    int turns = 0;
    for (; writer.answered_of("b") < 50 && turns < 100; ++turns) {
        for (int i = 0; i < 10; ++i) {
            writer.submit(Lane::single,
                          define_product("s" + std::to_string(turns) + "-" + std::to_string(i), "define"));
        }
        REQUIRE(writer.turn());
    }
    CHECK(writer.answered_of("b") == 50);
}

// The customer's record is not followed yet, so the sale's first command waits, and those behind it with it: whatever
// lane they came by, and however much came between.
TEST_CASE("the commands of a stream that waits are decided in the order in which they were taken", "[inbox]") {
    SteppedWriter writer({.group_records = 2});
    writer.submit(Lane::bulk, create_customer("c1", "create"));
    writer.submit(Lane::bulk, define_pipeline("standard", "define"));
    for (int i = 0; i < 3; ++i) REQUIRE(writer.turn());
    REQUIRE(writer.answered.size() == 2);

    writer.submit(Lane::bulk, open_sale("s1", "open", "c1", "standard"));
    REQUIRE(writer.turn());
    writer.submit(Lane::bulk, change_stage("s1", "to-offer", "offer"));
    writer.submit(Lane::single, change_stage("s1", "to-contract", "contract"));
    for (int i = 0; i < 3; ++i) REQUIRE(writer.turn());
    writer.follow();
    for (int i = 0; i < 10; ++i) REQUIRE(writer.turn());
    CHECK(writer.inbox.queued() == 0);
    REQUIRE(writer.answered.size() == 5);
    for (int i = 0; i < 3; ++i) {
        CHECK(writer.answered[static_cast<std::size_t>(i) + 2] == "s1 ACCEPTED " + std::to_string(i + 1));
    }
}

}  // namespace tidemark::tests
