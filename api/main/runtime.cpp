#include "api/main/runtime.hpp"

#include "infra/rocksdb/backup.hpp"
#include "infra/runtime/threads.hpp"
#include "projections/registry.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <sstream>
#include <sys/resource.h>

namespace tidemark::api {

namespace {

namespace kpi = projections::kpi;

// Empty: the built-in one.
std::expected<std::string, std::string> read_catalogue(const infra::Config& config) {
    if (!config.kpi_catalogue) return {};
    std::ifstream file(*config.kpi_catalogue);
    std::ostringstream text;
    if (!(text << file.rdbuf())) return std::unexpected(config.kpi_catalogue->string() + ": cannot be read");
    return text.str();
}

std::expected<std::shared_ptr<const kpi::Kpis>, std::string> make_kpis(const infra::Config& config,
                                                                       const std::string& catalogue) {
    kpi::TenantTimes times;
    for (const auto& [tenant, settings] : config.tenants) {
        times.of[tenant] = {.zone = settings.time_zone,
                            .first_day_of_week = static_cast<int>(settings.first_day_of_week)};
    }
    if (catalogue.empty()) return kpi::Kpis::make(kpi::built_in_catalogue(), times);
    auto kpis = kpi::Kpis::make(catalogue, times);
    if (!kpis) return std::unexpected(config.kpi_catalogue->string() + ": " + kpis.error());
    return kpis;
}

// Whether the views lag too far. It is asked for every group of commands, and looks every few milliseconds.
class ViewsLag {
public:
    ViewsLag(consumers::Projector& projector, std::uint64_t most) : projector_(projector), most_(most) {}
    bool operator()() {
        const auto now = std::chrono::steady_clock::now();
        if (now - looked_ >= std::chrono::milliseconds(3)) {
            looked_ = now;
            too_far_ = projector_.behind() > most_;
        }
        return too_far_;
    }

private:
    consumers::Projector& projector_;
    std::uint64_t most_;
    std::chrono::steady_clock::time_point looked_;
    bool too_far_ = false;
};

// A connection is an open file. As many as the system allows, less what the databases may hold open (infra/rocksdb),
// and no more than the server's own bound.
std::size_t room_for_connections(std::size_t bound) {
    constexpr std::size_t of_databases = 3'000;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return bound;
    if (files.rlim_cur < files.rlim_max) {
        const rlimit raised{.rlim_cur = files.rlim_max, .rlim_max = files.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) files = raised;
    }
    const std::size_t all = files.rlim_cur;
    return std::min(bound, all > 2 * of_databases ? all - of_databases : all / 2);
}

// A name in the directory that the settings say, and never another place.
auto backups_of(const infra::Config& config, infra::EmbeddedLog& log) {
    // Without the slash that a data directory may end with.
    const std::filesystem::path data = std::filesystem::absolute(config.data / "").lexically_normal().parent_path();
    const std::filesystem::path root = config.backups.value_or(data.string() + "-backups");
    const auto one_at_a_time = std::make_shared<std::mutex>();
    return [root, &log, one_at_a_time](const std::string& name) -> std::expected<BackupMade, std::string> {
        const std::unique_lock alone(*one_at_a_time, std::try_to_lock);
        if (!alone) return std::unexpected("another backup is under way; wait until it is there, then ask again");
        const std::filesystem::path directory = std::filesystem::absolute(root / name);
        const auto made = log.back_up(directory);
        if (!made) return std::unexpected(made.error());
        return BackupMade{.directory = directory.string(), .blocks = made->blocks, .records = made->records};
    };
}

}  // namespace

std::expected<OpenedViews, std::string> open_views(const infra::Config& config, consumers::Log& log, Settings settings,
                                                   Follow follow) {
    OpenedViews views;
    const auto catalogue = read_catalogue(config);
    if (!catalogue) return std::unexpected(catalogue.error());
    auto kpis = make_kpis(config, *catalogue);
    if (!kpis) return std::unexpected(kpis.error());
    views.kpis = std::move(*kpis);
    auto projections = projections::all(views.kpis);
    auto rows =
        infra::RocksKv::open(config.data / "views", consumers::Projector::tables(projections),
                             {.block_cache_bytes = config.views_cache_bytes,
                              .write_buffer_bytes = config.views_buffer_bytes,
                              .drop_other_tables = true});  // what a former version has left: views can be made again
    if (!rows) return std::unexpected(rows.error());
    views.rows = std::move(*rows);
    if (auto kept = keep_view_settings(config.data / "views", config, *catalogue, settings); !kept)
        return std::unexpected(kept.error());
    views.projector = std::make_unique<consumers::Projector>(
        log, *views.rows, std::move(projections),
        // Views may lag behind a burst; commands and queries should not wait for them.
        consumers::ProjectorOptions{.cache_bytes = config.view_cache_bytes, .clock = wall_clock, .on_thread = [] {
                                        infra::step_back("views");
                                    }});
    if (follow == Follow::no) return views;
    if (auto started = views.projector->start(); !started) return std::unexpected(started.error());
    return views;
}

std::expected<std::unique_ptr<Runtime>, std::string> Runtime::start(const infra::Config& config,
                                                                    const StartOptions& options) {
    std::unique_ptr<Runtime> runtime(new Runtime);
    auto store = open_store(config, Derived::catch_up, options.absent, options.stop);
    if (!store) return std::unexpected(store.error());
    runtime->store_ = std::move(*store);

    auto views = open_views(config, *runtime->store_.log, options.settings, Follow::yes);
    if (!views) return std::unexpected(views.error());
    runtime->views_ = std::move(*views);

    runtime->commands_ = std::make_unique<consumers::CommandProcessor>(
        *runtime->store_.log, *runtime->store_.derived, runtime->store_.digest_key, wall_clock,
        consumers::ProcessorOptions{.queue_commands = config.queue_commands,
                                    .queue_bytes = config.queue_bytes,
                                    .group_records = config.group_records,
                                    .cache_bytes = config.aggregate_cache_bytes,
                                    .compress = config.compress_blocks,
                                    .hold_back = ViewsLag(*runtime->views_.projector, config.views_max_behind)});
    if (auto started = runtime->commands_->start(); !started) return std::unexpected(started.error());

    runtime->http_ =
        std::make_unique<HttpServer>(Services{.log = *runtime->store_.log,
                                              .derived = *runtime->store_.derived,
                                              .commands = *runtime->commands_,
                                              .history = *runtime->store_.history,
                                              .projector = *runtime->views_.projector,
                                              .clock = wall_clock,
                                              .kpis = *runtime->views_.kpis,
                                              .back_up = backups_of(config, *runtime->store_.log)},
                                     HttpOptions{.address = config.http_address,
                                                 .port = config.http_port,
                                                 .threads = config.http_threads,
                                                 .query_threads = config.http_query_threads,
                                                 .connections = room_for_connections(HttpOptions{}.connections)});
    auto port = runtime->http_->start();
    if (!port) return std::unexpected(port.error());
    runtime->port_ = *port;
    return runtime;
}

Runtime::~Runtime() {
    stop();
}

// From the outside in: no new requests, then no undecided command, then no unwritten row.
void Runtime::stop() {
    if (http_) http_->stop();
    if (commands_) commands_->drain();
    if (views_.projector) views_.projector->stop();
    if (store_.derived) store_.derived->stop();
    http_.reset();
    commands_.reset();
    views_ = {};
    store_ = {};
}

}  // namespace tidemark::api
