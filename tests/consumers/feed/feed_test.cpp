#include "consumers/feed/feed.hpp"

#include "consumers/feed/cursor.hpp"
#include "tests/consumers/projector/world.hpp"

#include <limits>
#include <thread>

namespace tidemark::consumers::test {

namespace {

struct FeedWorld {
    [[nodiscard]] Feed open(FeedFilter filter = {}, std::string_view cursor = {}) {
        auto feed = Feed::open(log, std::move(filter), cursor);
        INFO((feed ? "" : feed.error()));
        REQUIRE(feed);
        return std::move(*feed);
    }
    [[nodiscard]] std::string refusal(std::string_view cursor) {
        const auto feed = Feed::open(log, {}, cursor);
        REQUIRE_FALSE(feed);
        return feed.error();
    }
    // All that is there, `page` records at a time.
    [[nodiscard]] static std::vector<FeedRecord> drain(Feed& feed, std::size_t page = 7) {
        std::vector<FeedRecord> all;
        for (;;) {
            auto records = feed.next(page, std::chrono::steady_clock::now() + 1ms);
            REQUIRE(records);
            CHECK(records->size() <= page);
            if (records->empty()) return all;
            all.insert(all.end(), records->begin(), records->end());
        }
    }
    [[nodiscard]] static std::map<std::string, std::vector<std::int64_t>> by_product(
        const std::vector<FeedRecord>& records) {
        std::map<std::string, std::vector<std::int64_t>> prices;
        for (const auto& record : records) {
            v1::ProductEvent event;
            REQUIRE(event.ParseFromArray(record.view.payload.data(), static_cast<int>(record.view.payload.size())));
            prices[std::string(record.view.header.stream_id)].push_back(event.list_price_changed().to().minor());
        }
        return prices;
    }

    infra::MemoryLog log{{.incarnation = 3, .partitions = 4}};
    PriceList prices{log};
};

}  // namespace

TEST_CASE("a feed gives every record once, each partition in order", "[feed]") {
    FeedWorld world;
    world.prices.append_barrier(2);
    world.prices.append_many(200);
    world.prices.append_barrier(1);
    auto feed = world.open();
    const auto records = FeedWorld::drain(feed);
    CHECK(records.size() == 200);
    CHECK(FeedWorld::by_product(records) == world.prices.history());
    CHECK(feed.cursor() == Feed::cursor_at_end(world.log));
    world.prices.append_many(20);
    CHECK(FeedWorld::drain(feed).size() == 20);
}

TEST_CASE("a feed resumes behind any record that it has given", "[feed]") {
    FeedWorld world;
    world.prices.append_many(60);
    auto whole = world.open();
    const auto all = FeedWorld::drain(whole);
    for (std::size_t taken = 0; taken < all.size(); ++taken) {
        auto rest = world.open({}, all[taken].cursor);
        auto records = FeedWorld::drain(rest);
        records.insert(records.begin(), all.begin(), all.begin() + static_cast<std::ptrdiff_t>(taken) + 1);
        REQUIRE(FeedWorld::by_product(records) == world.prices.history());
    }
}

TEST_CASE("a feed waits for what comes, and not beyond its deadline", "[feed]") {
    FeedWorld world;
    auto feed = world.open({}, Feed::cursor_at_end(world.log));
    const auto none = feed.next(10, std::chrono::steady_clock::now() + 5ms);
    REQUIRE(none);
    CHECK(none->empty());
    std::jthread writer([&] { world.prices.append_many(1); });
    const auto one = feed.next(10, soon());
    REQUIRE(one);
    CHECK(one->size() == 1);
}

TEST_CASE("a feed shows what its filter lets through, and moves past the rest", "[feed]") {
    FeedWorld world;
    world.prices.append_many(100);
    const auto count = [&](FeedFilter filter) {
        auto feed = world.open(std::move(filter));
        const auto size = FeedWorld::drain(feed).size();
        CHECK((feed.cursor() == Feed::cursor_at_end(world.log) || size < 100));
        return size;
    };
    CHECK(count({.tenant = "default"}) == 100);
    CHECK(count({.tenant = "another"}) == 0);
    CHECK(count({.kinds = {"sale", "product"}}) == 100);
    CHECK(count({.kinds = {"sale"}}) == 0);
    CHECK(count({.types = {"ListPriceChanged"}}) == 100);
    CHECK(count({.types = {"ProductDefined"}}) == 0);
    CHECK(count({.partitions = {0, 1}}) + count({.partitions = {2, 3, 2}}) == 100);

    auto nothing = world.open({.kinds = {"sale"}});
    CHECK(FeedWorld::drain(nothing).empty());
    CHECK(nothing.cursor() == Feed::cursor_at_end(world.log));
    CHECK_FALSE(Feed::open(world.log, {.partitions = {4}}, {}));
}

TEST_CASE("a cursor that is not of this log is refused in words", "[feed]") {
    FeedWorld world;
    world.prices.append_many(10);
    const std::string end = Feed::cursor_at_end(world.log);
    const std::string mark = end.substr(0, 8);
    const auto other = [](LogIdentity log, const std::vector<events::Sequence>& places) {
        return cursor_text(log, places);
    };
    const LogIdentity here = world.log.identity();
    for (const std::string& text : {std::string("nonsense"), std::string("-"), mark, mark + "-3", mark + "--",
                                    mark + "-x-AA", end + "A", end + "*", end.substr(0, end.size() - 1)}) {
        CAPTURE(text);
        CHECK(world.refusal(text).find("not a cursor") != std::string::npos);
    }
    CHECK(world.refusal(other(here, {0, 0, 0})).find("not a cursor") != std::string::npos);
    LogIdentity former = here;
    former.incarnation = 2;
    CHECK(world.refusal(other(former, {0, 0, 0, 0})).find("incarnation 2") != std::string::npos);
    LogIdentity wiped = here;
    wiped.id = events::random_uuid();
    CHECK(world.refusal(other(wiped, {0, 0, 0, 0})).find("this is " + mark) != std::string::npos);
    CHECK(world.refusal(other(here, {0, 0, 0, 1000})).find("beyond the end") != std::string::npos);
    (void)world.open({}, other(here, {0, 0, 0, 0}));
}

TEST_CASE("a cursor reads back as it was written, and one of the most partitions fits in the head of a request",
          "[feed]") {
    const LogIdentity small{events::random_uuid(), 1, 3};
    constexpr auto most = std::numeric_limits<events::Sequence>::max();
    for (const auto& places : {std::vector<events::Sequence>{0, 0, 0},
                               {1, 127, 128},
                               {most, most, 0},
                               {most, most, most},
                               {1u << 20, (1u << 20) + 16383, (1u << 20) + 16384}}) {
        const auto text = cursor_text(small, places);
        CAPTURE(text);
        CHECK(parse_cursor(text, small) == places);
        CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
              std::string::npos);
    }
    const LogIdentity large{events::random_uuid(), 1, 4096};
    std::vector<events::Sequence> places(large.partitions);
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = 1'000'000 + i * 7919 % 16'000;
    const auto text = cursor_text(large, places);
    CHECK(text.size() < 12'000);
    CHECK(parse_cursor(text, large) == places);
}

}  // namespace tidemark::consumers::test
