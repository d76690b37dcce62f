#include "tests/consumers/projector/world.hpp"

#include <thread>

namespace tidemark::consumers::test {

namespace {

// A projector over a log of four partitions, with one view of prices.
struct World {
    explicit World(ProjectorOptions options_in = {}) : options(std::move(options_in)) { begin(); }

    void begin() {
        projector = std::make_unique<Projector>(log, store, projections(), options);
        const auto started = projector->start();
        INFO((started ? "" : started.error()));
        REQUIRE(started);
        REQUIRE(projector->read("prices", {}, soon()));  // made: from now on poison is parked
    }
    [[nodiscard]] std::vector<projections::Projection> projections() const { return {price_view(poison, version)}; }
    [[nodiscard]] Prices seen() {
        const auto view = projector->read("prices", prices.ends(), soon());
        REQUIRE(view);
        return seen_in(*view);
    }
    [[nodiscard]] ProjectionStatus status() const { return projector->status().at(0); }
    [[nodiscard]] static events::StreamName stream(const std::string& product) {
        return {std::string(events::default_tenant), "product", product};
    }

    ProjectorOptions options;
    std::uint64_t version = 1;
    std::shared_ptr<Poison> poison = std::make_shared<Poison>();
    infra::MemoryLog log{{.partitions = 4}};
    infra::MemoryKv store{Projector::tables(projections())};
    PriceList prices{log};
    std::unique_ptr<Projector> projector;
};

}  // namespace

TEST_CASE("a view holds what the log says, from before the start and from after it", "[projector]") {
    World world;
    world.prices.append_many(100);
    CHECK(world.seen() == fresh_fold(world.prices.history()));
    world.prices.append_many(100);
    CHECK(world.seen() == fresh_fold(world.prices.history()));
    CHECK(world.status().lag_events == 0);
    CHECK(world.status().lag_us == 0);
    CHECK(world.status().version == 1);
}

TEST_CASE("a restarted projector goes on from where it was", "[projector]") {
    World world;
    world.prices.append_many(100);
    (void)world.seen();
    world.projector.reset();
    world.prices.append_barrier(1);
    world.prices.append_barrier(1);
    world.prices.append_many(50);
    world.begin();
    CHECK(world.seen() == fresh_fold(world.prices.history()));
    world.projector.reset();
    world.begin();
    CHECK(world.seen() == fresh_fold(world.prices.history()));
}

TEST_CASE("rows that fall out of a small cache are read again", "[projector]") {
    World world({.cache_bytes = 2'000, .batch_events = 10});
    world.prices.append_many(500, 60);
    CHECK(world.seen() == fresh_fold(world.prices.history()));
}

TEST_CASE("a read waits until the view has passed every position that is asked for", "[projector]") {
    World world;
    for (int i = 0; i < 50; ++i) {
        const auto written = world.prices.append({{"p" + std::to_string(i % 5), i}});
        const auto view = world.projector->read("prices", written, soon());
        REQUIRE(view);
        CHECK(seen_in(*view) == fresh_fold(world.prices.history()));
    }
}

TEST_CASE("a read for a position that nobody has written ends with its deadline", "[projector]") {
    World world;
    world.prices.append_many(10);
    const std::vector<events::Position> beyond{{0, 1'000}};
    CHECK(world.projector->read("prices", beyond, std::chrono::steady_clock::now() + 10ms) == nullptr);
    const std::vector<events::Position> nowhere{{4, 0}};
    CHECK(world.projector->read("prices", nowhere, soon()) == nullptr);
    CHECK_THROWS_AS(world.projector->read("no such view", {}, soon()), std::invalid_argument);
}

TEST_CASE("a reader sees the moment it was made, whatever comes later", "[projector]") {
    World world;
    world.prices.append_many(300, 100);
    const auto view = world.projector->read("prices", world.prices.ends(), soon());
    const auto then = fresh_fold(world.prices.history());
    world.prices.append_many(300, 100);
    (void)world.seen();
    CHECK(seen_in(*view) == then);
}

TEST_CASE("a reader merges the shards in key order, both ways, within bounds", "[projector]") {
    World world;
    world.prices.append_many(2'000, 2'000);
    const auto view = world.projector->read("prices", world.prices.ends(), soon());
    REQUIRE(view);
    std::vector<std::string> up, down, expected;
    for (const auto& [price, product] : fresh_fold(world.prices.history()).by_price) {
        if (price >= "15" && price < "7") expected.push_back(price);
    }
    view->scan(2, "15", "7", [&](std::string_view key, std::string_view) { return up.emplace_back(key), true; });
    view->scan_back(2, "15", "7", [&](std::string_view key, std::string_view) { return down.emplace_back(key), true; });
    CHECK(up == expected);
    std::reverse(down.begin(), down.end());
    CHECK(down == expected);
    std::size_t visited = 0;
    view->scan(2, "", "", [&](std::string_view, std::string_view) { return ++visited < 100; });
    CHECK(visited == 100);
}

TEST_CASE("lag is what is in the log and not in the view, and its age", "[projector]") {
    World world;
    world.projector.reset();
    world.prices.append_many(40);
    world.options.clock = [] { return first_moment + 5'000'000; };
    world.poison->set({});
    Projector idle(world.log, world.store, world.projections(), world.options);
    const auto status = idle.status().at(0);
    CHECK(status.lag_events == 40);
    CHECK(status.lag_us == 5'000'000);
}

TEST_CASE("a poison event stops its own stream and no other", "[projector]") {
    World world;
    (void)world.prices.append({{"good", 1}, {"bad", 2}});
    world.poison->set({3, 5});
    (void)world.prices.append({{"good", 4}, {"bad", 3}});
    (void)world.prices.append({{"bad", 5}, {"good", 6}});
    (void)world.prices.append({{"bad", 7}});
    CHECK(world.seen() == fresh_fold({{"good", {1, 4, 6}}, {"bad", {2}}}));

    const auto parked = world.status().parked;
    REQUIRE(parked.size() == 1);
    CHECK(parked[0].projection == "prices");
    CHECK(parked[0].stream == World::stream("bad"));
    CHECK(parked[0].events == 3);
    CHECK(parked[0].why == "no such price: 3");
    CHECK(parked[0].first.partition == world.prices.partition_of("bad"));
}

TEST_CASE("poison in the middle of a batch leaves no trace of itself in rows", "[projector]") {
    World world;
    world.poison->set({17, 18, 40, 41, 42, 90});
    (void)world.prices.append({{"p0", 1'000}});
    world.prices.append_many(100, 20, 50);
    auto history = world.prices.history();
    std::size_t parked = 0;
    for (auto& [product, its] : history) {
        const auto first = std::ranges::find_if(its, [&](std::int64_t price) { return world.poison->contains(price); });
        parked += first != its.end();
        its.erase(first, its.end());
    }
    CHECK(world.seen() == fresh_fold(history));
    CHECK(world.status().parked.size() == parked);
    CHECK(parked == 6);
}

TEST_CASE("a batch full of poison is gone through twice, not once for each event", "[projector]") {
    World world;
    std::set<std::int64_t> every_third;
    for (std::int64_t price = 3; price <= 900; price += 3) every_third.insert(price);
    world.projector.reset();
    std::atomic<std::size_t> folded = 0;
    auto counted = world.projections();
    counted[0].apply = [&folded, before = counted[0].apply](const projections::Event& event, projections::Rows& rows) {
        ++folded;
        before(event, rows);
    };
    world.prices.append_many(900, 900, 100);
    Projector projector(world.log, world.store, counted, {.batch_time = 1h});
    world.poison->set(every_third);
    REQUIRE(projector.start());
    REQUIRE(projector.read("prices", world.prices.ends(), soon()));
    CHECK(projector.status().at(0).parked.size() == 300);
    CHECK(folded <= 2 * 900);
}

TEST_CASE("parked events outlive a restart, and are folded in order when they are retried", "[projector]") {
    World world;
    world.poison->set({2, 3});
    (void)world.prices.append({{"bad", 1}});
    for (std::int64_t price = 2; price <= 9; ++price)
        (void)world.prices.append({{"bad", price}, {"good", price + 100}});
    (void)world.seen();
    world.projector.reset();
    world.begin();
    REQUIRE(world.status().parked.size() == 1);
    CHECK(world.status().parked[0].events == 8);
    (void)world.prices.append({{"bad", 10}});
    (void)world.seen();
    CHECK(world.status().parked[0].events == 9);

    const auto bad = World::stream("bad");
    CHECK_FALSE(world.projector->retry_parked("prices", bad));
    CHECK(world.status().parked[0].events == 9);
    world.poison->set({3});
    const auto refused = world.projector->retry_parked("prices", bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().find("no such price: 3") != std::string::npos);
    CHECK(world.status().parked[0].events == 8);
    CHECK(world.status().parked[0].why.find("no such price: 3") != std::string::npos);

    world.poison->set({});
    CHECK(world.projector->retry_parked("prices", bad));
    CHECK(world.status().parked.empty());
    CHECK(world.seen() == fresh_fold(world.prices.history()));
    (void)world.prices.append({{"bad", 11}});
    CHECK(world.seen() == fresh_fold(world.prices.history()));
    CHECK_FALSE(world.projector->retry_parked("prices", bad));
    CHECK_FALSE(world.projector->retry_parked("prices", World::stream("nobody")));
}

TEST_CASE("views follow while many write and many read", "[projector]") {
    World world({.batch_events = 50, .batch_time = 1ms});
    std::atomic<bool> done = false;
    std::vector<std::jthread> readers;
    std::atomic<bool> sound = true;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            while (!done) {
                const auto view = world.projector->read("prices", {}, soon());
                (void)world.projector->status();
                // A product's row and its place in the index are written together.
                std::size_t products = 0;
                std::set<std::string> indexed;
                if (view) {
                    view->scan(0, "", "", [&](std::string_view, std::string_view) { return ++products, true; });
                    view->scan(2, "", "", [&](std::string_view, std::string_view value) {
                        indexed.emplace(value);
                        return true;
                    });
                }
                if (!view || indexed.size() != products) sound = false;
            }
        });
    }
    world.prices.append_many(1'000, 300);
    CHECK(world.seen() == fresh_fold(world.prices.history()));
    done = true;
    readers.clear();
    CHECK(sound);
}

}  // namespace tidemark::consumers::test
