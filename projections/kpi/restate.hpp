// What some events take back is not in them: a new baseline names the new milestones, not the old ones. Here the
// streams are remembered that such events belong to, in tables of the KPI view beside the cells: of a sale the little
// that its events leave out, of a delivery its row of the board, so that KPIs and board are of one mind.
#pragma once

#include "projections/kpi/calendar.hpp"
#include "projections/kpi/restated.pb.h"
#include "projections/projection.hpp"

#include <cstdint>
#include <functional>

namespace tidemark::projections::kpi {

enum Table : std::uint32_t { cells_table, sales_table, deliveries_table };

// Remembers the event, and calls `restated` with everything that it changes and does not say itself.
void restate(const Event& event, const Calendar& calendar, Rows& rows,
             const std::function<void(const v1::Restated&)>& restated);

}  // namespace tidemark::projections::kpi
