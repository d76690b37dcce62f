// The effect of every event is there exactly once, wherever the process dies.
#include "tests/consumers/projector/world.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace tidemark::consumers::test {

namespace {

// Follows a log, rebuilds on the way, until all is folded or the store has broken; true: it has broken.
bool live_a_while(PriceList& prices, Log& log, FragileKv& store, const projections::Projection& view) {
    Projector projector(log, store, {view}, {.batch_events = 15, .rebuild_batch_events = 40});
    if (!projector.start()) return store.broken();
    const auto arrived = [&] {
        const auto ends = prices.ends();
        for (const auto deadline = soon(); std::chrono::steady_clock::now() < deadline;) {
            if (store.broken()) return false;
            if (projector.read("prices", ends, std::chrono::steady_clock::now() + 5ms)) return true;
        }
        FAIL("neither arrived nor broken");
        return false;
    };
    if (!arrived()) return true;
    prices.append_many(30);
    if (!arrived()) return true;
    {
        std::atomic<bool> done = false;
        const std::jthread rebuilder([&] {
            (void)projector.rebuild({}, {});
            done = true;
        });
        while (!done && !store.broken()) std::this_thread::yield();
        if (store.broken()) projector.stop();  // it would wait for the store to be mended
    }
    if (store.broken()) return true;
    prices.append_many(30);
    return !arrived() || store.broken();
}

}  // namespace

TEST_CASE("a kill at any write leaves views that go on to hold every event exactly once", "[projector]") {
    const bool last_lands = GENERATE(false, true);  // an answer that was lost on the way back
    bool broke = true;
    std::size_t writes = 0;
    for (; broke; ++writes) {
        REQUIRE(writes < 1'000);
        infra::MemoryLog log{{.partitions = 4}};
        PriceList prices(log);
        prices.append_many(60);
        const std::vector<projections::Projection> list{price_view(std::make_shared<Poison>())};
        infra::MemoryKv store{Projector::tables(list)};
        FragileKv fragile(store, writes, last_lands);
        broke = live_a_while(prices, log, fragile, list[0]);

        prices.append_many(20);
        Projector projector(log, store, list, {});
        REQUIRE(projector.start());
        const auto view = projector.read("prices", prices.ends(), soon());
        REQUIRE(view);
        INFO("broken at write " << writes);
        REQUIRE(seen_in(*view) == fresh_fold(prices.history()));
    }
    CHECK(writes > 20);
}

TEST_CASE("a store that fails for a while is tried again, and nothing is folded twice", "[projector]") {
    const bool last_lands = GENERATE(false, true);
    infra::MemoryLog log{{.partitions = 4}};
    PriceList prices(log);
    const std::vector<projections::Projection> list{price_view(std::make_shared<Poison>())};
    infra::MemoryKv store{Projector::tables(list)};
    FragileKv fragile(store, 40, last_lands);
    Projector projector(log, fragile, list, {.batch_events = 5});
    REQUIRE(projector.start());
    // With a pause: who asks in a row may keep the log's lock from those who follow it.
    std::mutex mutex;
    std::condition_variable look_again;
    const auto comes_to = [&](const auto& state) {
        std::unique_lock lock(mutex);
        const auto deadline = soon();
        bool come = false;
        while (!(come = state(projector.status().at(0))) && std::chrono::steady_clock::now() < deadline) {
            look_again.wait_for(lock, std::chrono::milliseconds(1));
        }
        return come;
    };
    const auto comes_to_say = [&](std::string_view failure) {
        return comes_to([&](const ProjectionStatus& status) { return status.failure == failure; });
    };
    // Made, the former colour's rows cleared: else it could be that which the store breaks in.
    REQUIRE(comes_to([](const ProjectionStatus& status) { return status.ready && !status.rebuilding; }));
    prices.append_many(500);
    CHECK(comes_to_say("the store broke"));
    fragile.mend();
    const auto view = projector.read("prices", prices.ends(), soon());
    REQUIRE(view);
    CHECK(seen_in(*view) == fresh_fold(prices.history()));
    CHECK(comes_to_say(""));
}

TEST_CASE("a kill while streams are parked and retried loses and doubles none of their events", "[projector]") {
    bool broke = true;
    std::size_t writes = 0;
    for (; broke; ++writes) {
        REQUIRE(writes < 1'000);
        infra::MemoryLog log{{.partitions = 4}};
        PriceList prices(log);
        const auto poison = std::make_shared<Poison>();
        const std::vector<projections::Projection> list{price_view(poison)};
        infra::MemoryKv store{Projector::tables(list)};
        {
            Projector made(log, store, list, {});
            REQUIRE(made.start());
            REQUIRE(made.read("prices", {}, soon()));
        }
        FragileKv fragile(store, writes, writes % 2 == 0);
        const auto retry_all = [&](Projector& projector) {
            poison->set({});
            const auto status = projector.status();
            for (const auto& parked : status.at(0).parked) {
                if (!projector.retry_parked("prices", parked.stream)) return false;
            }
            return true;
        };
        {
            poison->set({5, 6, 20});
            Projector projector(log, fragile, list, {.batch_events = 7});
            REQUIRE(projector.start());
            prices.append_many(60);
            std::unique_ptr<projections::ViewReader> view;
            while (!view && !fragile.broken()) {
                view = projector.read("prices", prices.ends(), std::chrono::steady_clock::now() + 5ms);
            }
            broke = fragile.broken() || !retry_all(projector) || fragile.broken();
        }
        Projector projector(log, store, list, {});
        REQUIRE(projector.start());
        REQUIRE(projector.read("prices", prices.ends(), soon()));
        REQUIRE(retry_all(projector));
        const auto view = projector.read("prices", prices.ends(), soon());
        REQUIRE(view);
        REQUIRE(seen_in(*view) == fresh_fold(prices.history()));
    }
    CHECK(writes > 3);
}

}  // namespace tidemark::consumers::test
