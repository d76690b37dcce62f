#include "api/main/opened_store.hpp"

#include "api/cli/progress.hpp"
#include "infra/crypto/key_file.hpp"

#include <chrono>
#include <cstdlib>

namespace tidemark::api {

namespace {

bool has_records(consumers::Log& log) {
    for (events::Partition p = 0; p < log.identity().partitions; ++p) {
        if (log.end(p).tip.next_sequence > 0) return true;
    }
    return false;
}

// Another key would make every repeated command look like one with another body: a log keeps the key it began with.
std::expected<std::string, std::string> digest_key(const std::filesystem::path& data, consumers::Log& log) {
    const auto file = data / "keys" / "digest.key";
    if (std::filesystem::exists(file)) return infra::read_key(file);
    if (has_records(log)) {
        return std::unexpected(file.string() +
                               " is missing, and the log was written with it: put it back from a backup");
    }
    return infra::read_or_make_key(file);
}

struct StopAsked {};

}  // namespace

std::expected<OpenedStore, std::string> open_store(const infra::Config& config, Derived derived, Absent absent,
                                                   const std::stop_token& stop) {
    OpenedStore store;
    // A mark without a log is damage, which the log itself tells.
    if (absent == Absent::refuse && !std::filesystem::exists(config.data / "log") &&
        !std::filesystem::exists(config.data / "mark")) {
        return std::unexpected(config.data.string() + " is no data directory: there is no log in it");
    }
    auto log = infra::EmbeddedLog::open({.data = config.data,
                                         .partitions = config.partitions,
                                         .tail_bytes = config.tail_bytes,
                                         .accept_missing_mark = config.accept_missing_mark});
    if (!log) return std::unexpected(log.error());
    store.log = std::move(*log);
    auto key = digest_key(config.data, *store.log);
    if (!key) return std::unexpected(key.error());
    store.digest_key = std::move(*key);

    const std::vector<std::string> tables(std::begin(consumers::DerivedTable::names),
                                          std::end(consumers::DerivedTable::names));
    auto rows = infra::RocksKv::open(
        config.data / "derived", tables,
        {.block_cache_bytes = config.derived_cache_bytes,
         .write_buffer_bytes = config.derived_buffer_bytes,
         .ingest_rows = std::clamp<std::size_t>(config.derived_run_rows / 8, 1, 4096),  // of runs that are small too
         .filters_in_memory = true});  // every command asks whether its id is there, and nearly none is
    if (!rows) return std::unexpected(rows.error());
    store.derived_rows = std::move(*rows);
    if (derived == Derived::leave) return store;

    store.derived = std::make_unique<consumers::DerivedStores>(
        *store.log, *store.derived_rows, consumers::DerivedOptions{.run_entries = config.derived_run_rows});
    ProgressBar bar("catching up", "records");
    try {
        auto caught_up = store.derived->catch_up([&](consumers::Progress at) {
            if (stop.stop_requested()) throw StopAsked{};
            bar.show(at.done, at.total, at.done);
        });
        if (!caught_up) return std::unexpected(caught_up.error());
    } catch (const StopAsked&) {
        return std::unexpected("stopped while catching up");
    }
    store.derived->start();
    store.history = std::make_unique<consumers::History>(*store.log, *store.derived);
    return store;
}

std::expected<infra::Config, std::string> read_config(
    const std::filesystem::path& file, const std::vector<std::pair<std::string, std::string>>& settings) {
    infra::Config config;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables, and no other thread runs yet
    const auto environment = [](const char* name) { return std::getenv(name); };
    const char* named = environment("TIDEMARK_CONFIG");
    const std::filesystem::path path = file.empty() && named != nullptr ? named : file;
    if (!path.empty()) {
        if (auto applied = infra::apply_file(config, path); !applied) return std::unexpected(applied.error());
    }
    if (auto applied = infra::apply_environment(config, environment); !applied) {
        return std::unexpected(applied.error());
    }
    for (const auto& [key, value] : settings) {
        if (auto applied = infra::set_option(config, key, value); !applied) return std::unexpected(applied.error());
    }
    return config;
}

events::Micros wall_clock() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace tidemark::api
