// What an operator may set: one YAML file, overridden by the environment, overridden by flags (api/cli).
// Every option is one line of the table in config.cpp, with its key, its variable and its meaning.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::infra {

enum class Weekday : std::uint8_t { monday = 1, tuesday, wednesday, thursday, friday, saturday, sunday };
enum class LogFormat : std::uint8_t { text, json };

struct TenantConfig {
    std::string time_zone = "UTC";  // IANA name: where this tenant's days, weeks and months begin and end
    Weekday first_day_of_week = Weekday::monday;
    bool operator==(const TenantConfig&) const = default;
};

// The values are those of a start without any setting.
struct Config {
    std::filesystem::path data = "data";
    std::optional<std::filesystem::path> backups;  // none: DATA-backups, beside the data directory
    std::uint32_t partitions = 16;
    bool accept_missing_mark = false;

    std::string http_address = "127.0.0.1";
    std::uint16_t http_port = 8080;
    std::uint32_t http_threads = 0;        // that serve connections; 0: as many as there are cores
    std::uint32_t http_query_threads = 2;  // for what blocks: views, history

    std::size_t queue_commands = 100'000;
    std::size_t queue_bytes = 256u << 20;
    std::size_t group_records = 2'000;
    bool compress_blocks = true;

    std::size_t aggregate_cache_bytes = 128u << 20;
    std::size_t view_cache_bytes = 192u << 20;
    std::size_t tail_bytes = 64u << 20;
    std::size_t derived_cache_bytes = 64u << 20;
    std::size_t derived_buffer_bytes = 64u << 20;
    std::size_t derived_run_rows = 800'000;  // gathered in memory before they are written
    std::size_t views_cache_bytes = 64u << 20;
    std::size_t views_buffer_bytes = 64u << 20;
    std::size_t views_max_behind = 1'000'000;  // records; beyond it commands wait for the views

    std::string log_level = "info";
    LogFormat log_format = LogFormat::text;

    std::optional<std::filesystem::path> kpi_catalogue;  // none: the one that is built in
    std::map<std::string, TenantConfig> tenants;         // one that is not named has the defaults
};

struct ConfigOption {
    std::string_view key;          // in the file: "http.port" is `port` under `http`
    std::string_view environment;  // "TIDEMARK_HTTP_PORT"
    std::string_view meaning;      // one line for --help; with unit
    std::function<std::expected<void, std::string>(Config&, std::string_view value)> set;
    std::function<std::string(const Config&)> show;  // of the default Config: what holds when nothing is set
};

// All options but tenants, in the order in which to explain them.
[[nodiscard]] std::span<const ConfigOption> config_options();

// Sets one option by its key, as a flag does. The error names the key and what it takes.
[[nodiscard]] std::expected<void, std::string> set_option(Config& config, std::string_view key, std::string_view value);

// Unknown keys, twice-given keys and wrong values are refused with file, line and, if one is near, the key that was
// meant.
[[nodiscard]] std::expected<void, std::string> apply_file(Config& config, const std::filesystem::path& file);
[[nodiscard]] std::expected<void, std::string> apply_yaml(Config& config, const std::string& text,
                                                          std::string_view name_of_file);

// `get` is as std::getenv: null where a variable is not set. TIDEMARK_LISTEN=ADDRESS:PORT sets both.
[[nodiscard]] std::expected<void, std::string> apply_environment(Config& config,
                                                                 const std::function<const char*(const char*)>& get);

}  // namespace tidemark::infra
