// The commands of the benchmark. All of them are accepted, each writes one event, and the same numbers make the same
// commands.
#pragma once

#include "aggregates/command.pb.h"
#include "events/ids.hpp"
#include "events/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::api {

// 2026-01-01T12:00:00Z, from which on live sales change. They were opened in the twelve months before.
inline constexpr events::Micros bench_noon = 1'767'268'800 * events::micros_per_second;

// A new customer with the usual details.
[[nodiscard]] v1::Command create_customer(std::string_view prefix, std::uint64_t number);

// A sales team at work: `live` sales that change, are won, and are followed by new ones. 50 owners, 1,000 customers,
// one pipeline. One thread.
class SalesWork {
public:
    // `series`: another one has other sales.
    SalesWork(std::uint64_t live, std::uint32_t series);

    [[nodiscard]] static std::vector<v1::Command> foundations();  // first: the pipeline and the customers
    [[nodiscard]] v1::Command open(std::uint64_t slot) const;     // then: every live sale
    [[nodiscard]] v1::Command next();                             // one change after the other, without end
    [[nodiscard]] std::uint64_t live() const { return slots_.size(); }
    [[nodiscard]] std::string first_sale_id(std::uint64_t slot) const;  // of the sale that was opened first

private:
    struct Slot {
        std::uint32_t generation = 0;
        std::uint8_t phase = 0;
    };
    [[nodiscard]] std::string sale_id(std::uint64_t slot) const;
    [[nodiscard]] v1::Command command(std::uint64_t slot, events::Micros at) const;
    void fill_opening(v1::Command& command, std::uint64_t slot) const;

    std::vector<Slot> slots_;
    std::uint32_t series_;
    std::uint64_t step_ = 1;  // slots take turns in an order that no cache can foresee
    std::uint64_t at_ = 0;
    std::uint64_t made_ = 0;
};

}  // namespace tidemark::api
