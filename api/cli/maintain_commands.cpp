#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "api/cli/store_commands.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fmt/core.h>
#include <optional>

namespace tidemark::api {

namespace {

consumers::OnProgress onto(ProgressBar& bar) {
    return [&bar](consumers::Progress at) { bar.show(at.done, at.total, at.done); };
}

// Shows how far it is, and says at the end what it came to.
class Rebuilding {
public:
    explicit Rebuilding(const std::string& title) : bar_(std::in_place, title, "records") {}

    consumers::OnProgress progress() {
        return [this](consumers::Progress at) {
            records_ = at.done;
            bar_->show(at.done, at.total, at.done);
        };
    }
    void tell(boost::json::object what, const char* title, bool as_json) {
        bar_.reset();
        if (!as_json) {
            fmt::print("{}: made again from the log\n", title);
            return;
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_;
        what["records"] = records_.load();
        what["seconds"] = std::round(took.count() * 1000) / 1000;
        fmt::print("{}\n", boost::json::serialize(what));
    }

private:
    std::optional<ProgressBar> bar_;
    std::atomic<std::uint64_t> records_{0};  // progress may come from any thread
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

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

ExitCode rebuild_derived_stores(consumers::Log& log, consumers::KvStore& derived, const RebuildArguments& arguments) {
    Rebuilding rebuilding("derived stores");
    if (auto rebuilt = consumers::rebuild_derived(log, derived, {}, rebuilding.progress()); !rebuilt)
        return complain(rebuilt.error());
    boost::json::object what;
    what["rebuilt"] = "derived";
    rebuilding.tell(std::move(what), "derived stores", arguments.json);
    return ExitCode::ok;
}

ExitCode rebuild_views(consumers::Projector& projector, const std::vector<std::string>& names,
                       const RebuildArguments& arguments) {
    Rebuilding rebuilding("views");
    if (auto rebuilt = projector.rebuild(names, rebuilding.progress()); !rebuilt) return complain(rebuilt.error());
    boost::json::object what;
    what["rebuilt"] = "views";
    boost::json::array& views = what["views"].emplace_array();
    for (const auto& view : projector.status()) {
        if (names.empty() || std::ranges::find(names, view.name) != names.end()) views.emplace_back(view.name);
    }
    rebuilding.tell(std::move(what), "views", arguments.json);
    return ExitCode::ok;
}

}  // namespace tidemark::api
