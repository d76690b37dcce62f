// The rows between a fold and the store: what is written, what is undone, what is forgotten.
#include "consumers/projector/row_cache.hpp"

#include "infra/memory/memory_kv.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/wrappers.pb.h>

#include <map>
#include <random>

namespace tidemark::consumers::test {

namespace {

using google::protobuf::UInt64Value;

enum FoldTable : std::uint32_t { numbers, texts, index };

using Rows = std::map<std::string, std::string>;

struct Cached {
    infra::MemoryKv store{4};
    RowCache cache{store, {1, 2, 3}, 1, true};  // table 0 is somebody else's

    void write() {
        KvBatch batch;
        cache.write_to(batch);
        std::map<std::pair<Table, std::string>, int> seen;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const std::pair key(batch[i].table, std::string(batch[i].key));
            CHECK(++seen[key] == 1);
        }
        REQUIRE(store.write(std::move(batch), Durability::buffered));
        cache.written();
    }
    [[nodiscard]] Rows rows(FoldTable table) {
        Rows all;
        REQUIRE(store.snapshot()->scan(table + 1, "", "", [&](std::string_view key, std::string_view value) {
            CHECK(key.front() == '\1');  // the shard
            all.emplace(key.substr(1), value);
            return true;
        }));
        return all;
    }
    std::uint64_t number(std::string_view key) {
        const auto* row = cache.peek<UInt64Value>(numbers, key);
        return row ? row->value() : 0;
    }
    void set(std::string_view key, std::uint64_t value) { cache.row<UInt64Value>(numbers, key).set_value(value); }
};

// Adds up what it is told, into a row of bytes.
struct Sum final : projections::Gathered {
    int sum = 0;
    void settle(projections::Rows& rows) override {
        if (sum == 0) return;
        auto& row = rows.bytes(texts, "sum");
        row = std::to_string((row.empty() ? 0 : std::stoi(row)) + sum);
        sum = 0;
    }
    [[nodiscard]] std::size_t bytes() const override { return sizeof(Sum); }
};

Sum& sum_of(RowCache& cache) {
    if (!cache.gathered()) cache.gathered() = std::make_unique<Sum>();
    return static_cast<Sum&>(*cache.gathered());
}

}  // namespace

TEST_CASE("the last of several entries of an index under one key is what is written", "[row_cache]") {
    Cached world;
    world.cache.put(index, "a", "1");
    world.cache.put(index, "b", "1");
    world.cache.erase(index, "a");
    world.cache.erase(index, "c");
    world.cache.put(index, "c", "2");
    world.write();
    CHECK(world.rows(index) == Rows{{"b", "1"}, {"c", "2"}});
    world.cache.erase(index, "b");
    world.cache.put(index, "c", "3");
    world.write();
    CHECK(world.rows(index) == Rows{{"c", "3"}});
}

TEST_CASE("an event that is undone leaves rows, entries and sums as they were", "[row_cache]") {
    Cached world;
    world.set("kept", 1);
    world.cache.bytes(texts, "kept") = "one";
    world.cache.put(index, "a", "1");
    sum_of(world.cache).sum += 5;

    world.cache.begin_event();
    world.set("kept", 2);
    world.set("new", 3);
    world.cache.bytes(texts, "kept") = "two";
    world.cache.bytes(texts, "new") = "three";
    world.cache.put(index, "a", "2");
    world.cache.put(index, "b", "2");
    sum_of(world.cache).sum += 7;
    world.cache.undo_event();
    CHECK(world.number("kept") == 1);
    CHECK(world.number("new") == 0);

    world.cache.begin_event();
    sum_of(world.cache).sum += 11;
    world.cache.erase(index, "z");
    world.cache.end_event();
    world.write();
    CHECK(world.rows(numbers).size() == 1);
    CHECK(world.rows(texts) == Rows{{"kept", "one"}, {"sum", "16"}});
    CHECK(world.rows(index) == Rows{{"a", "1"}});
}

TEST_CASE("an event that was refused before it was begun takes nothing of those before it along", "[row_cache]") {
    Cached world;
    world.set("kept", 1);
    world.cache.put(index, "a", "1");
    sum_of(world.cache).sum += 5;
    world.cache.undo_event();
    world.write();
    CHECK(world.number("kept") == 1);
    CHECK(world.rows(index) == Rows{{"a", "1"}});
    CHECK(world.rows(texts) == Rows{{"sum", "5"}});
}

TEST_CASE("what was not written is forgotten, also what was only gathered", "[row_cache]") {
    Cached world;
    world.set("a", 1);
    world.cache.put(index, "a", "1");
    sum_of(world.cache).sum = 3;
    world.write();
    world.set("a", 2);
    world.set("b", 2);
    world.cache.put(index, "b", "1");
    world.cache.erase(index, "a");
    sum_of(world.cache).sum = 4;
    world.cache.discard();
    CHECK(world.number("a") == 1);
    CHECK(world.number("b") == 0);
    sum_of(world.cache).sum = 5;
    world.write();
    CHECK(world.rows(numbers).size() == 1);
    CHECK(world.rows(index) == Rows{{"a", "1"}});
    CHECK(world.rows(texts) == Rows{{"sum", "8"}});
}

TEST_CASE("rows are the same however often they are written, trimmed or thrown away in between", "[row_cache]") {
    for (const unsigned seed : {1u, 2u, 3u}) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        Cached world;
        std::map<std::string, std::uint64_t> now, written;
        for (int step = 0; step < 4'000; ++step) {
            const auto key = "k" + std::to_string(random() % 300);
            const auto what = random() % 100;
            if (what < 2) {
                world.write();
                written = now;
            } else if (what < 4) {
                world.cache.trim(random() % 20'000);
            } else if (what < 5) {
                world.cache.discard();
                now = written;
            } else {
                world.set(key, now[key] = static_cast<unsigned>(step) + 1);
                CHECK(world.number(key) == now[key]);
            }
        }
        for (const auto& [key, value] : now) CHECK(world.number(key) == value);
        world.write();
        CHECK(world.rows(numbers).size() == now.size());
        world.cache.trim(0);
        CHECK(world.cache.bytes() == 0);
        for (const auto& [key, value] : now) CHECK(world.number(key) == value);
    }
}

}  // namespace tidemark::consumers::test
