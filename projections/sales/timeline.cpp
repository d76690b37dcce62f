#include "projections/sales/timeline.hpp"

#include <algorithm>
#include <ranges>

namespace tidemark::projections::sales {

namespace {

bool closed(const v1::SaleMoment& moment) {
    return moment.status() == v1::WON || moment.status() == v1::LOST;
}

bool equal(const v1::Money& a, const v1::Money& b) {
    return a.minor() == b.minor() && a.currency() == b.currency();
}

// As if it had been right from the start: a wrong amount from when it was set, which is not any earlier time at which
// the sale had that amount rightly.
void correct(std::vector<v1::SaleMoment>& moments, const v1::SaleFigures& from, const v1::SaleFigures& to) {
    if (moments.empty()) return;
    moments.front().set_occurred_at(to.opened_at());
    for (auto& moment : moments | std::views::reverse) {
        if (!equal(moment.amount(), from.amount())) break;
        *moment.mutable_amount() = to.amount();
    }
    if (to.has_opened_amount()) *moments.front().mutable_amount() = to.opened_amount();
    if (to.closed_at() != 0)
        for (auto& moment : moments | std::views::reverse)
            if (closed(moment)) {
                moment.set_occurred_at(to.closed_at());
                *moment.mutable_amount() = to.amount();
                return;
            }
}

}  // namespace

std::vector<v1::SaleMoment> timeline(const v1::SaleHistory& history, AsOf as_of) {
    std::vector<v1::SaleMoment> moments;
    for (const auto& moment : history.moments()) {
        if (as_of.clock == Clock::recorded && moment.recorded_at() > as_of.at) break;
        if (moment.has_corrected_to()) {
            correct(moments, moment.corrected_from(), moment.corrected_to());
        } else {
            moments.push_back(moment);
        }
    }
    if (as_of.clock == Clock::occurred) {
        // What was told of an earlier time than the opening, as it was put right, does not make a sale.
        if (!moments.empty() && moments.front().occurred_at() > as_of.at) return {};
        std::erase_if(moments, [&](const v1::SaleMoment& m) { return m.occurred_at() > as_of.at; });
    }
    return moments;
}

std::vector<v1::StageVisit> stage_visits(std::span<const v1::SaleMoment> moments) {
    std::vector<v1::StageVisit> visits;
    bool in_stage = false;
    const auto leave = [&](const v1::SaleMoment& by, v1::StageExit exit) {
        auto& visit = visits.back();
        visit.set_left_at(by.occurred_at());
        visit.set_left_recorded_at(by.recorded_at());
        visit.set_time_in_stage_us(std::max<events::Micros>(0, by.occurred_at() - visit.entered_at()));
        visit.set_exit(exit);
        in_stage = false;
    };
    for (const auto& moment : moments) {
        if (closed(moment)) {
            if (in_stage) {
                *visits.back().mutable_left_amount() = moment.amount();
                leave(moment, moment.status() == v1::WON ? v1::WON_FROM : v1::LOST_FROM);
            }
            continue;
        }
        if (in_stage && visits.back().stage() == moment.stage()) {
            *visits.back().mutable_left_amount() = moment.amount();
            continue;
        }
        if (in_stage) {
            leave(moment, moment.forward() ? v1::MOVED_FORWARD : v1::MOVED_BACK);
        } else if (!visits.empty()) {
            visits.back().set_taken_back(true);
        }
        auto& visit = visits.emplace_back();
        visit.set_stage(moment.stage());
        visit.set_entered_at(moment.occurred_at());
        visit.set_entered_recorded_at(moment.recorded_at());
        *visit.mutable_entered_amount() = moment.amount();
        *visit.mutable_left_amount() = moment.amount();
        in_stage = true;
    }
    return visits;
}

}  // namespace tidemark::projections::sales
