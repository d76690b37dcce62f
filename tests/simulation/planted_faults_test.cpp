// Faults planted in the path of a command, and the tests that find them. A test that finds nothing in a broken server
// would say nothing about a sound one.
#include "tests/simulation/world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace tidemark::tests::simulation {
namespace {

// Found by lives of the simulation: one of the first `lives` seeds must end with this complaint.
struct Planted {
    const char* fault;
    Defect defect;
    const char* complaint;
    std::uint64_t lives;
};

const Planted found_by_the_simulation[] = {
    {"skips the version check", Defect::skips_version_check, "was not looked at", 20},
    {"answers before the block counts", Defect::answers_before_it_counts, "was answered and is not in the log", 50},
    {"replays a block twice", Defect::replays_blocks, "differs from the one made afresh", 50},
    {"forgets what it has done over a crash", Defect::forgets_outcomes, "its command was done twice", 50},
    {"writes the place before the rows", Defect::writes_place_first, "is missing", 50},
};

// Found by tests of their own, below the log: on a disk that loses what was not synced, and by damage to its files.
struct Named {
    const char* fault;
    const char* file;
    const char* test;
};

const Named found_below_the_log[] = {
    {"skips the sync", "tests/infra/power_loss_test.cpp",
     "planted: a disk that skips the sync is found by the loss of power"},
    {"skips the sync of names", "tests/infra/power_loss_test.cpp",
     "planted: a disk that skips the sync of names is found by the loss of power"},
    {"writes a group block by block", "tests/infra/power_loss_test.cpp",
     "planted: a group that is written block by block is found by the loss of power"},
    {"answers before the sync", "tests/infra/power_loss_test.cpp",
     "planted: an answer before the sync is found by the loss of power"},
    {"forgets the mark", "tests/infra/damage_test.cpp",
     "planted: a mark that is forgotten is found by the damage to the write-ahead log"},
};

std::string text_of(const std::string& file) {
    std::ifstream in(std::string(TIDEMARK_SOURCE_DIR) + "/" + file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("planted faults are found by the simulation", "[planted]") {
    for (const Planted& planted : found_by_the_simulation) {
        bool found = false;
        std::uint64_t seed = 0;
        std::string last;
        while (!found && seed < planted.lives) {
            const auto wrong = World({.seed = ++seed, .defect = planted.defect}).run();
            if (!wrong.empty()) last = wrong.front();
            found = std::ranges::any_of(
                wrong, [&](const std::string& what) { return what.find(planted.complaint) != std::string::npos; });
        }
        INFO("a server that " << planted.fault << " is found within " << planted.lives
                              << " lives; last complaint: " << last);
        CHECK(found);
    }
}

TEST_CASE("planted faults below the log have tests of their own", "[planted]") {
    for (const Named& named : found_below_the_log) {
        INFO("a server that " << named.fault << " is found by \"" << named.test << "\" in " << named.file);
        CHECK(text_of(named.file).find("TEST_CASE(\"" + std::string(named.test) + "\"") != std::string::npos);
    }
}

}  // namespace tidemark::tests::simulation
