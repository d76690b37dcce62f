// tidemark: what was asked for, and the parts that do it.
#include "api/cli/commands.hpp"
#include "api/cli/store_commands.hpp"
#include "api/main/bench_parts.hpp"
#include "api/main/runtime.hpp"
#include "api/main/serve.hpp"
#include "events/time.hpp"
#include "infra/crypto/key_file.hpp"
#include "infra/logging/logging.hpp"
#include "infra/rocksdb/backup.hpp"
#include "projections/registry.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/core.h>

// What jemalloc is told (its manual, "TUNING"): memory that was freed goes back to the system after a second, so that
// what is resident is what the caches are allowed, not what a burst once took.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";  // NOLINT: its name, its type
}

using namespace tidemark;
using namespace tidemark::api;

namespace {

// Reads the settings of a subcommand that works on a data directory itself.
std::expected<infra::Config, std::string> config_for(const OpenedBy& opened) {
    return read_config(opened.config, {{"data", opened.data.string()}});
}

ExitCode run(const Finished& finished) {
    return finished.code;
}
ExitCode run(const ServeArguments& arguments) {
    return serve(arguments);
}

ExitCode run(const CompletionArguments& arguments) {
    fmt::print("{}", arguments.script);
    return ExitCode::ok;
}

ExitCode run(const BenchArguments& arguments) {
    return run_bench(arguments, bench_parts());
}

ExitCode run(const ReplayArguments& arguments) {
    const auto config = config_for(arguments.store);
    if (!config) return complain(config.error(), ExitCode::usage);
    auto store = open_store(*config, Derived::catch_up, Absent::refuse);
    if (!store) return complain(store.error());
    const ExitCode code = arguments.stream.empty() ? replay_log(*store->log, *store->derived, arguments)
                                                   : show_stream(*store->history, arguments);
    store->derived->stop();
    return code;
}

ExitCode run(const CheckArguments& arguments) {
    const auto config = config_for(arguments.store);
    if (!config) return complain(config.error(), ExitCode::usage);
    // Caught up first: what the derived stores have not reached yet is no fault.
    auto store = open_store(*config, Derived::catch_up, Absent::refuse);
    if (!store) return complain(store.error());
    store->derived->stop();
    return check_log(*store->log, *store->derived_rows, arguments);
}

bool is_view(const std::string& name) {
    const auto kpis = projections::kpi::Kpis::make();  // the catalogue has no say in the names
    return kpis && std::ranges::any_of(projections::all(*kpis), [&](const auto& view) { return view.name == name; });
}

ExitCode run(const RebuildArguments& arguments) {
    const auto config = config_for(arguments.store);
    if (!config) return complain(config.error(), ExitCode::usage);
    bool derived = arguments.what.empty();
    bool views = arguments.what.empty();
    std::vector<std::string> names;
    for (const std::string& what : arguments.what) {
        derived = derived || what == "derived";
        views = views || what != "derived";
        if (what == "derived" || what == "views") continue;
        if (!is_view(what))
            return complain("there is no view " + what + "; GET /v1/projections lists them", ExitCode::usage);
        names.push_back(what);
    }
    auto store = open_store(*config, Derived::leave, Absent::refuse);
    if (!store) return complain(store.error());
    if (derived) {
        if (const ExitCode code = rebuild_derived_stores(*store->log, *store->derived_rows, arguments);
            code != ExitCode::ok)
            return code;
    }
    if (!views) return ExitCode::ok;
    // Settings that were named hold from now on; without any, those that the views have must not be lost by accident.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
    const bool named = !arguments.store.config.empty() || std::getenv("TIDEMARK_CONFIG") != nullptr;
    auto opened = open_views(*config, *store->log, named ? Settings::decide : Settings::confirm, Follow::no);
    if (!opened) return complain(opened.error());
    return rebuild_views(*opened->projector, names, arguments);
}

BackupRead read_of(const infra::BackupTold& told) {
    return {.log_id = told.identity.id.text(),
            .incarnation = told.identity.incarnation,
            .blocks = told.blocks,
            .records = told.records};
}

infra::BackupProgress onto(const consumers::OnProgress& progress) {
    return [&progress](std::uint64_t done, std::uint64_t total) { progress({.done = done, .total = total}); };
}

std::expected<BackupRead, std::string> read_back(const std::filesystem::path& backup,
                                                 const consumers::OnProgress& progress) {
    const auto told = infra::verify_backup(backup, onto(progress));
    if (!told) return std::unexpected(told.error());
    return read_of(*told);
}

// The milliseconds of now are an incarnation that no other restore of the same backup gets, here or elsewhere.
std::expected<BackupRead, std::string> restore(const RestoreArguments& arguments,
                                               const consumers::OnProgress& progress) {
    const auto told = infra::restore_backup({.backup = arguments.backup,
                                             .data = arguments.data,
                                             .replace = arguments.replace,
                                             .incarnation = static_cast<std::uint64_t>(wall_clock() / 1000)},
                                            onto(progress));
    if (!told) return std::unexpected(told.error());
    return read_of(*told);
}

// What the subcommands that speak to a server find around them. A data directory is served as long as this lives.
class Reach {
public:
    explicit Reach(Absent absent) : absent_(absent) {}
    Surroundings around() {
        return {.reach = [this](const Where& where) { return reach(where); },
                .read_or_make_key = [](const std::filesystem::path& file) { return infra::read_or_make_key(file); },
                .read_back = read_back,
                .restore = restore,
                .now = wall_clock(),
                .today = events::date_of(wall_clock())};
    }

private:
    std::expected<ServerAddress, std::string> reach(const Where& where) {
        if (where.data.empty()) return parse_server(where.server);
        auto config = read_config(where.config,
                                  {{"data", where.data.string()}, {"http.address", "127.0.0.1"}, {"http.port", "0"}});
        if (!config) return std::unexpected(config.error());
        infra::set_up_logging("warn", infra::LogFormat::text);
        auto started = Runtime::start(*config, {.absent = absent_});
        if (!started) return std::unexpected(started.error());
        runtime_ = std::move(*started);
        return ServerAddress{.host = "127.0.0.1", .port = std::to_string(runtime_->port())};
    }

    Absent absent_;
    std::unique_ptr<Runtime> runtime_;
};

ExitCode run(const ImportArguments& arguments) {
    Reach reach(Absent::make);
    return run_import(arguments, reach.around());
}
ExitCode run(const SendArguments& arguments) {
    Reach reach(Absent::make);
    return run_send(arguments, reach.around());
}
ExitCode run(const SimulateArguments& arguments) {
    Reach reach(Absent::make);
    return run_simulate(arguments, reach.around());
}
ExitCode run(const BackupArguments& arguments) {
    Reach reach(Absent::refuse);
    return run_backup(arguments, reach.around());
}
ExitCode run(const RestoreArguments& arguments) {
    Reach reach(Absent::make);
    return run_restore(arguments, reach.around());
}
ExitCode run(const KpiArguments& arguments) {
    Reach reach(Absent::refuse);
    return run_kpi(arguments, reach.around());
}

}  // namespace

int main(int argc, char** argv) {
    // A server or reader that goes away is an error of that connection, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const Arguments arguments = parse_command_line(argc, argv, settings_help());
        return static_cast<int>(std::visit([](const auto& chosen) { return run(chosen); }, arguments));
    } catch (const std::exception& error) {
        return static_cast<int>(complain(error.what()));
    }
}
