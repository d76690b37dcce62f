// What the API asks for, in one place: references only. Who makes the parts (api/main, or a test) owns
// them, starts them before the server and stops them after it.
#pragma once

#include "consumers/command_processor/command_processor.hpp"
#include "consumers/derived/derived_stores.hpp"
#include "consumers/history/history.hpp"
#include "consumers/log/log.hpp"
#include "consumers/projector/projector.hpp"
#include "projections/kpi/kpi.hpp"

#include <expected>
#include <functional>
#include <string>

namespace tidemark::api {

struct BackupMade {
    std::string directory;
    std::uint64_t blocks = 0;
    std::uint64_t records = 0;
};

struct Services {
    consumers::Log& log;
    consumers::DerivedStores& derived;
    consumers::CommandProcessor& commands;
    consumers::History& history;
    consumers::Projector& projector;
    std::function<events::Micros()> clock;  // wall time; any thread
    const projections::kpi::Kpis& kpis;     // the ones that the projector folds
    // Makes a backup of that name, a plain file name; may take seconds. Any thread. None: not offered.
    std::function<std::expected<BackupMade, std::string>(const std::string& name)> back_up;
};

}  // namespace tidemark::api
