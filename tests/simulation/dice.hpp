// Chance by a seed: the same seed throws the same.
#pragma once

#include <cstdint>
#include <random>

namespace tidemark::tests::simulation {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}

    [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    [[nodiscard]] std::uint64_t between(std::uint64_t least, std::uint64_t most) {
        return least + below(most - least + 1);
    }
    [[nodiscard]] bool one_in(std::uint64_t times) { return below(times) == 0; }

private:
    std::mt19937_64 random_;
};

}  // namespace tidemark::tests::simulation
