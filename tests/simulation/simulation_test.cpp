// The command path, the derived stores and the views under seeds, in one thread and under a fake clock (world.hpp).
// Every seed is a life of its own: what the log does to blocks, when the process dies, how clients insist. Whatever
// happens, what must hold in the end (audit.hpp) holds.
//   TIDEMARK_SEED=17 test_simulation "one seed"    lives one life again, and tells it
#include "tests/simulation/world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>

namespace tidemark::tests::simulation {
namespace {

std::string told(const std::vector<std::string>& wrong) {
    std::string text;
    for (const auto& what : wrong) text += "\n  " + what;
    return text;
}

void live(std::uint64_t first, std::uint64_t last) {
    std::uint64_t crashes = 0;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        World world({.seed = seed});
        const auto wrong = world.run();
        crashes += world.crashes();
        INFO("to live it again: TIDEMARK_SEED=" << seed << " test_simulation \"one seed\"" << told(wrong));
        REQUIRE(wrong.empty());
    }
    CHECK(crashes > last - first);  // more than one a life
}

constexpr std::uint64_t quarter = TIDEMARK_SIMULATION_SEEDS / 4;

}  // namespace

TEST_CASE("lives of the first quarter of the seeds end well", "[simulation]") {
    live(1, quarter);
}
TEST_CASE("lives of the second quarter of the seeds end well", "[simulation]") {
    live(quarter + 1, 2 * quarter);
}
TEST_CASE("lives of the third quarter of the seeds end well", "[simulation]") {
    live(2 * quarter + 1, 3 * quarter);
}
TEST_CASE("lives of the last quarter of the seeds end well", "[simulation]") {
    live(3 * quarter + 1, 4 * quarter);
}

TEST_CASE("a process may die at any step between the append and the derived rows", "[simulation]") {
    const std::uint64_t lives = std::max(1, TIDEMARK_SIMULATION_SEEDS / 1'000);
    for (std::uint64_t seed = 1; seed <= lives; ++seed) {
        std::uint64_t at = 1;
        for (bool died = true; died; ++at) {
            World world({.seed = seed, .dies_at = at});
            const auto wrong = world.run();
            died = world.crashes() > 0;
            INFO("to live it again: TIDEMARK_SEED=" << seed << " TIDEMARK_DIES_AT=" << at
                                                    << " test_simulation \"one seed\"" << told(wrong));
            REQUIRE(wrong.empty());
        }
        CHECK(at > 50);
    }
}

TEST_CASE("the same seed lives the same life", "[simulation]") {
    std::set<std::string> lives;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        World one({.seed = seed});
        World other({.seed = seed});
        CHECK(one.run() == other.run());
        CHECK(one.summary() == other.summary());
        lives.insert(one.summary());
    }
    CHECK(lives.size() == 20);  // and another one another
}

TEST_CASE("one seed", "[.seed]") {
    const char* seed = std::getenv("TIDEMARK_SEED");
    const char* dies_at = std::getenv("TIDEMARK_DIES_AT");
    REQUIRE(seed != nullptr);
    Life life{.seed = std::strtoull(seed, nullptr, 10), .trace = &std::cout};
    if (dies_at != nullptr) life.dies_at = std::strtoull(dies_at, nullptr, 10);
    const auto wrong = World(life).run();
    INFO(told(wrong));
    REQUIRE(wrong.empty());
}

}  // namespace tidemark::tests::simulation
