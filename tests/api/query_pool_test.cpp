#include "api/http/query_pool.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <string>

using tidemark::api::QueryPool;

namespace {

// Work that lasts until it is let go.
struct Held {
    std::promise<void> begun;
    std::promise<void> go;
    std::future<void> has_begun = begun.get_future();

    auto work() {
        return [this, may_go = go.get_future().share()] {
            begun.set_value();
            may_go.wait();
        };
    }
};

constexpr auto feed = QueryPool::Lane::feed;

}  // namespace

TEST_CASE("readers of the feed leave threads to queries", "[queries]") {
    Held held;
    std::promise<void> queried;
    QueryPool pool(2, 100);
    REQUIRE(pool.submit(held.work(), feed));
    for (int i = 0; i < 10; ++i) REQUIRE(pool.submit([] {}, feed));
    held.has_begun.wait();
    REQUIRE(pool.submit([&] { queried.set_value(); }));
    queried.get_future().wait();  // though the feed's thread is held
    CHECK(pool.queued() >= 11);
    held.go.set_value();
    pool.stop();
    CHECK(pool.queued() == 0);
}

TEST_CASE("queries and readers of the feed take turns", "[queries]") {
    Held held;
    std::string order;
    QueryPool pool(1, 100);
    REQUIRE(pool.submit(held.work()));
    held.has_begun.wait();
    for (int i = 0; i < 3; ++i) REQUIRE(pool.submit([&] { order += 'f'; }, feed));
    for (int i = 0; i < 3; ++i) REQUIRE(pool.submit([&] { order += 'q'; }));
    held.go.set_value();
    pool.stop();
    CHECK(order == "fqfqfq");
}

TEST_CASE("each lane of the pool is bounded by itself, and a stopped pool takes nothing", "[queries]") {
    Held held;
    QueryPool pool(1, 2);
    REQUIRE(pool.submit(held.work()));
    held.has_begun.wait();
    CHECK(pool.submit([] {}));
    CHECK_FALSE(pool.submit([] {}));
    CHECK(pool.submit([] {}, feed));
    held.go.set_value();
    pool.stop();
    CHECK_FALSE(pool.submit([] {}));
}
