#include "tests/support/processor_fixture.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <thread>

namespace tidemark::tests {
namespace {

std::size_t records_of(ProcessorFixture& fixture, std::string_view command_id) {
    std::vector<events::BlockPtr> keep;
    std::size_t count = 0;
    for (const auto& record : fixture.records(keep)) count += record.header.command_id == command_id;
    return count;
}

}  // namespace

TEST_CASE("an accepted command is answered with version, position and event ids, and is on record", "[processor]") {
    ProcessorFixture crm;
    const v1::Outcome outcome = crm.send(create_customer("c1", "create-1"));
    CHECK(outcome.status() == v1::ACCEPTED);
    CHECK(outcome.version() == 1);
    REQUIRE(outcome.event_ids_size() == 1);
    const auto record = crm.history->record({outcome.position().partition(), outcome.position().sequence()});
    REQUIRE(record);
    REQUIRE(*record);
    CHECK((*record)->view.header.event_id.text() == outcome.event_ids(0));
    CHECK((*record)->view.header.command_id == "create-1");
    CHECK((*record)->view.header.actor == "ada");
}

TEST_CASE("a repeated command id gets the original outcome and adds no record", "[processor]") {
    ProcessorFixture crm;
    const v1::Outcome first = crm.send(create_customer("c1", "create-1"));
    SECTION("at once") {}
    SECTION("after a restart") {
        crm.restart();
    }
    const v1::Outcome again = crm.send(create_customer("c1", "create-1"));
    CHECK(again.repeated());
    CHECK(again.version() == first.version());
    CHECK(again.position().sequence() == first.position().sequence());
    CHECK(again.event_ids(0) == first.event_ids(0));
    CHECK(records_of(crm, "create-1") == 1);
}

TEST_CASE("twice in one batch is once in the log, and both are answered", "[processor]") {
    ProcessorFixture crm;
    const auto outcomes = crm.send({create_customer("c1", "create-1"), create_customer("c1", "create-1")});
    CHECK(outcomes[0].status() == v1::ACCEPTED);
    CHECK_FALSE(outcomes[0].repeated());
    CHECK(outcomes[1].repeated());
    CHECK(outcomes[1].event_ids(0) == outcomes[0].event_ids(0));
    CHECK(records_of(crm, "create-1") == 1);
}

TEST_CASE("a command id with another body is a conflict, never the old answer", "[processor]") {
    ProcessorFixture crm;
    (void)crm.send(create_customer("c1", "create-1", "Ada"));
    SECTION("at once") {}
    SECTION("after a restart") {
        crm.restart();
    }
    v1::Outcome outcome = crm.send(create_customer("c1", "create-1", "Grace"));
    CHECK(outcome.status() == v1::REJECTED);
    CHECK(outcome.rejection().category() == v1::COMMAND_ID_REUSED);

    v1::Command other_version = create_customer("c1", "create-1", "Ada");
    other_version.set_expected_version(0);
    outcome = crm.send(other_version);
    CHECK(outcome.rejection().category() == v1::COMMAND_ID_REUSED);
}

TEST_CASE("the same command id on another stream is another command", "[processor]") {
    ProcessorFixture crm;
    CHECK(crm.send(create_customer("c1", "same")).status() == v1::ACCEPTED);
    CHECK(crm.send(create_customer("c2", "same")).status() == v1::ACCEPTED);
}

TEST_CASE("an unexpected version is rejected, on record, and says both versions", "[processor]") {
    ProcessorFixture crm;
    (void)crm.send(define_product("p1", "define"));
    v1::Command change = change_price("p1", "change", 7);
    change.set_expected_version(5);
    const v1::Outcome outcome = crm.send(change);
    CHECK(outcome.status() == v1::REJECTED);
    CHECK(outcome.rejection().category() == v1::VERSION_CONFLICT);
    CHECK(outcome.rejection().detail().find("version 5") != std::string::npos);
    CHECK(outcome.version() == 1);
    CHECK(records_of(crm, "change") == 1);
    CHECK(crm.send(change).repeated());
}

TEST_CASE("a command that changes nothing is accepted, on record, and leaves the version", "[processor]") {
    ProcessorFixture crm;
    (void)crm.send(define_product("p1", "define", 50));
    const v1::Outcome outcome = crm.send(change_price("p1", "same-price", 50));
    CHECK(outcome.status() == v1::UNCHANGED);
    CHECK(outcome.version() == 1);
    CHECK(records_of(crm, "same-price") == 1);
}

TEST_CASE("a stream that creates a customer and then opens a sale for it just works", "[processor]") {
    ProcessorFixture crm;
    std::vector<v1::Command> commands{define_pipeline("standard", "p")};
    for (int i = 0; i < 50; ++i) {
        const std::string n = std::to_string(i);
        commands.push_back(create_customer("c" + n, "create"));
        commands.push_back(open_sale("s" + n, "open", "c" + n, "standard"));
        commands.push_back(change_stage("s" + n, "offer", "offer"));
        commands.push_back(win_sale("s" + n, "win"));
    }
    for (const v1::Outcome& outcome : crm.send(std::move(commands))) {
        INFO(outcome.ShortDebugString());
        CHECK(outcome.status() == v1::ACCEPTED);
    }
}

TEST_CASE("a sale that arrives before its customer is rejected, naming the field", "[processor]") {
    ProcessorFixture crm;
    (void)crm.send(define_pipeline("standard", "p"));
    crm.settle();
    const auto outcomes = crm.send({open_sale("s1", "open", "c1", "standard"), create_customer("c1", "create")});
    CHECK(outcomes[0].status() == v1::REJECTED);
    CHECK(outcomes[0].rejection().category() == v1::REFERENCE_NOT_FOUND);
    CHECK(outcomes[0].rejection().field() == "open_sale.customer_id");
    CHECK(outcomes[1].status() == v1::ACCEPTED);
}

TEST_CASE("a stage that was added a moment before is known to the sale", "[processor]") {
    ProcessorFixture crm;
    (void)crm.send({define_pipeline("standard", "p"), create_customer("c1", "create")});
    v1::Command change = command("standard", "more-stages");
    auto& body = *change.mutable_pipeline()->mutable_change_pipeline();
    body.set_name("Standard");
    for (const char* stage : {"lead", "trial"}) {
        body.add_stages()->set_id(stage);
        body.mutable_stages()->rbegin()->set_name(stage);
    }
    const auto outcomes =
        crm.send({open_sale("s1", "open", "c1", "standard"), change, change_stage("s1", "try", "trial")});
    CHECK(outcomes[1].status() == v1::ACCEPTED);
    CHECK(outcomes[2].status() == v1::ACCEPTED);
}

TEST_CASE("a customer that was archived a moment before takes no new sale", "[processor]") {
    ProcessorFixture crm;
    (void)crm.send(define_pipeline("standard", "p"));
    for (int i = 0; i < 20; ++i) {
        const std::string id = "c" + std::to_string(i);
        (void)crm.send(create_customer(id, "create-" + id));
        v1::Command archive = command(id, "archive-" + id);
        archive.mutable_customer()->mutable_archive_customer()->set_reason("moved away");
        const auto outcomes = crm.send({archive, open_sale("s" + id, "open-" + id, id, "standard")});
        CHECK(outcomes[0].status() == v1::ACCEPTED);
        CHECK(outcomes[1].status() == v1::REJECTED);
    }
}

TEST_CASE("what does not fit the queue is refused at the door", "[processor]") {
    consumers::ProcessorOptions options;
    options.queue_commands = 3;
    ProcessorFixture crm({}, options);
    crm.log.hold();
    std::vector<consumers::Submission> submissions(5);
    std::atomic<int> answered = 0;
    for (int i = 0; i < 5; ++i) {
        submissions[static_cast<std::size_t>(i)].command = create_customer("c" + std::to_string(i), "create");
        submissions[static_cast<std::size_t>(i)].answer = [&](const v1::Outcome&) { ++answered; };
    }
    CHECK(crm.processor->submit(submissions) <= 3);
    crm.log.release();
    crm.stop();
    CHECK(answered <= 3);
}

TEST_CASE("draining answers everything that was taken", "[processor]") {
    ProcessorFixture crm;
    std::vector<consumers::Submission> submissions(500);
    std::atomic<std::size_t> answered = 0;
    for (std::size_t i = 0; i < submissions.size(); ++i) {
        submissions[i].command = create_customer("c" + std::to_string(i), "create");
        submissions[i].answer = [&](const v1::Outcome& outcome) { answered += outcome.status() == v1::ACCEPTED; };
    }
    const std::size_t taken = crm.processor->submit(submissions);
    crm.processor->drain();
    CHECK(taken == submissions.size());
    CHECK(answered == taken);
    CHECK(crm.processor->submit(submissions) == 0);
}

TEST_CASE("states that left the cache come back from snapshot and tail", "[processor]") {
    consumers::ProcessorOptions options;
    options.cache_bytes = 1;
    ProcessorFixture crm({}, options);
    for (int round = 1; round <= 5; ++round) {
        std::vector<v1::Command> commands;
        for (int i = 0; i < 40; ++i) {
            const std::string stream = "p" + std::to_string(i);
            commands.push_back(round == 1 ? define_product(stream, "define", 1)
                                          : change_price(stream, "change-" + std::to_string(round), round));
        }
        for (const v1::Outcome& outcome : crm.send(std::move(commands))) {
            CHECK(outcome.status() == v1::ACCEPTED);
            CHECK(outcome.version() == static_cast<std::uint64_t>(round));
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (crm.processor->stats().cache_bytes > 0 && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::yield();
        }
        CHECK(crm.processor->stats().cache_misses == static_cast<std::uint64_t>(round > 3 ? round - 3 : round) * 40);
        if (round == 3) crm.restart();
    }
}

TEST_CASE("why the partitions cannot be taken over again is said, in answers and by the processor", "[processor]") {
    infra::MemoryLogOptions options;
    std::atomic<bool> armed = false;
    options.faults = [&](std::uint64_t, events::Partition) {
        return infra::Fault{armed ? infra::Fate::lost : infra::Fate::lands};
    };
    ProcessorFixture crm(std::move(options));
    CHECK(crm.processor->trouble() == "");
    armed = true;
    CHECK(crm.send(define_product("p1", "define", 1)).status() == v1::UNAVAILABLE);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (crm.processor->trouble().empty()) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::yield();
    }
    CHECK_THAT(crm.processor->trouble(), Catch::Contains("the barrier could not be appended"));
    CHECK_THAT(crm.send(define_product("p1", "define", 1)).detail(), Catch::Contains("the barrier could not be"));
    armed = false;
    v1::Outcome outcome;
    do {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        outcome = crm.send(define_product("p1", "define", 1));
    } while (outcome.status() == v1::UNAVAILABLE);
    CHECK(outcome.status() == v1::ACCEPTED);
    CHECK(crm.processor->trouble() == "");
}

TEST_CASE("an append of unknown fate is answered unavailable, and the same id settles it", "[processor]") {
    const auto fate = GENERATE(infra::Fate::lost, infra::Fate::unreported, infra::Fate::late, infra::Fate::overtaken);
    CAPTURE(static_cast<int>(fate));
    infra::MemoryLogOptions options;
    std::atomic<bool> armed = false;
    options.faults = [&](std::uint64_t, events::Partition) {
        return infra::Fault{armed.exchange(false) ? fate : infra::Fate::lands};
    };
    ProcessorFixture crm(std::move(options));
    (void)crm.send(define_product("p1", "define", 1));
    armed = true;
    const v1::Outcome refused = crm.send(change_price("p1", "change", 2));
    CHECK(refused.status() == v1::UNAVAILABLE);
    CHECK(refused.detail() != "");  // it says why
    v1::Outcome outcome = crm.send(change_price("p1", "change", 2));
    for (int i = 0; i < 1000 && outcome.status() == v1::UNAVAILABLE; ++i)
        outcome = crm.send(change_price("p1", "change", 2));
    CHECK(outcome.status() == v1::ACCEPTED);
    CHECK(outcome.version() == 2);
    CHECK(records_of(crm, "change") == 1);
    CHECK(crm.send(change_price("p1", "again", 3)).version() == 3);
}

TEST_CASE("what was sent behind a command that was lost is not decided without it", "[processor]") {
    infra::MemoryLogOptions options;
    std::atomic<bool> armed = false;
    options.faults = [&](std::uint64_t, events::Partition) {
        return infra::Fault{armed.exchange(false) ? infra::Fate::lost : infra::Fate::lands};
    };
    ProcessorFixture crm(std::move(options));
    const std::uint64_t term = crm.processor->term();
    armed = true;
    CHECK(crm.send(define_product("p1", "define", 1)).status() == v1::UNAVAILABLE);

    std::promise<v1::Outcome> stale;
    consumers::Submission behind{.command = change_price("p1", "change", 2),
                                 .answer = [&](v1::Outcome outcome) { stale.set_value(std::move(outcome)); },
                                 .term = term};
    REQUIRE(crm.processor->submit({&behind, 1}) == 1);
    CHECK(stale.get_future().get().status() == v1::UNAVAILABLE);
    CHECK(crm.processor->term() > term);
    CHECK(crm.processor->stats().queued == 0);
    v1::Outcome outcome = crm.send(define_product("p1", "define", 1));
    for (int i = 0; i < 1000 && outcome.status() == v1::UNAVAILABLE; ++i)
        outcome = crm.send(define_product("p1", "define", 1));
    CHECK(outcome.status() == v1::ACCEPTED);
    CHECK(records_of(crm, "change") == 0);
}

TEST_CASE("a conflict over a command id is said only when the command that has the id counts", "[processor]") {
    infra::MemoryLogOptions options;
    std::atomic<bool> armed = false;
    options.faults = [&](std::uint64_t, events::Partition) {
        return infra::Fault{armed.exchange(false) ? infra::Fate::lost : infra::Fate::lands};
    };
    ProcessorFixture crm(std::move(options));
    armed = true;
    const auto lost = crm.send({define_product("p1", "define", 1), define_product("p1", "define", 2)});
    CHECK(lost[0].status() == v1::UNAVAILABLE);
    CHECK(lost[1].status() == v1::UNAVAILABLE);
    v1::Outcome outcome = crm.send(define_product("p1", "define", 2));
    for (int i = 0; i < 1000 && outcome.status() == v1::UNAVAILABLE; ++i)
        outcome = crm.send(define_product("p1", "define", 2));
    CHECK(outcome.status() == v1::ACCEPTED);
    CHECK(crm.send(define_product("p1", "define", 1)).rejection().category() == v1::COMMAND_ID_REUSED);
}

TEST_CASE("while what follows is too far behind nothing is decided, and then everything", "[processor]") {
    std::atomic<bool> too_far = false;
    ProcessorFixture crm({}, {.queue_commands = 3, .hold_back = [&] { return too_far.load(); }});
    const auto submission = [](const std::string& stream, consumers::Answer answer) {
        return consumers::Submission{.command = define_product(stream, "define"), .answer = std::move(answer)};
    };
    std::promise<void> held;
    auto first = submission("first", [&](const v1::Outcome&) {
        too_far = true;  // on the processor's thread, before it looks again
        held.set_value();
    });
    REQUIRE(crm.processor->submit({&first, 1}) == 1);
    held.get_future().wait();

    std::atomic<int> accepted = 0;
    std::vector<consumers::Submission> more;
    for (const char* stream : {"a", "b", "c", "d"}) {
        more.push_back(submission(stream, [&](const v1::Outcome& outcome) {
            if (outcome.status() == v1::ACCEPTED) ++accepted;
        }));
    }
    REQUIRE(crm.processor->submit(more) == 3);
    CHECK(crm.processor->submit(std::span(more).subspan(3)) == 0);
    CHECK(crm.processor->stats().commands == 1);
    too_far = false;
    crm.stop();
    CHECK(accepted == 3);
}

TEST_CASE("who is held back when the processor closes is decided all the same", "[processor]") {
    std::atomic<bool> too_far = false;
    ProcessorFixture crm({}, {.hold_back = [&] { return too_far.load(); }});
    std::promise<void> held;
    consumers::Submission first{.command = define_product("first", "define"), .answer = [&](const v1::Outcome&) {
                                    too_far = true;  // for ever: a view that does not get on
                                    held.set_value();
                                }};
    REQUIRE(crm.processor->submit({&first, 1}) == 1);
    held.get_future().wait();
    std::atomic<int> accepted = 0;
    for (const char* stream : {"a", "b"}) {
        consumers::Submission more{.command = define_product(stream, "define"),
                                   .answer = [&](const v1::Outcome& outcome) {
                                       if (outcome.status() == v1::ACCEPTED) ++accepted;
                                   }};
        REQUIRE(crm.processor->submit({&more, 1}) == 1);
    }
    crm.stop();
    CHECK(accepted == 2);
}

}  // namespace tidemark::tests
