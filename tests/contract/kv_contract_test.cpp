// What consumers/store/kv_store.hpp promises, of every adapter.
#include "tests/contract/kv_contract.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::Durability;
using consumers::KvBatch;
using consumers::KvRun;
using Rows = std::vector<std::pair<std::string, std::string>>;

namespace {

Rows rows_of(const consumers::KvSnapshot& snapshot, consumers::Table table, std::string_view first = "",
             std::string_view last = "") {
    Rows rows;
    REQUIRE(snapshot.scan(table, first, last, [&](std::string_view key, std::string_view value) {
        rows.emplace_back(key, value);
        return true;
    }));
    return rows;
}

Rows rows_back(const consumers::KvSnapshot& snapshot, consumers::Table table, std::string_view first = "",
               std::string_view last = "") {
    Rows rows;
    REQUIRE(snapshot.scan_back(table, first, last, [&](std::string_view key, std::string_view value) {
        rows.emplace_back(key, value);
        return true;
    }));
    return rows;
}

void put(consumers::KvStore& store, consumers::Table table, const Rows& rows) {
    KvBatch batch;
    for (const auto& [key, value] : rows) {
        batch.put(table, key, value);
    }
    REQUIRE(store.write(std::move(batch), Durability::buffered));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a value is found under its key and in its table only", "[kv]", KvAdapters) {
    TestType adapter;
    put(*adapter.store, 0, {{"a", "1"}, {"empty", ""}});
    CHECK(adapter.store->get(0, "a").value() == "1");
    CHECK(adapter.store->get(0, "empty").value() == "");
    CHECK(adapter.store->get(0, "b").value() == std::nullopt);
    CHECK(adapter.store->get(1, "a").value() == std::nullopt);
    CHECK_FALSE(adapter.store->get(3, "a").has_value());
}

TEMPLATE_LIST_TEST_CASE("keys are ordered as unsigned bytes", "[kv]", KvAdapters) {
    TestType adapter;
    using namespace std::string_literals;
    const Rows rows = {{"\0"s, "0"}, {"\0\1"s, "1"}, {"a", "2"}, {"\x7f", "3"}, {"\x80", "4"}, {"\xff\xff", "5"}};
    put(*adapter.store, 1, {rows.rbegin(), rows.rend()});
    const auto snapshot = adapter.store->snapshot();
    CHECK(rows_of(*snapshot, 1) == rows);
    CHECK(rows_back(*snapshot, 1) == Rows(rows.rbegin(), rows.rend()));
}

TEMPLATE_LIST_TEST_CASE("a scan takes the first key in and leaves the last one out, both ways", "[kv]", KvAdapters) {
    TestType adapter;
    put(*adapter.store, 0, {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
    const auto snapshot = adapter.store->snapshot();
    CHECK(rows_of(*snapshot, 0, "b", "d") == Rows{{"b", "2"}, {"c", "3"}});
    CHECK(rows_back(*snapshot, 0, "b", "d") == Rows{{"c", "3"}, {"b", "2"}});
    CHECK(rows_of(*snapshot, 0, "bb") == Rows{{"c", "3"}, {"d", "4"}});
    CHECK(rows_back(*snapshot, 0, "bb") == Rows{{"d", "4"}, {"c", "3"}});
    CHECK(rows_of(*snapshot, 0, "c", "c").empty());
    CHECK(rows_back(*snapshot, 0, "d", "a").empty());
    CHECK(rows_of(*snapshot, 2).empty());
    CHECK(rows_of(*snapshot, 0, {}, {}).size() == 4);  // texts without data are empty texts
    CHECK(rows_back(*snapshot, 0, {}, {}).size() == 4);
}

TEMPLATE_LIST_TEST_CASE("a scan ends when its visitor has seen enough, and a visitor may read", "[kv]", KvAdapters) {
    TestType adapter;
    put(*adapter.store, 0, {{"a", "1"}, {"b", "2"}, {"c", "3"}});
    const auto snapshot = adapter.store->snapshot();
    std::string seen;
    CHECK(snapshot->scan(0, "", "", [&](std::string_view key, std::string_view) {
        seen += snapshot->get(0, key).value().value_or("?");
        put(*adapter.store, 1, {{std::string(key), "seen"}});
        return key != "b";
    }));
    CHECK(seen == "12");
    CHECK(adapter.store->get(1, "b").value() == "seen");
}

TEMPLATE_LIST_TEST_CASE("a range of keys with a prefix ends where the prefix does", "[kv]", KvAdapters) {
    TestType adapter;
    put(*adapter.store, 0, {{"a\xff", "1"}, {"a\xff\xff", "2"}, {"b", "3"}, {"\xff\xff", "4"}, {"\xff", "5"}});
    const auto snapshot = adapter.store->snapshot();
    CHECK(rows_of(*snapshot, 0, "a\xff", consumers::after_prefix("a\xff")).size() == 2);
    CHECK(rows_of(*snapshot, 0, "\xff", consumers::after_prefix("\xff")).size() == 2);
    CHECK(consumers::after_prefix("\xff").empty());
    CHECK(consumers::after_prefix("a") == "b");
}

TEMPLATE_LIST_TEST_CASE("a batch takes effect in its order, and the last word counts", "[kv]", KvAdapters) {
    TestType adapter;
    KvBatch batch;
    batch.put(0, "a", "1");
    batch.erase(0, "a");
    batch.put(0, "b", "1");
    batch.put(0, "b", "2");
    batch.erase(0, "c");
    batch.put(0, "c", "3");
    batch.put(1, "a", "other");
    REQUIRE(adapter.store->write(std::move(batch), Durability::synced));
    CHECK(rows_of(*adapter.store->snapshot(), 0) == Rows{{"b", "2"}, {"c", "3"}});
    CHECK(adapter.store->get(1, "a").value() == "other");
}

TEMPLATE_LIST_TEST_CASE("a batch for a table that is not there changes nothing", "[kv]", KvAdapters) {
    TestType adapter;
    KvBatch batch;
    batch.put(0, "a", "1");
    batch.put(9, "a", "1");
    CHECK_FALSE(adapter.store->write(std::move(batch), Durability::buffered));
    CHECK(adapter.store->get(0, "a").value() == std::nullopt);
}

TEMPLATE_LIST_TEST_CASE("a snapshot stays as it was, whatever happens to the store", "[kv]", KvAdapters) {
    TestType adapter;
    const Rows before = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
    put(*adapter.store, 0, before);
    auto old = adapter.store->snapshot();
    KvBatch batch;
    batch.put(0, "a", "new");
    batch.erase(0, "b");
    batch.put(0, "d", "4");
    REQUIRE(adapter.store->write(std::move(batch), Durability::buffered));
    const auto middle = adapter.store->snapshot();
    REQUIRE(adapter.store->ingest({KvRun{0, {{"a", "run"}, {"e", "5"}}}}, {}));
    CHECK(rows_of(*old, 0) == before);
    CHECK(rows_of(*middle, 0) == Rows{{"a", "new"}, {"c", "3"}, {"d", "4"}});
    REQUIRE(adapter.store->clear(0));
    CHECK(rows_of(*old, 0) == before);
    CHECK(rows_back(*middle, 0) == Rows{{"d", "4"}, {"c", "3"}, {"a", "new"}});
    CHECK(old->get(0, "b").value() == "2");
    old.reset();
    CHECK(rows_of(*middle, 0).size() == 3);
    CHECK(rows_of(*adapter.store->snapshot(), 0).empty());
}

TEMPLATE_LIST_TEST_CASE("rows of a run replace those with the same key, and the batch comes behind", "[kv]",
                        KvAdapters) {
    TestType adapter;
    put(*adapter.store, 0, {{"a", "old"}, {"z", "kept"}});
    KvBatch then;
    then.put(0, "c", "batch");
    then.put(2, "place", "7");
    REQUIRE(adapter.store->ingest(
        {KvRun{0, {{"a", "run"}, {"b", "run"}, {"c", "run"}}}, KvRun{1, {{"k", "v"}, {"l", "v"}}}, KvRun{1, {}}},
        std::move(then)));
    CHECK(rows_of(*adapter.store->snapshot(), 0) == Rows{{"a", "run"}, {"b", "run"}, {"c", "batch"}, {"z", "kept"}});
    CHECK(adapter.store->get(1, "l").value() == "v");
    CHECK(adapter.store->get(2, "place").value() == "7");
    put(*adapter.store, 0, {{"a", "newer"}});
    CHECK(adapter.store->get(0, "a").value() == "newer");
    CHECK_FALSE(adapter.store->ingest({KvRun{0, {{"b", "1"}, {"a", "1"}}}}, {}));
    CHECK_FALSE(adapter.store->ingest({KvRun{0, {{"b", "1"}, {"b", "1"}}}}, {}));
}

TEMPLATE_LIST_TEST_CASE("a bulk write of any size and order is one write to several tables", "[kv]", KvAdapters) {
    TestType adapter;
    put(*adapter.store, 0, {{"a", "old"}, {"gone", "old"}, {"z", "kept"}});
    const auto before = adapter.store->snapshot();
    const int count = GENERATE(3, 300);
    Rows expected = {{"a", "new"}, {"z", "kept"}};
    KvBatch batch;
    batch.put(2, "place", "7");
    batch.erase(0, "gone");
    for (int i = count; i > 0; --i) {
        batch.put(0, "k" + std::to_string(1'000 + i), "v" + std::to_string(i));
        expected.insert(expected.begin() + 1, {"k" + std::to_string(1'000 + i), "v" + std::to_string(i)});
    }
    batch.put(0, "a", "new");
    REQUIRE(adapter.store->write_bulk(std::move(batch)));
    CHECK(rows_of(*adapter.store->snapshot(), 0) == expected);
    CHECK(adapter.store->get(2, "place").value() == "7");
    CHECK(rows_of(*before, 0).size() == 3);
    put(*adapter.store, 0, {{"a", "newer"}});
    CHECK(adapter.store->get(0, "a").value() == "newer");
    KvBatch nowhere;
    for (int i = 0; i < count; ++i)
        nowhere.put(static_cast<consumers::Table>(i % 2 == 0 ? 0 : 9), "n" + std::to_string(i), "v");
    CHECK_FALSE(adapter.store->write_bulk(std::move(nowhere)));
    CHECK(rows_of(*adapter.store->snapshot(), 0).size() == expected.size());
}

TEST_CASE("a batch gives back what was put into it, and can be cut short", "[kv]") {
    KvBatch batch;
    batch.put(1, "key", "value");
    batch.erase(2, "gone");
    std::ranges::copy(std::string_view("room"), batch.make_room(3, "made", 4));
    batch.put(4, "", "");
    REQUIRE(batch.size() == 4);
    CHECK(batch[0].table == 1);
    CHECK(batch[0].key == "key");
    CHECK(batch[0].value == "value");
    CHECK(batch[1].key == "gone");
    CHECK_FALSE(batch[1].value);
    CHECK(batch[2].value == "room");
    CHECK(batch[3].key.empty());
    CHECK(batch[3].value == "");
    batch.truncate(7);
    CHECK(batch.size() == 4);
    batch.truncate(2);
    CHECK(batch.size() == 2);
    CHECK(batch.bytes() == 12);
    batch.put(5, "next", "one");
    CHECK(batch[2].key == "next");
    CHECK(batch[1].key == "gone");
}

TEMPLATE_LIST_TEST_CASE("a cleared table is empty and takes rows again; the others keep theirs", "[kv]", KvAdapters) {
    TestType adapter;
    put(*adapter.store, 0, {{"a", "1"}});
    put(*adapter.store, 1, {{"a", "1"}});
    REQUIRE(adapter.store->clear(0));
    CHECK(adapter.store->get(0, "a").value() == std::nullopt);
    CHECK(adapter.store->get(1, "a").value() == "1");
    put(*adapter.store, 0, {{"b", "2"}});
    CHECK(rows_of(*adapter.store->snapshot(), 0) == Rows{{"b", "2"}});
    CHECK_FALSE(adapter.store->clear(3));
}

TEMPLATE_LIST_TEST_CASE("disk bytes grow with what a table holds", "[kv]", KvAdapters) {
    TestType adapter;
    const std::uint64_t before = adapter.store->disk_bytes(0);
    KvRun run(0);
    for (int i = 1000; i < 5000; ++i) {
        run.add("key" + std::to_string(i), std::string(100, static_cast<char>('a' + i % 26)));
    }
    REQUIRE(adapter.store->ingest({std::move(run)}, {}));
    CHECK(adapter.store->disk_bytes(0) > before);
}

TEMPLATE_LIST_TEST_CASE("a snapshot taken while another thread writes sees whole batches", "[kv]", KvAdapters) {
    TestType adapter;
    const std::jthread writer([&] {
        for (int i = 0; i < 300; ++i) {
            KvBatch batch;
            batch.put(0, "left", std::to_string(i));
            batch.put(1, "right", std::to_string(i));
            if (!adapter.store->write(std::move(batch), Durability::buffered)) {
                return;
            }
        }
    });
    std::optional<std::string> left;
    do {
        const auto snapshot = adapter.store->snapshot();
        left = snapshot->get(0, "left").value();
        REQUIRE(snapshot->get(1, "right").value() == left);
    } while (left != "299");
}

TEMPLATE_LIST_TEST_CASE("after any operations the store holds what a map would", "[kv][property]", KvAdapters) {
    const auto seed = GENERATE(1u, 2u, 3u, 4u);
    CAPTURE(seed);
    TestType adapter;
    std::mt19937 random(seed);
    std::map<std::string, std::string> model[3];
    std::vector<std::pair<std::unique_ptr<consumers::KvSnapshot>, std::map<std::string, std::string>>> pinned;
    for (int step = 0; step < 150; ++step) {
        KvBatch batch;
        std::map<std::string, std::string> run;
        const auto table = static_cast<consumers::Table>(random() % 3);
        for (auto i = random() % 400; i > 0 && step % 3 == 0; --i) {
            run["k" + std::to_string(random() % 1000)] = "run" + std::to_string(step);
        }
        for (const auto& [key, value] : run) {
            model[table][key] = value;
        }
        for (auto i = random() % 20; i > 0; --i) {
            const std::string key = "k" + std::to_string(random() % 1000);
            if (random() % 3 == 0) {
                batch.erase(table, key);
                model[table].erase(key);
            } else {
                batch.put(table, key, std::to_string(step));
                model[table][key] = std::to_string(step);
            }
        }
        KvRun sorted(table);
        for (const auto& [key, value] : run) {
            sorted.add(key, value);
        }
        REQUIRE(adapter.store->ingest({std::move(sorted)}, std::move(batch)));
        if (random() % 40 == 0) {
            REQUIRE(adapter.store->clear(table));
            model[table].clear();
        }
        if (random() % 15 == 0) {
            pinned.emplace_back(adapter.store->snapshot(), model[0]);
        }
        if (random() % 25 == 0 && !pinned.empty()) {
            pinned.erase(pinned.begin() + static_cast<std::ptrdiff_t>(random() % pinned.size()));
        }
    }
    const auto now = adapter.store->snapshot();
    for (consumers::Table table = 0; table < 3; ++table) {
        CHECK(rows_of(*now, table) == Rows(model[table].begin(), model[table].end()));
        CHECK(rows_back(*now, table) == Rows(model[table].rbegin(), model[table].rend()));
    }
    for (const auto& [snapshot, then] : pinned) {
        CHECK(rows_of(*snapshot, 0) == Rows(then.begin(), then.end()));
    }
}
