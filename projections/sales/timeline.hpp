// A sale's history as of a moment, by either clock, and the stays in stages that it consists of.
#pragma once

#include "events/ids.hpp"
#include "projections/sales/sales.pb.h"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace tidemark::projections::sales {

enum class Clock : std::uint8_t {
    occurred,  // what was true, with all corrections known today
    recorded,  // what was known then
};

struct AsOf {
    Clock clock = Clock::occurred;
    events::Micros at = std::numeric_limits<events::Micros>::max();  // inclusive; the default: now
};

// The moments up to then, in order, each as it is known as of `as_of`: corrections are worked into the moments that
// they correct (dates of opening and closing, the amount where it had the wrong value) and are no moments themselves.
[[nodiscard]] std::vector<v1::SaleMoment> timeline(const v1::SaleHistory& history, AsOf as_of);

// A stay begins when a stage is entered (opened, moved, reopened) and ends by the move, win or loss that leaves it. A
// win or loss that is reopened ended its stay all the same, but is marked as taken back.
[[nodiscard]] std::vector<v1::StageVisit> stage_visits(std::span<const v1::SaleMoment> moments);

}  // namespace tidemark::projections::sales
