#include "projections/flat_index.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

using tidemark::projections::FlatIndex;

TEST_CASE("a flat index finds what was added and not removed, however the hashes collide", "[flat_index]") {
    for (const std::uint64_t spread : {1ull, 7ull, 1'000ull, 1ull << 40}) {
        INFO("hashes below " << spread);
        std::mt19937_64 random(spread);
        FlatIndex<int> index;
        std::map<int, std::uint64_t> there;  // number and hash
        const auto find = [&](std::uint64_t hash, int number) {
            return index.find(hash, [&](int other) { return other == number; });
        };
        for (int i = 0; i < 3'000; ++i) {
            const auto number = static_cast<int>(random() % 200);
            const auto known = there.find(number);
            if (known == there.end()) {
                const auto hash = random() % spread;
                CHECK(find(hash, number) == nullptr);
                index.add(hash, number);
                there[number] = hash;
            } else {
                index.remove(known->second, [&](int other) { return other == number; });
                CHECK(find(known->second, number) == nullptr);
                there.erase(known);
            }
            REQUIRE(index.size() == there.size());
        }
        std::set<int> walked;
        for (std::size_t place = 0; place < index.places(); ++place)
            if (const auto* number = index.at(place)) walked.insert(*number);
        CHECK(walked.size() == there.size());
        for (const auto& [number, hash] : there) {
            REQUIRE(find(hash, number) != nullptr);
            CHECK(*find(hash, number) == number);
        }
        index.clear();
        CHECK(index.size() == 0);
        CHECK((there.empty() || find(there.begin()->second, there.begin()->first) == nullptr));
        index.add(1, 5);
        CHECK(find(1, 5) != nullptr);
    }
}
