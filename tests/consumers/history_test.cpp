#include "consumers/history/history.hpp"

#include "aggregates/product/product.pb.h"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"
#include "tests/support/log_writer.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace tidemark;
using namespace tidemark::consumers;

namespace {

const events::StreamName lamp{std::string(events::default_tenant), "product", "lamp"};

v1::Money euros(std::int64_t minor) {
    v1::Money money;
    money.set_minor(minor);
    money.set_currency("EUR");
    return money;
}

v1::ProductEvent defined(std::int64_t price) {
    v1::ProductEvent event;
    event.mutable_product_defined()->set_name("Lamp");
    *event.mutable_product_defined()->mutable_list_price() = euros(price);
    return event;
}

v1::ProductEvent price_changed(std::int64_t from, std::int64_t to) {
    v1::ProductEvent event;
    *event.mutable_list_price_changed()->mutable_from() = euros(from);
    *event.mutable_list_price_changed()->mutable_to() = euros(to);
    return event;
}

// A lamp whose price becomes 100, 200, 300, 400. The third change was told late: it had happened before the second.
//   version  price  happened  recorded
//   1        100    10        1010
//   2        200    30        1030
//   3        300    20        1040
//   4        400    40        1050
struct Lamp {
    Lamp() {
        tests::LogWriter writer(log);
        places.push_back(writer.add("product", "lamp", defined(100), 10, 1010));
        places.push_back(writer.add("product", "lamp", price_changed(100, 200), 30, 1030));
        writer.flush();
        places.push_back(writer.add("product", "lamp", price_changed(200, 300), 20, 1040));
        writer.add("product", "chair", defined(7), 20, 1045);
        writer.flush();
        places.push_back(writer.add("product", "lamp", price_changed(300, 400), 40, 1050));
        writer.flush();
        if (auto caught_up = derived.catch_up({}); !caught_up) throw std::runtime_error(caught_up.error());
    }

    // "version price", or "-".
    std::string at(const AsOf& as_of) {
        const auto past = history.state(lamp, as_of);
        REQUIRE(past);
        if (!*past) return "-";
        const auto& state = dynamic_cast<const v1::ProductState&>((*past)->state->message());
        CHECK((*past)->position == places.at((*past)->version - 1));
        return std::to_string((*past)->version) + " " + std::to_string(state.list_price().minor());
    }

    // A snapshot that says another price, so that a test sees whether it was used.
    void put_snapshot(events::Version version, std::int64_t price, std::uint32_t other_fold = 0) {
        v1::ProductState state;
        state.set_defined(true);
        *state.mutable_list_price() = euros(price);
        derived.put_snapshot(
            events::stream_key(lamp.tenant, lamp.kind, lamp.id),
            {version, aggregates::find_kind("product")->fold_version + other_fold, state.SerializeAsString()});
    }

    std::vector<events::Position> places;
    infra::MemoryLog log;
    infra::MemoryKv kv{std::size(DerivedTable::names)};
    DerivedStores derived{log, kv, {}};
    History history{log, derived};
};

}  // namespace

TEST_CASE("the state of now has every event folded", "[history]") {
    CHECK(Lamp().at({}) == "4 400");
}

TEST_CASE("the state as of a version has the events up to it", "[history]") {
    Lamp lamp;
    CHECK(lamp.at({.version = 0}) == "-");
    CHECK(lamp.at({.version = 1}) == "1 100");
    CHECK(lamp.at({.version = 3}) == "3 300");
    CHECK(lamp.at({.version = 4}) == "4 400");
    CHECK(lamp.at({.version = 5}) == "-");
}

TEST_CASE("the state as of when it was recorded is what was known then", "[history]") {
    Lamp lamp;
    CHECK(lamp.at({.recorded_at = 1009}) == "-");
    CHECK(lamp.at({.recorded_at = 1010}) == "1 100");
    CHECK(lamp.at({.recorded_at = 1039}) == "2 200");
    CHECK(lamp.at({.recorded_at = 1040}) == "3 300");
    CHECK(lamp.at({.recorded_at = 2000}) == "4 400");
}

TEST_CASE("the state as of when it happened leaves out what happened later, even if it was told earlier", "[history]") {
    Lamp lamp;
    CHECK(lamp.at({.occurred_at = 9}) == "-");
    CHECK(lamp.at({.occurred_at = 10}) == "1 100");
    CHECK(lamp.at({.occurred_at = 25}) == "3 300");  // version 2 happened at 30
    CHECK(lamp.at({.occurred_at = 30}) == "3 300");  // stream order: 1, 2, 3
    CHECK(lamp.at({.occurred_at = 40}) == "4 400");
}

TEST_CASE("a snapshot serves for now, for later versions and for later records, and for nothing before it",
          "[history]") {
    Lamp lamp;
    lamp.put_snapshot(2, 999);
    CHECK(lamp.at({.version = 1}) == "1 100");
    CHECK(lamp.at({.version = 2}) == "2 999");
    CHECK(lamp.at({.version = 3}) == "3 300");
    CHECK(lamp.at({.recorded_at = 1029}) == "1 100");
    CHECK(lamp.at({.recorded_at = 1030}) == "2 999");
    CHECK(lamp.at({.occurred_at = 30}) == "3 300");
    lamp.put_snapshot(4, 999);
    CHECK(lamp.at({}) == "4 999");
}

TEST_CASE("a snapshot of another fold, ahead of the index or in pieces is not used", "[history]") {
    Lamp lamp;
    lamp.put_snapshot(4, 999, 1);
    CHECK(lamp.at({}) == "4 400");
    lamp.put_snapshot(9, 999);
    CHECK(lamp.at({}) == "4 400");
    lamp.derived.put_snapshot(events::stream_key("default", "product", "lamp"),
                              {4, aggregates::find_kind("product")->fold_version, "\xff\xff"});
    CHECK(lamp.at({}) == "4 400");
}

TEST_CASE("a stream's events are given in order, from a version on, up to a limit", "[history]") {
    Lamp fixture;
    const auto versions = [&](events::Version first, std::size_t limit) {
        std::string all;
        const auto records = fixture.history.events(lamp, first, limit);
        REQUIRE(records);
        for (const StoredRecord& record : *records) all += std::to_string(record.view.header.version);
        return all;
    };
    CHECK(versions(0, 100) == "1234");
    CHECK(versions(1, 2) == "12");
    CHECK(versions(3, 1) == "3");
    CHECK(versions(3, std::numeric_limits<std::size_t>::max()) == "34");
    CHECK(versions(5, 10).empty());
    CHECK(versions(std::numeric_limits<events::Version>::max(), 10).empty());
    CHECK(versions(1, 0).empty());
}

TEST_CASE("a record stays readable as long as it is held", "[history]") {
    StoredRecord held;
    {
        Lamp fixture;
        auto record = fixture.history.record(fixture.places[1]);
        REQUIRE(record);
        held = std::move(**record);
    }
    CHECK(held.view.header.version == 2);
    CHECK(held.view.header.stream_id == "lamp");
}

TEST_CASE("there is no record behind the end of the log, and no stream that nobody wrote", "[history]") {
    Lamp fixture;
    CHECK_FALSE(fixture.history.record({fixture.places[0].partition, 99}).value());
    CHECK_FALSE(fixture.history.record({9999, 0}).value());
    CHECK_FALSE(fixture.history.state({"default", "product", "nobody"}, {}).value());
    CHECK_FALSE(fixture.history.state({"acme", "product", "lamp"}, {}).value());
    CHECK(fixture.history.events({"default", "product", "nobody"}, 1, 10)->empty());
    CHECK_FALSE(fixture.history.state({"default", "spaceship", "lamp"}, {}));
}

TEST_CASE("an index that leads to the wrong record is an error that says so", "[history]") {
    Lamp fixture;
    KvBatch batch;
    std::string key(events::stream_key("default", "product", "ghost").view());
    key += std::string("\0\0\0\1", 4);
    batch.put(DerivedTable::streams, key, std::string(1, '\0'));
    REQUIRE(fixture.kv.write(std::move(batch), Durability::synced));
    const auto found = fixture.history.state({"default", "product", "ghost"}, {});
    REQUIRE_FALSE(found);
    CHECK_THAT(found.error(),
               Catch::Contains("version 1 of default/product/ghost") && Catch::Contains("tidemark check"));
}

TEST_CASE("blocks that do not fit any more make room, and are read again", "[history]") {
    Lamp fixture;
    History small(fixture.log, fixture.derived, 1);
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < fixture.places.size(); ++i) {
            CHECK(small.record(fixture.places[i]).value()->view.header.version == i + 1);
        }
    }
}
