// The derived stores follow the log, survive a stop anywhere, and refuse what they do not belong to.
#include "consumers/derived/generation.hpp"
#include "consumers/derived/key_filter.hpp"
#include "tests/support/processor_fixture.hpp"

#include <catch2/catch.hpp>

namespace tidemark::tests {
namespace {

using consumers::DerivedTable;

std::map<std::string, std::string> rows_of(infra::MemoryKv& kv, consumers::Table table) {
    std::map<std::string, std::string> rows;
    REQUIRE(kv.snapshot()->scan(table, "", "", [&](std::string_view key, std::string_view value) {
        rows.emplace(key, value);
        return true;
    }));
    return rows;
}

void put(infra::MemoryKv& kv, consumers::Table table, const std::string& key, std::string value) {
    consumers::KvBatch batch;
    batch.put(table, key, std::move(value));
    REQUIRE(kv.write(std::move(batch), consumers::Durability::buffered));
}

// 300 products with a changed price, and customers: every table has rows.
void work(ProcessorFixture& crm) {
    std::vector<v1::Command> commands;
    for (int i = 0; i < 300; ++i) {
        const std::string n = std::to_string(i);
        commands.push_back(define_product("p" + n, "define"));
        commands.push_back(change_price("p" + n, "change", i));
        commands.push_back(create_customer("c" + n, "create"));
    }
    for (const v1::Outcome& outcome : crm.send(std::move(commands))) REQUIRE(outcome.status() == v1::ACCEPTED);
}

}  // namespace

TEST_CASE("a filter of keys holds all that were added, and few of the others", "[derived]") {
    constexpr std::uint64_t many = 100'000;
    const auto key = [](std::uint64_t number) { return events::stream_key("default", "sale", std::to_string(number)); };
    consumers::KeyFilter filter(many);
    for (std::uint64_t i = 0; i < many; ++i) filter.add(key(i));
    std::uint64_t missed = 0;
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < many; ++i) {
        missed += filter.may_hold(key(i)) ? 0u : 1u;
        wrong += filter.may_hold(key(many + i)) ? 1u : 0u;
    }
    CHECK(missed == 0);
    CHECK(wrong < many / 50);
    CHECK_FALSE(filter.full());
    filter.add(key(2 * many));
    CHECK(filter.full());
}

TEST_CASE("what was done before the filter of outcomes was made is found with it, and as it grows", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    crm.derived_options.filter_keys = 64;
    crm.start();
    for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30); !crm.derived->has_filter();)
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    for (int round = 0; round < 40; ++round) {  // each with more commands than fitted into the first filter
        std::vector<v1::Command> fresh;
        for (int i = 0; i < 100; ++i)
            fresh.push_back(create_customer("r" + std::to_string(round) + "-" + std::to_string(i), "create"));
        auto again = fresh;
        for (const v1::Outcome& outcome : crm.send(std::move(fresh))) REQUIRE_FALSE(outcome.repeated());
        crm.settle();
        for (int i = 0; i < 300; i += 7) again.push_back(define_product("p" + std::to_string(i), "define"));
        for (const v1::Outcome& outcome : crm.send(std::move(again))) REQUIRE(outcome.repeated());
    }
}

TEST_CASE("derived stores that were dropped come back from the log, row for row", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    std::map<consumers::Table, std::map<std::string, std::string>> before;
    for (consumers::Table table = 0; table < std::size(DerivedTable::names); ++table) {
        if (table != DerivedTable::snapshots) before[table] = rows_of(crm.kv, table);
    }
    CHECK(before[DerivedTable::streams].size() == 900);
    CHECK(before[DerivedTable::outcomes].size() == 900);
    CHECK(before[DerivedTable::references].size() == 600);

    REQUIRE(consumers::rebuild_derived(crm.log, crm.kv, {}, {}));
    for (const auto& [table, rows] : before) {
        INFO(DerivedTable::names[table]);
        CHECK(rows_of(crm.kv, table) == rows);
    }
    CHECK(rows_of(crm.kv, DerivedTable::snapshots).size() == 600);
    CHECK(consumers::check_store(crm.log, crm.kv, {}).faults.empty());
}

TEST_CASE("a stream that has grown by sixteen versions gets a snapshot, a shorter one is folded", "[derived]") {
    ProcessorFixture crm;
    std::vector<v1::Command> commands{define_product("long", "define"), define_product("short", "define")};
    for (int i = 0; i < 20; ++i) commands.push_back(change_price("long", "change" + std::to_string(i), i));
    commands.push_back(change_price("short", "change", 1));
    for (const v1::Outcome& outcome : crm.send(std::move(commands))) REQUIRE(outcome.status() == v1::ACCEPTED);
    crm.stop();
    const auto snapshots = rows_of(crm.kv, DerivedTable::snapshots);
    REQUIRE(snapshots.size() == 1);
    CHECK(consumers::decode_snapshot(snapshots.begin()->second)->version >= 16);
    crm.start();
    CHECK(crm.send(change_price("long", "after", 7'000)).version() == 22);
    CHECK(crm.send(change_price("short", "after", 7'000)).version() == 3);
    crm.stop();
    CHECK(consumers::check_store(crm.log, crm.kv, {}).faults.empty());
}

TEST_CASE("a rebuild that was killed while it cleared is finished by the next opening", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    // What was there before was of another log; nothing but the wish to clear it has been written.
    put(crm.kv, DerivedTable::meta, "log", "another log");
    put(crm.kv, DerivedTable::meta, "rebuilding", "1");
    put(crm.kv, DerivedTable::streams, std::string(20, 'x'), "1");
    put(crm.kv, DerivedTable::outcomes, std::string(16, 'x'), "1");
    crm.start();
    crm.stop();
    CHECK_FALSE(rows_of(crm.kv, DerivedTable::meta).contains("rebuilding"));
    CHECK(consumers::check_store(crm.log, crm.kv, {}).faults.empty());
}

TEST_CASE("after a change of fold every snapshot is made again before commands are taken", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    REQUIRE(consumers::rebuild_derived(crm.log, crm.kv, {}, {}));
    const auto good = rows_of(crm.kv, DerivedTable::snapshots);
    REQUIRE(good.size() == 600);
    for (const auto& [stream, row] : good) {
        auto stale = *consumers::decode_snapshot(row);
        stale.state.clear();  // what another fold made of the same events
        put(crm.kv, DerivedTable::snapshots, stream, consumers::encode_snapshot(stale));
    }
    put(crm.kv, DerivedTable::meta, "folds", "product:0 ");
    crm.start();
    CHECK(crm.send(change_price("p7", "after", 7'000)).version() == 3);
    crm.stop();
    auto again = rows_of(crm.kv, DerivedTable::snapshots);
    std::size_t same = 0;
    for (const auto& [stream, row] : good) same += again[stream] == row;
    CHECK(same == good.size());
}

TEST_CASE("a stop between the rows and their place writes the same rows again, and no others", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    const auto outcomes = rows_of(crm.kv, DerivedTable::outcomes);
    // As if the rows had been written and the places not: every partition begins again.
    consumers::KvBatch forget;
    for (const auto& [key, value] : rows_of(crm.kv, DerivedTable::meta)) {
        if (key.starts_with("followed/")) forget.erase(DerivedTable::meta, key);
    }
    REQUIRE(crm.kv.write(std::move(forget), consumers::Durability::buffered));
    crm.restart();
    crm.stop();
    CHECK(rows_of(crm.kv, DerivedTable::outcomes) == outcomes);
    CHECK(consumers::check_store(crm.log, crm.kv, {}).faults.empty());
}

TEST_CASE("derived stores of another log are refused, with what to do", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    infra::MemoryLog other;
    consumers::DerivedStores derived(other, crm.kv, {});
    const auto caught_up = derived.catch_up({});
    REQUIRE_FALSE(caught_up);
    CHECK(caught_up.error().find("tidemark rebuild derived") != std::string::npos);
}

TEST_CASE("derived stores of an older layout are made again, those of a later one are refused", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    const auto rows = rows_of(crm.kv, DerivedTable::streams);
    REQUIRE(crm.kv.get(DerivedTable::meta, "layout").value() == "1");
    put(crm.kv, DerivedTable::meta, "layout", "2");
    {
        consumers::DerivedStores derived(crm.log, crm.kv, {});
        const auto caught_up = derived.catch_up({});
        REQUIRE_FALSE(caught_up);
        CHECK_THAT(caught_up.error(), Catch::Contains("later version") && Catch::Contains("tidemark rebuild derived"));
    }
    put(crm.kv, DerivedTable::meta, "layout", "0");
    put(crm.kv, DerivedTable::streams, "a row of that layout", "x");
    crm.start();
    crm.stop();
    CHECK(crm.kv.get(DerivedTable::meta, "layout").value() == "1");
    CHECK(rows_of(crm.kv, DerivedTable::streams) == rows);
    CHECK(consumers::check_store(crm.log, crm.kv, {}).faults.empty());
}

TEST_CASE("derived stores that stand beyond the end of the log are refused, with what to do", "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    auto place = *consumers::Place::decode(rows_of(crm.kv, DerivedTable::meta)[consumers::place_key(0)]);
    place.next_number += 100;
    put(crm.kv, DerivedTable::meta, consumers::place_key(0), place.encode());
    consumers::DerivedStores derived(crm.log, crm.kv, {});
    const auto caught_up = derived.catch_up({});
    REQUIRE_FALSE(caught_up);
    CHECK(caught_up.error().find("ends at block") != std::string::npos);
}

TEST_CASE("derived stores that followed another last block than the log has are refused, with what to do",
          "[derived]") {
    ProcessorFixture crm;
    work(crm);
    crm.stop();
    auto place = *consumers::Place::decode(rows_of(crm.kv, DerivedTable::meta)[consumers::place_key(0)]);
    REQUIRE(place.next_number == crm.log.end(0).tip.next_number);
    place.digest[0] ^= 1;
    put(crm.kv, DerivedTable::meta, consumers::place_key(0), place.encode());
    consumers::DerivedStores derived(crm.log, crm.kv, {});
    const auto caught_up = derived.catch_up({});
    REQUIRE_FALSE(caught_up);
    CHECK(caught_up.error().find("another block") != std::string::npos);
    CHECK(caught_up.error().find("tidemark rebuild derived") != std::string::npos);
}

TEST_CASE("tenants share a log and nothing else: ids and command ids are their own", "[derived]") {
    ProcessorFixture crm;
    v1::Command north = create_customer("c1", "create", "Ada");
    v1::Command south = create_customer("c1", "create", "Grace");
    north.set_tenant("north");
    south.set_tenant("south");
    for (const v1::Outcome& outcome : crm.send({north, south})) {
        CHECK(outcome.status() == v1::ACCEPTED);
        CHECK(outcome.version() == 1);
    }
    (void)crm.send(define_pipeline("standard", "p"));
    v1::Command open = open_sale("s1", "open", "c1", "standard");  // of the default tenant, which has no c1
    CHECK(crm.send(open).rejection().category() == v1::REFERENCE_NOT_FOUND);
}

}  // namespace tidemark::tests
