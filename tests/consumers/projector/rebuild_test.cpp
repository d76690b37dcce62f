#include "infra/rocksdb/rocks_kv.hpp"
#include "tests/consumers/projector/world.hpp"
#include "tests/support/temporary_directory.hpp"

#include <thread>

namespace tidemark::consumers::test {

namespace {

// Several projectors, one after the other, over one log and one store: programs of different versions.
struct Versions {
    [[nodiscard]] std::unique_ptr<Projector> make(std::vector<projections::Projection> projections,
                                                  KvStore* through = nullptr) {
        return std::make_unique<Projector>(log, through ? *through : store, std::move(projections), options);
    }
    [[nodiscard]] std::unique_ptr<Projector> run(std::vector<projections::Projection> projections) {
        auto projector = make(std::move(projections));
        const auto started = projector->start();
        INFO((started ? "" : started.error()));
        REQUIRE(started);
        return projector;
    }
    [[nodiscard]] projections::Projection view(std::uint64_t version) const { return price_view(poison, version); }
    [[nodiscard]] Prices seen(Projector& projector) {
        const auto reader = projector.read("prices", prices.ends(), soon());
        REQUIRE(reader);
        return seen_in(*reader);
    }
    [[nodiscard]] Prices expected() const { return fresh_fold(prices.history()); }

    ProjectorOptions options;
    std::shared_ptr<Poison> poison = std::make_shared<Poison>();
    infra::MemoryLog log{{.partitions = 4}};
    const std::vector<projections::Projection> list{view(1)};
    infra::MemoryKv store{Projector::tables(list)};
    PriceList prices{log};
};

// Waits until the status of the first view is as wanted.
template <class Wanted>
bool eventually(const Projector& projector, const Wanted& wanted) {
    for (const auto deadline = soon(); std::chrono::steady_clock::now() < deadline; std::this_thread::yield()) {
        if (wanted(projector.status().at(0))) return true;
    }
    return false;
}

// Version 2 of the view: prices count double in the sum.
projections::Projection doubled(const std::shared_ptr<Poison>& poison) {
    auto projection = price_view(poison, 2);
    projection.apply = [before = projection.apply](const projections::Event& event, projections::Rows& rows) {
        before(event, rows);
        auto& sum = rows.row<UInt64Value>(1, "all");
        const auto price = std::get<v1::ProductEvent>(event.payload).list_price_changed().to().minor();
        sum.set_value(sum.value() + static_cast<std::uint64_t>(price));
    };
    return projection;
}

}  // namespace

TEST_CASE("a view of a raised version is made again from the first event", "[projector]") {
    Versions world;
    world.prices.append_many(200);
    CHECK(world.seen(*world.run({world.view(1)})) == world.expected());
    const auto projector = world.run({doubled(world.poison)});
    REQUIRE(eventually(*projector, [](const auto& status) { return status.version == 2 && !status.rebuilding; }));
    auto expected = world.expected();
    expected.sum *= 2;
    CHECK(world.seen(*projector) == expected);
    world.prices.append_many(50);
    expected = world.expected();
    expected.sum *= 2;
    CHECK(world.seen(*projector) == expected);
}

TEST_CASE("a view is ready when it has been made once, and stays so while it is made again", "[projector]") {
    Versions world;
    world.prices.append_many(20);
    world.poison->set({7});  // it cannot be made
    {
        const auto projector = world.run({world.view(1)});
        REQUIRE(eventually(*projector, [](const auto& status) { return !status.failure.empty(); }));
        CHECK_FALSE(projector->status().at(0).ready);
    }
    world.poison->set({});
    CHECK_FALSE(world.make({world.view(1)})->status().at(0).ready);
    {
        const auto projector = world.run({world.view(1)});
        CHECK(eventually(*projector, [](const auto& status) { return status.ready && !status.rebuilding; }));
    }
    world.poison->set({7});
    const auto projector = world.run({world.view(2)});
    REQUIRE(eventually(*projector, [](const auto& status) { return !status.failure.empty(); }));
    CHECK(projector->status().at(0).ready);
}

TEST_CASE("the old colour serves and follows until the new one takes its place, while events go on", "[projector]") {
    Versions world;
    world.options = {.batch_events = 20, .rebuild_batch_events = 50};
    world.prices.append_many(300);
    const auto projector = world.run({world.view(1)});
    CHECK(world.seen(*projector) == world.expected());

    std::atomic<bool> done = false;
    std::atomic<int> switches = 0;
    std::jthread rebuilder([&] {
        while (!done) switches += projector->rebuild({}, {}).has_value();
    });
    for (int i = 0; i < 100 || switches < 5; ++i) {
        REQUIRE(i < 100'000);
        world.prices.append_many(5);
        CHECK(world.seen(*projector) == world.expected());
    }
    done = true;
}

TEST_CASE("a rebuild on demand needs no running projector, says how far it is, and gives equal rows", "[projector]") {
    Versions world;
    world.prices.append_many(300);
    CHECK(world.seen(*world.run({world.view(1)})) == world.expected());
    const auto projector = world.make({world.view(1)});
    Progress last;
    const auto rebuilt = projector->rebuild(std::vector<std::string>{"prices"}, [&](Progress progress) {
        CHECK(progress.done >= last.done);
        last = progress;
    });
    REQUIRE(rebuilt);
    CHECK(last.done == 300);
    CHECK(last.total == 300);
    REQUIRE(projector->start());
    CHECK(world.seen(*projector) == world.expected());
    CHECK_FALSE(projector->rebuild(std::vector<std::string>{"no such view"}, {}));
}

TEST_CASE("a poison event fails a rebuild loudly, and the old view stays", "[projector]") {
    Versions world;
    world.prices.append_many(50);
    const auto projector = world.run({world.view(1)});
    CHECK(world.seen(*projector) == world.expected());
    world.poison->set({17});
    const auto rebuilt = projector->rebuild({}, {});
    REQUIRE_FALSE(rebuilt);
    CHECK(rebuilt.error().find("view prices cannot fold ListPriceChanged at ") != std::string::npos);
    CHECK(rebuilt.error().find("no such price: 17") != std::string::npos);
    CHECK(projector->status().at(0).failure == rebuilt.error());
    world.prices.append_many(50);
    CHECK(world.seen(*projector) == world.expected());
    world.poison->set({});
    CHECK(projector->rebuild({}, {}));
    CHECK(projector->status().at(0).failure.empty());
    CHECK(world.seen(*projector) == world.expected());
}

TEST_CASE("a poison event in one view does not keep another from being made", "[projector]") {
    Versions world;
    const auto sick = std::make_shared<Poison>();
    sick->set({17});
    const std::vector<projections::Projection> two{price_view(sick, 1, "sick"), price_view(world.poison, 1, "prices")};
    infra::MemoryKv store{Projector::tables(two)};
    world.prices.append_many(50);
    Projector projector(world.log, store, two, {});
    REQUIRE(projector.start());
    CHECK(world.seen(projector) == world.expected());
    CHECK(projector.read("sick", {}, soon()) == nullptr);  // at once: nobody is making it
    CHECK(projector.status().at(0).failure.find("no such price: 17") != std::string::npos);
    CHECK(projector.status().at(1).failure.empty());
}

TEST_CASE("an interrupted rebuild goes on from where it was", "[projector]") {
    Versions world;
    world.options = {.rebuild_batch_events = 20, .rebuild_batch_time = 1h};
    world.prices.append_many(500);
    CHECK(world.seen(*world.run({world.view(1)})) == world.expected());

    FragileKv fragile(world.store, 12, false);
    CHECK_FALSE(world.make({world.view(1)}, &fragile)->rebuild({}, {}));
    std::atomic<std::size_t> folded = 0;
    auto counted = world.view(1);
    counted.apply = [&folded, before = counted.apply](const projections::Event& event, projections::Rows& rows) {
        ++folded;
        before(event, rows);
    };
    const auto projector = world.make({counted});
    REQUIRE(projector->rebuild({}, {}));
    CHECK(folded > 0);
    CHECK(folded < 500);
    REQUIRE(projector->start());
    CHECK(world.seen(*projector) == world.expected());
}

TEST_CASE("on RocksDB too, a reader keeps the colour that it began with while views are made again", "[projector]") {
    Versions world;
    const tests::TemporaryDirectory directory;
    for (int start = 0; start < 2; ++start) {
        const auto store = infra::RocksKv::open(directory.path() / "views", Projector::tables(world.list));
        REQUIRE(store);
        Projector projector(world.log, **store, world.list, {.batch_events = 50});
        REQUIRE(projector.start());
        for (int round = 0; round < 2; ++round) {
            world.prices.append_many(200, 50);
            const auto reader = projector.read("prices", world.prices.ends(), soon());
            REQUIRE(reader);
            const auto then = world.expected();
            world.prices.append_many(20);
            REQUIRE(projector.rebuild({}, {}));
            CHECK(seen_in(*reader) == then);
            CHECK(world.seen(projector) == world.expected());
        }
    }
}

TEST_CASE("a projector refuses a log that is not the one it has followed", "[projector]") {
    Versions world;
    world.prices.append_many(50);
    CHECK(world.seen(*world.run({world.view(1)})) == world.expected());

    const auto refusal = [&](Log& log) {
        Projector projector(log, world.store, {world.view(1)}, {});
        const auto started = projector.start();
        return started ? std::string() : started.error();
    };
    SECTION("another log that is longer") {
        infra::MemoryLog other{{.partitions = 4}};
        PriceList(other).append_many(80);
        CHECK(refusal(other).find("that this log does not continue") != std::string::npos);
    }
    SECTION("the same log that has lost its end") {
        infra::MemoryLog other{{.id = world.log.identity().id, .partitions = 4}};
        PriceList(other).append_many(20);
        CHECK(refusal(other).find("the log has only") != std::string::npos);
    }
    SECTION("the same log that went another way") {
        infra::MemoryLog other{{.id = world.log.identity().id, .partitions = 4}};
        PriceList prices(other);
        prices.append_many(45);
        for (int i = 0; i < 20; ++i) (void)prices.append({{"p" + std::to_string(i % 7), 7}});
        CHECK(refusal(other).find("that this log does not continue") != std::string::npos);
    }
    SECTION("fewer partitions") {
        infra::MemoryLog other{{.partitions = 2}};
        CHECK(refusal(other).find("more partitions") != std::string::npos);
    }
    SECTION("and can be told to make the views again from it") {
        infra::MemoryLog other{{.partitions = 4}};
        PriceList prices(other);
        prices.append_many(80);
        Projector projector(other, world.store, {world.view(1)}, {});
        CHECK_FALSE(projector.start());
        REQUIRE(projector.rebuild({}, {}));
        REQUIRE(projector.start());
        const auto reader = projector.read("prices", prices.ends(), soon());
        REQUIRE(reader);
        CHECK(seen_in(*reader) == fresh_fold(prices.history()));
    }
}

}  // namespace tidemark::consumers::test
