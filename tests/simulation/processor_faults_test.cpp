// The command path under seeds: a log that delays, loses, doubles and reorders, clients that retry what
// was not answered, crashes in between. Whatever happens: what was acknowledged is there once, in order.
// TIDEMARK_SEED=n runs one seed again; TIDEMARK_SEEDS=n sets how many are tried.
#include "aggregates/aggregate_type.hpp"
#include "tests/support/processor_fixture.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <random>

namespace tidemark::tests {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Products: defined once, then price changes, each with an id of its own.
struct Client {
    explicit Client(std::uint64_t seed) : random(seed) {}

    v1::Command next() {
        const std::string stream = "p" + std::to_string(random() % 8);
        const std::string id = "cmd-" + std::to_string(++commands);
        if (random() % 4 == 0) return define_product(stream, id, 1);
        return change_price(stream, id, static_cast<std::int64_t>(random() % 50));
    }

    std::mt19937_64 random;
    int commands = 0;
};

using Acknowledged = std::map<std::string, v1::Outcome>;  // by command id

void check_history(ProcessorFixture& crm, const Acknowledged& acknowledged) {
    std::vector<events::BlockPtr> keep;
    std::map<std::string, std::vector<events::RecordView>> by_command;
    std::map<std::string, events::Version> versions;
    std::map<std::string, std::unique_ptr<aggregates::AggregateState>> states;
    for (const events::RecordView& record : crm.records(keep)) {
        const std::string stream(record.header.stream_id);
        by_command[std::string(record.header.command_id)].push_back(record);
        if (record.header.kind != events::RecordKind::event) {
            REQUIRE(record.header.version == versions[stream]);
            continue;
        }
        REQUIRE(record.header.version == ++versions[stream]);  // dense, in order
        auto& state = states[stream];
        if (!state) state = aggregates::find_kind(record.header.stream_kind)->make();
        REQUIRE(state->evolve(record));
    }
    for (const auto& [id, outcome] : acknowledged) {
        INFO("command " << id);
        REQUIRE(by_command[id].size() == 1);
        const events::RecordHeader& header = by_command[id].front().header;
        CHECK(header.sequence == outcome.position().sequence());
        CHECK(header.partition == outcome.position().partition());
        CHECK(header.version == outcome.version());
    }
    for (const auto& [stream, state] : states) {
        const auto now = crm.history->state({"default", "product", stream}, {});
        REQUIRE(now);
        REQUIRE(*now);
        CHECK((*now)->version == versions[stream]);
        CHECK((*now)->state->message().SerializeAsString() == state->message().SerializeAsString());
    }
}

void take_outcome(const v1::Command& command, const v1::Outcome& outcome, Acknowledged& acknowledged,
                  std::vector<v1::Command>& unanswered) {
    if (outcome.status() == v1::UNAVAILABLE) {
        unanswered.push_back(command);
        return;
    }
    const auto [known, fresh] = acknowledged.try_emplace(command.command_id(), outcome);
    if (fresh) return;
    CHECK(outcome.status() == known->second.status());
    CHECK(outcome.version() == known->second.version());
    CHECK(outcome.position().sequence() == known->second.position().sequence());
}

void run(std::uint64_t seed) {
    INFO("to run this again: TIDEMARK_SEED=" << seed);
    infra::MemoryLogOptions options;
    options.partitions = 3;
    options.faults = infra::random_faults(seed);
    consumers::ProcessorOptions processor;
    processor.cache_bytes = seed % 3 == 0 ? 1 : 1u << 20;
    processor.group_records = 1 + seed % 20;
    ProcessorFixture crm(std::move(options), processor);
    Client client(seed);
    Acknowledged acknowledged;
    std::vector<v1::Command> unanswered;
    for (int round = 0; round < 12; ++round) {
        std::vector<v1::Command> batch = std::move(unanswered);
        unanswered.clear();
        const std::size_t fresh = 1 + client.random() % 30;
        for (std::size_t i = 0; i < fresh; ++i) batch.push_back(client.next());
        // Now and then a client that lost its answers asks again for all of them.
        if (client.random() % 4 == 0) {
            const std::vector<v1::Command> once = batch;
            batch.insert(batch.end(), once.begin(), once.end());
        }
        const auto outcomes = crm.send(batch);
        for (std::size_t i = 0; i < batch.size(); ++i) take_outcome(batch[i], outcomes[i], acknowledged, unanswered);
        if (client.random() % 5 == 0) crm.restart();
    }
    crm.restart();
    check_history(crm, acknowledged);
}

}  // namespace

TEST_CASE("what was acknowledged is in the log once, whatever the log does", "[simulation]") {
    if (const std::uint64_t seed = from_environment("TIDEMARK_SEED", 0); seed != 0) return run(seed);
    const std::uint64_t seeds = from_environment("TIDEMARK_SEEDS", 200);
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) run(seed);
}

}  // namespace tidemark::tests
