// The derived stores when the world fails: a full disk holds them up, damage ends them, and neither ends the process.
#include "consumers/derived/derived_stores.hpp"
#include "consumers/derived/generation.hpp"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"
#include "tests/support/commands.hpp"
#include "tests/support/log_writer.hpp"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <map>
#include <mutex>

namespace tidemark::tests {
namespace {

using consumers::DerivedOptions;
using consumers::DerivedStores;
using consumers::DerivedTable;
using consumers::KvError;
using consumers::Table;
using namespace std::chrono_literals;

// A store on a disk that can be full, or break.
class FailingKv final : public consumers::KvStore {
public:
    std::expected<std::optional<std::string>, KvError> get(Table table, std::string_view key) override {
        if (unreadable && table == *unreadable) return std::unexpected(KvError{"the disk cannot be read"});
        return inner.get(table, key);
    }
    std::unique_ptr<consumers::KvSnapshot> snapshot() override { return inner.snapshot(); }
    std::expected<void, KvError> write(consumers::KvBatch batch, consumers::Durability durability) override {
        return inner.write(std::move(batch), durability);
    }
    std::expected<void, KvError> write_bulk(consumers::KvBatch batch) override {
        return inner.write_bulk(std::move(batch));
    }
    std::expected<void, KvError> ingest(std::vector<consumers::KvRun> runs, consumers::KvBatch then) override {
        const std::scoped_lock lock(mutex_);
        if (error_) {
            ++refused_;
            changed_.notify_all();
            return std::unexpected(*error_);
        }
        auto done = inner.ingest(std::move(runs), std::move(then));
        ++written_;
        changed_.notify_all();
        return done;
    }
    std::expected<void, KvError> clear(Table table) override { return inner.clear(table); }
    std::uint64_t disk_bytes(Table table) override { return inner.disk_bytes(table); }

    void fail_with(std::optional<KvError> error) {
        const std::scoped_lock lock(mutex_);
        error_ = std::move(error);
    }
    [[nodiscard]] bool refuses(std::size_t times) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 30s, [&] { return refused_ >= times; });
    }
    [[nodiscard]] bool writes(std::size_t times) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 30s, [&] { return written_ >= times; });
    }

    infra::MemoryKv inner{std::size(DerivedTable::names)};
    std::optional<Table> unreadable;

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<KvError> error_;
    std::size_t refused_ = 0;
    std::size_t written_ = 0;
};

const KvError no_space{"no space left on device"};
const KvError torn{.what = "a file is torn", .damage = true};

struct World {
    // Products, one event each.
    void add(int products) {
        for (int i = 0; i < products; ++i) {
            v1::ProductEvent defined;
            defined.mutable_product_defined()->set_name("a product");
            (void)writer.add("product", "p" + std::to_string(next++), defined, monday, monday);
        }
        writer.flush();
    }
    [[nodiscard]] bool everything_is_there() {
        const auto report = consumers::check_store(log, kv, {});
        return report.faults.empty() && report.records == static_cast<std::uint64_t>(next);
    }

    infra::MemoryLog log{{.partitions = 4}};
    FailingKv kv;
    LogWriter writer{log};
    int next = 0;
};

constexpr DerivedOptions quick{.run_entries = 100, .idle_write = 1ms, .retry_pause = 1ms};
constexpr DerivedOptions stepped{.run_entries = 100, .stepped = true};

}  // namespace

TEST_CASE("a full disk holds the derived stores up until there is room, and nothing is lost", "[derived]") {
    World world;
    DerivedStores derived(world.log, world.kv, quick);
    REQUIRE(derived.catch_up({}));
    derived.start();
    world.kv.fail_with(no_space);
    world.add(1000);  // far more than memory is to hold
    REQUIRE(world.kv.refuses(3));
    CHECK(derived.held_up().value_or("").find("no space left") != std::string::npos);
    CHECK_FALSE(derived.failure());
    world.kv.fail_with(std::nullopt);
    REQUIRE(world.kv.writes(2));
    derived.stop();
    CHECK_FALSE(derived.held_up());
    CHECK(world.everything_is_there());
}

TEST_CASE("derived stores that are held up can be stopped, and follow again at the next start", "[derived]") {
    World world;
    {
        DerivedStores derived(world.log, world.kv, quick);
        REQUIRE(derived.catch_up({}));
        derived.start();
        world.kv.fail_with(no_space);
        world.add(1000);
        REQUIRE(world.kv.refuses(2));
        derived.stop();
        CHECK(derived.held_up());
    }
    world.kv.fail_with(std::nullopt);
    DerivedStores derived(world.log, world.kv, quick);
    REQUIRE(derived.catch_up({}));
    derived.start();
    derived.stop();
    CHECK(world.everything_is_there());
}

TEST_CASE("catching up on a full disk is refused once memory is full, and says why", "[derived]") {
    World world;
    world.add(1000);
    world.kv.fail_with(no_space);
    DerivedStores derived(world.log, world.kv, quick);
    const auto caught_up = derived.catch_up({});
    REQUIRE_FALSE(caught_up);
    CHECK(caught_up.error().find("no space left") != std::string::npos);
}

TEST_CASE("what a full disk kept from being written is looked up in memory meanwhile", "[derived]") {
    World world;
    DerivedStores derived(world.log, world.kv, stepped);
    REQUIRE(derived.catch_up({}));
    world.add(10);
    REQUIRE(derived.follow());
    CHECK(derived.write() == true);  // handed over
    world.kv.fail_with(no_space);
    CHECK_FALSE(derived.write());
    const auto stream = events::stream_key("default", "product", "p7");
    CHECK(derived.stream(stream, 1, 1).size() == 1);
    REQUIRE(derived.follow());
    world.kv.fail_with(std::nullopt);
    CHECK(derived.write() == true);
    CHECK(derived.write() == false);
    CHECK(world.everything_is_there());
}

TEST_CASE("damage found while writing ends the following for good, and says so", "[derived]") {
    World world;
    DerivedStores derived(world.log, world.kv, quick);
    REQUIRE(derived.catch_up({}));
    derived.start();
    world.kv.fail_with(torn);
    world.add(10);
    REQUIRE(world.kv.refuses(1));
    derived.stop();
    CHECK(derived.failure().value_or("").find("torn") != std::string::npos);
    CHECK_FALSE(derived.held_up());
}

TEST_CASE("a derived row that cannot be read ends the following, not the process", "[derived]") {
    World world;
    {
        DerivedStores before(world.log, world.kv, stepped);
        REQUIRE(before.catch_up({}));
        world.add(1);
        REQUIRE(before.follow());
        CHECK(before.write() == true);
        CHECK(before.write() == true);
    }
    DerivedStores derived(world.log, world.kv, stepped);  // knows nothing of the stream: its next event looks there
    REQUIRE(derived.catch_up({}));
    v1::ProductEvent changed;
    changed.mutable_list_price_changed()->mutable_to()->set_currency("EUR");
    (void)world.writer.add("product", "p0", changed, monday, monday);
    world.writer.flush();
    world.kv.unreadable = DerivedTable::references;
    CHECK_FALSE(derived.follow());
    CHECK(derived.failure().value_or("").find("cannot be read") != std::string::npos);

    DerivedStores again(world.log, world.kv, quick);
    const auto caught_up = again.catch_up({});
    REQUIRE_FALSE(caught_up);
    CHECK(caught_up.error().find("cannot be read") != std::string::npos);
}

TEST_CASE("large snapshots fill memory by their bytes, not by their number", "[derived]") {
    World world;
    DerivedStores derived(world.log, world.kv, {.run_bytes = 1u << 20, .stepped = true});
    REQUIRE(derived.catch_up({}));
    const auto stream = events::stream_key("default", "product", "large");
    derived.put_snapshot(stream, {.version = 1, .fold_version = 1, .state = std::string(2u << 20, 's')});
    world.add(1);
    REQUIRE(derived.follow());  // hands over what is more than a run
    CHECK(derived.write() == true);
    CHECK(world.kv.get(DerivedTable::snapshots, stream.view()).value().has_value());
}

TEST_CASE("a table of keys finds what was put into it, the first of each key", "[derived]") {
    consumers::KeyTable table;
    std::map<events::Key128, std::uint64_t> expected;
    const auto key = [](int i) { return events::command_key({}, std::to_string(i)); };
    for (int i = 0; i < 5000; ++i) {
        const auto [value, fresh] = table.try_emplace(key(i % 3000), static_cast<std::uint64_t>(i));
        CHECK(fresh == (i < 3000));
        CHECK(value == expected.try_emplace(key(i % 3000), i).first->second);
    }
    CHECK(table.size() == 3000);
    CHECK(table.find(key(3001)) == consumers::KeyTable::none);
    table.for_each([&](const events::Key128& stored, std::uint64_t value) {
        CHECK(expected.at(stored) == value);
        expected.erase(stored);
    });
    CHECK(expected.empty());
}

TEST_CASE("a version that the stream index lacks is an error, not a shorter history", "[derived]") {
    World world;
    DerivedStores derived(world.log, world.kv, stepped);
    REQUIRE(derived.catch_up({}));
    const auto change = [&](int times) {
        v1::ProductEvent changed;
        changed.mutable_list_price_changed()->mutable_to()->set_currency("EUR");
        for (int i = 0; i < times; ++i) (void)world.writer.add("product", "p", changed, monday, monday);
        world.writer.flush();
        REQUIRE(derived.follow());
    };
    const auto stream = events::stream_key("default", "product", "p");
    const auto forget = [&](events::Version version) {
        consumers::KvBatch batch;
        batch.erase(DerivedTable::streams, consumers::stream_row_key(stream, version));
        REQUIRE(world.kv.write(std::move(batch), consumers::Durability::buffered));
    };
    change(9);
    CHECK(derived.write() == true);
    CHECK(derived.write() == true);
    change(2);  // known in memory only
    CHECK(derived.stream(stream, 2, 11).size() == 10);
    forget(6);
    CHECK_THROWS(derived.stream(stream, 1, 9));
    CHECK_THROWS(derived.stream(stream, 6, 11));
    CHECK(derived.stream(stream, 7, 11).size() == 5);
    forget(9);
    CHECK_THROWS(derived.stream(stream, 9, 11));
    CHECK(derived.stream(stream, 10, 11).size() == 2);
}

}  // namespace tidemark::tests
