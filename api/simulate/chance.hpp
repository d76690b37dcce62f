// Seeded chance for the simulation, the same on every machine. Pure but for its own state. One thread.
#pragma once

#include "events/time.hpp"

#include <boost/random/lognormal_distribution.hpp>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/poisson_distribution.hpp>
#include <boost/random/uniform_01.hpp>

#include <cmath>
#include <span>

namespace tidemark::api {

class Chance {
public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}
    double uniform() { return boost::random::uniform_01<double>()(engine_); }
    bool happens(double probability) { return uniform() < probability; }
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(uniform() * static_cast<double>(bound)); }
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(uniform() * static_cast<double>(high - low + 1));
    }
    template <class List>
    const auto& one_of(const List& list) {
        return list[below(std::size(list))];
    }
    std::size_t weighted(std::span<const double> weights) {
        double total = 0;
        for (const double weight : weights) total += weight;
        double left = uniform() * total;
        for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
            left -= weights[i];
            if (left < 0) return i;
        }
        return weights.size() - 1;
    }
    std::uint32_t poisson(double mean) {
        return mean <= 0 ? 0 : static_cast<std::uint32_t>(boost::random::poisson_distribution<int>(mean)(engine_));
    }
    // A length of time: half are shorter than `median_days`, a few much longer.
    events::Micros duration(double median_days, double spread = 0.7) {
        const double days = boost::random::lognormal_distribution<double>(std::log(median_days), spread)(engine_);
        return static_cast<events::Micros>(days * static_cast<double>(events::micros_per_day));
    }

private:
    boost::random::mt19937_64 engine_;
};

}  // namespace tidemark::api
