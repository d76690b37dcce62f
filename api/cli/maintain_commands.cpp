#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "api/cli/store_commands.hpp"

#include <boost/json.hpp>

#include <fmt/core.h>

namespace tidemark::api {

namespace {

consumers::OnProgress onto(ProgressBar& bar) {
    return [&bar](consumers::Progress at) { bar.show(at.done, at.total, at.done); };
}

}  // namespace

ExitCode check_log(consumers::Log& log, consumers::KvStore& derived, const CheckArguments& arguments) {
    consumers::CheckReport report;
    {
        ProgressBar bar("checking", "records");
        report = consumers::check_store(log, derived, onto(bar));
    }
    if (arguments.json) {
        boost::json::array faults;
        for (const std::string& fault : report.faults) faults.emplace_back(fault);
        const boost::json::object all{{"blocks", report.blocks},
                                      {"records", report.records},
                                      {"streams", report.streams},
                                      {"faults", std::move(faults)}};
        fmt::print("{}\n", boost::json::serialize(all));
    } else {
        for (const std::string& fault : report.faults) fmt::print("fault: {}\n", fault);
        fmt::print("{} records in {} blocks, {} streams: {}\n", grouped(report.records), grouped(report.blocks),
                   grouped(report.streams),
                   report.faults.empty() ? "sound" : fmt::format("{} faults", report.faults.size()));
    }
    return report.faults.empty() ? ExitCode::ok : ExitCode::failed;
}

ExitCode rebuild_derived_stores(consumers::Log& log, consumers::KvStore& derived) {
    {
        ProgressBar bar("derived stores", "records");
        if (auto rebuilt = consumers::rebuild_derived(log, derived, {}, onto(bar)); !rebuilt)
            return complain(rebuilt.error());
    }
    fmt::print("derived stores: made again from the log\n");
    return ExitCode::ok;
}

ExitCode rebuild_views(consumers::Projector& projector, const std::vector<std::string>& names) {
    {
        ProgressBar bar("views", "records");
        if (auto rebuilt = projector.rebuild(names, onto(bar)); !rebuilt) return complain(rebuilt.error());
    }
    fmt::print("views: made again from the log\n");
    return ExitCode::ok;
}

}  // namespace tidemark::api
