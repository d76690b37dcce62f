#include "aggregates/aggregate_type.hpp"
#include "consumers/derived/check_rows.hpp"
#include "consumers/derived/generation.hpp"
#include "consumers/derived/merkle_tiles.hpp"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"
#include "tests/support/log_writer.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::consumers;

namespace {

v1::ProductEvent defined(std::int64_t price) {
    v1::ProductEvent event;
    event.mutable_product_defined()->set_name("Lamp");
    event.mutable_product_defined()->mutable_list_price()->set_minor(price);
    event.mutable_product_defined()->mutable_list_price()->set_currency("EUR");
    return event;
}

v1::ProductEvent price_changed(std::int64_t to) {
    v1::ProductEvent event;
    event.mutable_list_price_changed()->mutable_to()->set_minor(to);
    event.mutable_list_price_changed()->mutable_to()->set_currency("EUR");
    return event;
}

// A log of two partitions with 300 products and 900 events, and its derived stores.
struct Store {
    Store() {
        for (int product = 0; product < 300; ++product) {
            writer.add("product", "p-" + std::to_string(product), defined(100), 10, 1000);
        }
        writer.flush();
        for (int product = 0; product < 300; ++product) {
            writer.add("product", "p-" + std::to_string(product), price_changed(200), 20, 2000);
            writer.add("product", "p-" + std::to_string(product), price_changed(300), 30, 2000);
        }
        writer.flush();
    }

    void derive() {
        const auto rebuilt = rebuild_derived(log, kv, {}, {});
        REQUIRE(rebuilt);
    }

    // The faults, one a line.
    std::string faults(Log* instead = nullptr) {
        std::string all;
        for (const std::string& fault : check_store(instead != nullptr ? *instead : log, kv, {}).faults) {
            all += fault + "\n";
        }
        return all;
    }

    std::pair<std::string, std::string> some_row(Table table, std::string_view from = "") {
        std::pair<std::string, std::string> row;
        const auto scanned = kv.snapshot()->scan(table, from, "", [&](std::string_view key, std::string_view value) {
            row = {std::string(key), std::string(value)};
            return false;
        });
        REQUIRE(scanned);
        REQUIRE_FALSE(row.first.empty());
        return row;
    }
    void put(Table table, std::string key, std::string value) {
        KvBatch batch;
        batch.put(table, std::move(key), std::move(value));
        REQUIRE(kv.write(std::move(batch), Durability::synced));
    }
    void erase(Table table, std::string key) {
        KvBatch batch;
        batch.erase(table, std::move(key));
        REQUIRE(kv.write(std::move(batch), Durability::synced));
    }

    infra::MemoryLog log{{.partitions = 2}};
    infra::MemoryKv kv{std::size(DerivedTable::names)};
    tests::LogWriter writer{log};
};

// The log as it is, but for blocks that the test puts in the place of others when they are read.
class SwappedLog final : public Log {
public:
    explicit SwappedLog(Log& log, events::BlockPtr instead) : log_(log), instead_(std::move(instead)) {}
    const LogIdentity& identity() const override { return log_.identity(); }
    End end(events::Partition partition) override { return log_.end(partition); }
    void append(std::vector<events::BlockPtr> group, AppendDone done) override {
        log_.append(std::move(group), std::move(done));
    }
    std::expected<std::vector<events::BlockPtr>, std::string> read(events::Partition partition, events::Sequence from,
                                                                   std::size_t max_bytes) override {
        auto blocks = log_.read(partition, from, max_bytes);
        if (!blocks) return blocks;
        for (auto& block : *blocks) {
            const bool same_place =
                partition == instead_->header().partition && block->header().number == instead_->header().number;
            if (same_place) block = instead_;
        }
        return blocks;
    }
    std::uint64_t wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) override {
        return log_.wait(seen, deadline);
    }
    void interrupt() override { log_.interrupt(); }

private:
    Log& log_;
    events::BlockPtr instead_;
};

}  // namespace

TEST_CASE("a sound store has no faults, and the check counts what it saw", "[check]") {
    Store store;
    store.derive();
    std::vector<Progress> seen;
    const CheckReport report = check_store(store.log, store.kv, [&](Progress progress) { seen.push_back(progress); });
    CHECK(report.faults.empty());
    CHECK(report.blocks == 4);
    CHECK(report.records == 900);
    CHECK(report.streams == 300);
    REQUIRE_FALSE(seen.empty());
    CHECK(seen.back().done == 900);
    CHECK(seen.back().total == 900);
}

TEST_CASE("an empty store is sound", "[check]") {
    infra::MemoryLog log({.partitions = 2});
    infra::MemoryKv kv(std::size(DerivedTable::names));
    const CheckReport report = check_store(log, kv, {});
    CHECK(report.faults.empty());
    CHECK(report.records == 0);
}

TEST_CASE("derived stores that are behind the log, or written ahead of their place, are sound", "[check]") {
    Store store;
    store.derive();
    const auto places = {store.kv.get(DerivedTable::meta, place_key(0)).value().value(),
                         store.kv.get(DerivedTable::meta, place_key(1)).value().value()};
    for (int product = 0; product < 300; ++product) {
        store.writer.add("product", "p-" + std::to_string(product), price_changed(400), 40, 3000);
    }
    store.writer.flush();
    CHECK(store.faults().empty());  // behind
    store.derive();
    events::Partition partition = 0;
    for (const std::string& place : places) store.put(DerivedTable::meta, place_key(partition++), place);
    CHECK(store.faults().empty());  // as after a crash between the rows and the place
}

TEST_CASE("a derived row that is missing is found", "[check]") {
    Store store;
    store.derive();
    const auto [damaged, says] = GENERATE(table<Table, const char*>({
        {DerivedTable::streams, "stream index row of record"},
        {DerivedTable::outcomes, "outcome of record"},
        {DerivedTable::references, "the reference of the product that begins at record"},
        {DerivedTable::merkle, "Merkle tile 0 of level 0 of partition 0 is missing"},
    }));
    store.erase(damaged, store.some_row(damaged).first);
    CHECK_THAT(store.faults(), Catch::Contains(says) && Catch::Contains("is missing"));
}

TEST_CASE("a derived row that the log does not explain is found", "[check]") {
    Store store;
    store.derive();
    const auto [damaged, says] = GENERATE(table<Table, const char*>({
        {DerivedTable::streams, "stream index rows has 901 rows, and the log explains 900"},
        {DerivedTable::outcomes, "outcomes has 901 rows, and the log explains 900"},
        {DerivedTable::references, "table references has 301 rows, and the log has streams for 300"},
        {DerivedTable::merkle, "partition 0 has"},
    }));
    const auto [key, value] = store.some_row(damaged);
    std::string other = key;
    other.back() = static_cast<char>(other.back() ^ 0x40);
    store.put(damaged, other, value);
    CHECK_THAT(store.faults(), Catch::Contains(says));
}

TEST_CASE("a derived row that says something else than the log is found", "[check]") {
    Store store;
    store.derive();
    const auto [damaged, value, says] = GENERATE(table<Table, std::string, const char*>({
        {DerivedTable::streams, encode_sequence(12345), "names record 12345"},
        {DerivedTable::streams, "\x80", "cannot be read"},
        {DerivedTable::outcomes, encode_sequence(12345), "names record 12345"},
        {DerivedTable::references, std::string("\x08\x63", 2), "differs from a fresh fold (it says version 99"},
        {DerivedTable::references, "\xff", "cannot be read"},
        {DerivedTable::merkle, std::string(256 * 32, 'x'), "level 0 of partition 0 differs"},
        {DerivedTable::merkle, std::string(32, 'x'), "has 32 bytes, and 256 hashes should be there"},
        {DerivedTable::meta, "?", "place in partition 0 cannot be read"},
    }));
    store.put(damaged, store.some_row(damaged, damaged == DerivedTable::meta ? "followed/" : "").first, value);
    CHECK_THAT(store.faults(), Catch::Contains(says));
}

TEST_CASE("snapshots are held to a fresh fold, the stream's versions and this program's fold", "[check]") {
    Store store;
    store.derive();
    const events::Key128 key = events::stream_key("default", "product", "p-7");
    const auto* type = aggregates::find_kind("product");
    const auto state_at = [&](events::Version version) {
        auto state = type->make();
        events::RecordHeader header;
        header.stream_kind = "product";
        const std::string events[] = {defined(100).SerializeAsString(), price_changed(200).SerializeAsString(),
                                      price_changed(300).SerializeAsString()};
        for (events::Version v = 1; v <= version; ++v) {
            header.version = v;
            header.type = v == 1 ? 1 : 2;
            header.occurred_at = static_cast<events::Micros>(10 * v);
            REQUIRE(state->evolve({header, events[v - 1], {}}));
        }
        return state->message().SerializeAsString();
    };
    const auto with = [&](const SnapshotRow& row) {
        store.put(DerivedTable::snapshots, std::string(key.view()), encode_snapshot(row));
        return store.faults();
    };
    CHECK(with({3, type->fold_version, state_at(3)}).empty());
    CHECK(with({2, type->fold_version, state_at(2)}).empty());
    CHECK_THAT(with({3, type->fold_version, state_at(2)}), Catch::Contains("differs from a fresh fold at version 3"));
    CHECK_THAT(with({4, type->fold_version, state_at(3)}),
               Catch::Contains("is at version 4, and the stream ends at 3"));
    CHECK_THAT(with({0, type->fold_version, state_at(0)}), Catch::Contains("is at version 0"));
    CHECK_THAT(with({3, type->fold_version + 1, state_at(3)}), Catch::Contains("next start makes the snapshots again"));
    CHECK_THAT(with({3, type->fold_version, "\xff"}), Catch::Contains("cannot be read"));
    store.erase(DerivedTable::snapshots, std::string(key.view()));
    store.put(DerivedTable::snapshots, std::string(16, 'x'), encode_snapshot({1, 1, ""}));
    CHECK_THAT(store.faults(), Catch::Contains("table snapshots has"));
}

TEST_CASE("records that contradict each other are found", "[check]") {
    Store store;
    events::RecordHeader header;
    header.type = 2;
    header.recorded_at = 3000;
    const std::string payload = price_changed(5).SerializeAsString();
    SECTION("a version left out") {
        header.version = 5;
        store.writer.add_record("product", "p-1", header, payload);
        store.writer.flush();
        CHECK_THAT(store.faults(), Catch::Contains("says version 5 of its stream, which is at 3"));
    }
    SECTION("a rejection that raises the version") {
        header.kind = events::RecordKind::rejection;
        header.version = 4;
        store.writer.add_record("product", "p-1", header, "");
        store.writer.flush();
        CHECK_THAT(store.faults(), Catch::Contains("says version 4 of its stream, which is at 3"));
    }
    SECTION("a time that goes back") {
        header.version = 4;
        header.recorded_at = 1500;
        store.writer.add_record("product", "p-1", header, payload);
        store.writer.flush();
        CHECK_THAT(store.faults(), Catch::Contains("was recorded before the one before it"));
    }
    SECTION("a command without its first record") {
        header.version = 4;
        header.index = 1;
        header.count = 2;
        store.writer.add_record("product", "p-1", header, payload);
        store.writer.flush();
        CHECK_THAT(store.faults(), Catch::Contains("tears the records of a command apart"));
    }
    SECTION("a command id decided twice") {
        header.version = 4;
        header.command_id = "twice";
        store.writer.add_record("product", "p-1", header, payload);
        header.version = 5;
        store.writer.add_record("product", "p-1", header, payload);
        store.writer.flush();
        store.derive();
        CHECK_THAT(store.faults(), Catch::Contains("outcome of record") && Catch::Contains("names record"));
    }
}

TEST_CASE("a log that differs from what the derived stores followed is found", "[check]") {
    Store store;
    store.derive();
    auto place = Place::decode(store.kv.get(DerivedTable::meta, place_key(1)).value().value()).value();
    SECTION("by the digest") {
        place.digest[0] ^= 1;
        store.put(DerivedTable::meta, place_key(1), place.encode());
        CHECK_THAT(store.faults(), Catch::Contains("partition 1, block 1: the derived stores followed another block"));
    }
    SECTION("by its length") {
        place.next_number += 5;
        store.put(DerivedTable::meta, place_key(1), place.encode());
        CHECK_THAT(store.faults(), Catch::Contains("partition 1 ends at block 2, before block 7"));
    }
}

TEST_CASE("a changed record stops the check of its partition with a word on where", "[check]") {
    Store store;
    store.derive();
    const events::BlockPtr good = store.log.read(1, 0, 1).value().at(0);
    events::BlockBuilder forged;
    for (std::size_t i = 0; i < good->size(); ++i) {
        auto record = events::decode_record(good->record(i)).value();
        const std::string payload = i == 7 ? defined(1).SerializeAsString() : std::string(record.payload);
        forged.add(record.header, payload);
    }
    SwappedLog log(store.log, forged.seal(good->header()));
    const std::string faults = store.faults(&log);
    CHECK_THAT(faults, Catch::Contains("partition 1, block 0") && Catch::Contains("Merkle root"));
    CHECK_THAT(faults, Catch::Contains("the log could not be read to its end"));

    infra::MemoryKv empty{std::size(DerivedTable::names)};
    const auto followed = rebuild_derived(log, empty, {}, {});
    REQUIRE_FALSE(followed);
    CHECK_THAT(followed.error(), Catch::Contains("partition 1, block 0") && Catch::Contains("Merkle root"));
}

TEST_CASE("Merkle tiles that are not those of the log are refused when they are opened", "[check]") {
    Store store;
    store.derive();
    DerivedStores sound(store.log, store.kv, {});
    REQUIRE(sound.catch_up({}));
    const auto followed = Place::decode(store.kv.get(DerivedTable::meta, place_key(1)).value().value()).value();
    REQUIRE(followed.next_sequence % tile_width > 0);
    const std::string key = tile_key(1, 0, followed.next_sequence / tile_width);
    std::string tile = store.kv.get(DerivedTable::merkle, key).value().value();
    tile[0] = static_cast<char>(tile[0] ^ 1);
    store.put(DerivedTable::merkle, key, tile);
    DerivedStores derived(store.log, store.kv, {});
    const auto opened = derived.catch_up({});
    REQUIRE_FALSE(opened);
    CHECK_THAT(opened.error(), Catch::Contains("partition 1, block 1") && Catch::Contains("Merkle tiles"));
}

TEST_CASE("a store that is wrong throughout lists a thousand faults and counts the rest", "[check]") {
    Store store;
    store.derive();
    REQUIRE(store.kv.clear(DerivedTable::streams));
    REQUIRE(store.kv.clear(DerivedTable::outcomes));
    const CheckReport report = check_store(store.log, store.kv, {});
    CHECK(report.faults.size() == 1001);
    CHECK_THAT(report.faults.back(), Catch::Contains("faults more"));
}
