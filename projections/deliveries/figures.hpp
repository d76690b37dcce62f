// The figures of a delivery, as DOMAIN 3 states them, out of its row and a moment `now`.
//
//   W  work done: the planned minutes of the tasks completed (what they were worth in the plan, not what they took).
//   Where
//      no task of the plan has planned minutes, a milestone is the unit of work: those that were hit.
//      Planned: all of it times the share of the planned time that has passed by `now`: from the plan's first day,
//      whether the work has begun by then or not.
//   T  time: days from the start to `now`; or to the end of the day of delivery, whole also while it lasts; or to the
//      cancelling. Planned and actual use the same span, so that P actual / P planned is EV / PV, and what is delivered
//      whole on the planned day has SPI 1.
//   C  cost: what was recorded, in units of the currency. Planned: the budget.
//   P = W / T (progress), R = W / C (result), risk = P x C. R planned is of the whole plan, so that R actual / R
//   planned = EV / AC.
//
// Project formulas: C cost per day, T the plan's days (first and last included), N tasks, W work per task.
//   Planned: C = budget / T, W = planned minutes / N. Actual: C = cost so far / days so far, W = minutes worked / tasks
//   completed. budget P = C x T, time = W x N (minutes), project risk = P x W (in hours).
//
// Earned value: BAC = budget, PV = BAC x share of the planned time passed, EV = BAC x share of the work done, AC =
// cost,
//   SPI = EV / PV, CPI = EV / AC, EAC = BAC / CPI.
#pragma once

#include "events/ids.hpp"
#include "projections/deliveries/deliveries.pb.h"
#include "projections/kpi/calendar.hpp"

namespace tidemark::projections::deliveries {

// Probability x impact, cut to the minor unit.
[[nodiscard]] v1::Money expected(const v1::Risk& risk);

// The row becomes part of the entry. Dates are days of the calendar's time zone.
[[nodiscard]] v1::DeliveryBoardEntry figures(v1::DeliveryRow row, events::Micros now, const kpi::Calendar& calendar);

}  // namespace tidemark::projections::deliveries
