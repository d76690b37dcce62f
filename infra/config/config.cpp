#include "infra/config/config.hpp"

#include "infra/config/values.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>
#include <vector>

namespace tidemark::infra {

namespace {

using Result = std::expected<void, std::string>;

// One option that is a plain member of Config.
template <class Value>
ConfigOption option(std::string_view key, std::string_view environment, std::string_view meaning,
                    Value Config::* member, std::expected<Value, std::string> (*parse)(std::string_view),
                    std::string (*show)(const Value&)) {
    return {key, environment, meaning,
            [member, parse](Config& config, std::string_view text) -> Result {
                auto value = parse(text);
                if (!value) {
                    return std::unexpected(value.error());
                }
                config.*member = std::move(*value);
                return {};
            },
            [member, show](const Config& config) { return show(config.*member); }};
}

const std::vector<ConfigOption>& table() {
    static const std::vector<ConfigOption> options = {
        option("data", "TIDEMARK_DATA", "the data directory", &Config::data, parse_path, show_path),
        option("partitions", "TIDEMARK_PARTITIONS", "of the log, 1 to 4096; fixed when it is made", &Config::partitions,
               parse_partitions, show_number<std::uint32_t>),
        option("backups", "TIDEMARK_BACKUPS", "where backups go; none: DATA-backups, beside the data directory",
               &Config::backups, parse_optional_path, show_optional_path),
        option("accept_missing_mark", "TIDEMARK_ACCEPT_MISSING_MARK",
               "start once on a log whose mark is lost, and make a new one", &Config::accept_missing_mark, parse_flag,
               show_flag),
        option("http.address", "TIDEMARK_HTTP_ADDRESS",
               "where to listen; a loopback address, as there is no authentication yet", &Config::http_address,
               parse_loopback, show_text),
        option("http.port", "TIDEMARK_HTTP_PORT", "where to listen; 0: any free one", &Config::http_port, parse_port,
               show_number<std::uint16_t>),
        option("http.threads", "TIDEMARK_HTTP_THREADS", "that serve connections; 0: as many as there are cores",
               &Config::http_threads, parse_threads, show_number<std::uint32_t>),
        option("http.query_threads", "TIDEMARK_HTTP_QUERY_THREADS", "for what blocks: views, history; 1 to 256",
               &Config::http_query_threads, parse_query_threads, show_number<std::uint32_t>),
        option("queue.commands", "TIDEMARK_QUEUE_COMMANDS", "taken and not decided yet; beyond it: 503",
               &Config::queue_commands, parse_count, show_number<std::size_t>),
        option("queue.bytes", "TIDEMARK_QUEUE_BYTES", "of those commands; beyond it: 503", &Config::queue_bytes,
               parse_bytes, show_bytes),
        option("queue.group_records", "TIDEMARK_QUEUE_GROUP_RECORDS", "written at once, at most",
               &Config::group_records, parse_count, show_number<std::size_t>),
        option("log.compress", "TIDEMARK_LOG_COMPRESS", "blocks that gain from it (zstd)", &Config::compress_blocks,
               parse_flag, show_flag),
        option("cache.aggregates", "TIDEMARK_CACHE_AGGREGATES", "memory for aggregates that commands touch",
               &Config::aggregate_cache_bytes, parse_bytes, show_bytes),
        option("cache.rows", "TIDEMARK_CACHE_ROWS", "memory for rows of views that are being folded",
               &Config::view_cache_bytes, parse_bytes, show_bytes),
        option("cache.tail", "TIDEMARK_CACHE_TAIL", "memory for the newest blocks of the log", &Config::tail_bytes,
               parse_bytes, show_bytes),
        option("derived.cache", "TIDEMARK_DERIVED_CACHE", "read cache of the derived stores",
               &Config::derived_cache_bytes, parse_bytes, show_bytes),
        option("derived.buffer", "TIDEMARK_DERIVED_BUFFER", "write buffers of the derived stores",
               &Config::derived_buffer_bytes, parse_bytes, show_bytes),
        option("derived.run_rows", "TIDEMARK_DERIVED_RUN_ROWS",
               "rows of the derived stores gathered in memory before they are written", &Config::derived_run_rows,
               parse_count, show_number<std::size_t>),
        option("views.cache", "TIDEMARK_VIEWS_CACHE", "read cache of the views", &Config::views_cache_bytes,
               parse_bytes, show_bytes),
        option("views.buffer", "TIDEMARK_VIEWS_BUFFER", "write buffers of the views", &Config::views_buffer_bytes,
               parse_bytes, show_bytes),
        option("views.max_behind", "TIDEMARK_VIEWS_MAX_BEHIND",
               "records that the views may lag; beyond it commands wait for them", &Config::views_max_behind,
               parse_count, show_number<std::size_t>),
        option("logging.level", "TIDEMARK_LOGGING_LEVEL", "trace, debug, info, warn, error, critical or off",
               &Config::log_level, parse_level, show_text),
        option("logging.format", "TIDEMARK_LOGGING_FORMAT", "text, or json: one object per line", &Config::log_format,
               parse_log_format, show_log_format),
        option("kpis.catalogue", "TIDEMARK_KPIS_CATALOGUE", "a catalogue of KPIs instead of the one built in",
               &Config::kpi_catalogue, parse_optional_path, show_optional_path),
    };
    return options;
}

// Levenshtein's, in one row.
std::size_t distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= one.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= other.size(); ++j) {
            const std::size_t changed = diagonal + (one[i - 1] == other[j - 1] ? 0u : 1u);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
        }
    }
    return row.back();
}

std::string unknown(std::string_view key, const std::vector<std::string>& known) {
    std::string what = "unknown key \"" + std::string(key) + "\"";
    const auto nearest =
        std::ranges::min_element(known, {}, [key](const std::string& candidate) { return distance(key, candidate); });
    if (nearest != known.end() && distance(key, *nearest) <= std::max<std::size_t>(3, key.size() / 2)) {
        what += "; did you mean \"" + *nearest + "\"?";
    }
    return what;
}

const ConfigOption* find_option(std::string_view key) {
    const auto found = std::ranges::find(table(), key, &ConfigOption::key);
    return found == table().end() ? nullptr : &*found;
}

bool is_section(std::string_view key) {
    return std::ranges::any_of(
        table(), [key](const ConfigOption& each) { return each.key.starts_with(std::string(key) + "."); });
}

std::vector<std::string> known_keys() {
    std::vector<std::string> keys = {"tenants"};
    for (const ConfigOption& each : table()) {
        keys.emplace_back(each.key);
    }
    return keys;
}

// Reads one file; stops at the first mistake.
class FileReader {
public:
    FileReader(Config& config, std::string_view file) : config_(config), file_(file) {}

    Result read(const YAML::Node& root) {
        if (root.IsNull()) {
            return {};
        }
        return section(root, "");
    }

private:
    [[nodiscard]] Result mistake(const YAML::Node& at, const std::string& what) const {
        return std::unexpected(file_ + ":" + std::to_string(at.Mark().line + 1) + ": " + what);
    }

    Result section(const YAML::Node& node, const std::string& prefix) {
        if (!node.IsMap()) {
            return mistake(node, (prefix.empty() ? "the file" : "\"" + prefix + "\"") + " holds keys with values");
        }
        for (const auto& entry : node) {
            const std::string key = (prefix.empty() ? "" : prefix + ".") + entry.first.Scalar();
            if (!seen_.insert(key).second) {
                return mistake(entry.first, "\"" + key + "\" is given twice");
            }
            if (auto done = one(entry.first, key, entry.second); !done) {
                return done;
            }
        }
        return {};
    }

    Result one(const YAML::Node& at, const std::string& key, const YAML::Node& value) {
        if (key == "tenants") {
            return tenants(value);
        }
        if (is_section(key)) {
            return section(value, key);
        }
        const ConfigOption* known = find_option(key);
        if (!known) {
            return mistake(at, unknown(key, known_keys()));
        }
        if (!value.IsScalar()) {
            return mistake(at, "\"" + key + "\" takes one value");
        }
        if (auto set = known->set(config_, value.Scalar()); !set) {
            return mistake(value, "\"" + key + "\": " + set.error());
        }
        return {};
    }

    Result tenants(const YAML::Node& node) {
        if (!node.IsMap()) {
            return mistake(node, "\"tenants\" holds tenants with their settings");
        }
        for (const auto& entry : node) {
            const std::string& name = entry.first.Scalar();
            const auto [tenant, fresh] = config_.tenants.try_emplace(name);
            if (!fresh) {
                return mistake(entry.first, "the tenant \"" + name + "\" is given twice");
            }
            if (!entry.second.IsMap()) {
                return mistake(entry.first, "a tenant has settings: time_zone, first_day_of_week");
            }
            for (const auto& setting : entry.second) {
                if (auto done = tenant_setting(setting.first, setting.second, tenant->second); !done) {
                    return done;
                }
            }
        }
        return {};
    }

    Result tenant_setting(const YAML::Node& at, const YAML::Node& value, TenantConfig& tenant) {
        const std::string& key = at.Scalar();
        const auto take = [&](auto parsed, auto& into) -> Result {
            if (!parsed) {
                return mistake(value, "\"" + key + "\": " + parsed.error());
            }
            into = std::move(*parsed);
            return {};
        };
        if (key == "time_zone") {
            return take(parse_time_zone(value.Scalar()), tenant.time_zone);
        }
        if (key == "first_day_of_week") {
            return take(parse_weekday(value.Scalar()), tenant.first_day_of_week);
        }
        return mistake(at, unknown(key, {"time_zone", "first_day_of_week"}));
    }

    Config& config_;
    std::string file_;
    std::set<std::string> seen_;
};

}  // namespace

std::span<const ConfigOption> config_options() {
    return table();
}

Result set_option(Config& config, std::string_view key, std::string_view value) {
    const ConfigOption* known = find_option(key);
    if (!known) {
        return std::unexpected(unknown(key, known_keys()));
    }
    if (auto set = known->set(config, value); !set) {
        return std::unexpected("\"" + std::string(key) + "\": " + set.error());
    }
    return {};
}

Result apply_yaml(Config& config, const std::string& text, std::string_view name_of_file) {
    try {
        return FileReader(config, name_of_file).read(YAML::Load(text));
    } catch (const YAML::Exception& error) {
        return std::unexpected(std::string(name_of_file) + ":" + std::to_string(error.mark.line + 1) +
                               ": this is not YAML: " + error.msg);
    }
}

Result apply_file(Config& config, const std::filesystem::path& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        return std::unexpected("cannot read the configuration " + file.string());
    }
    return apply_yaml(config, text.str(), file.string());
}

Result apply_environment(Config& config, const std::function<const char*(const char*)>& get) {
    for (const ConfigOption& each : table()) {
        const std::string name(each.environment);
        if (const char* value = get(name.c_str())) {
            if (auto set = each.set(config, value); !set) {
                return std::unexpected(name + ": " + set.error());
            }
        }
    }
    if (const char* value = get("TIDEMARK_LISTEN")) {
        const std::string_view listen = value;
        const std::size_t colon = listen.rfind(':');
        if (colon == std::string_view::npos) {
            return std::unexpected("TIDEMARK_LISTEN: takes ADDRESS:PORT");
        }
        for (const auto& [key, part] :
             {std::pair("http.address", listen.substr(0, colon)), std::pair("http.port", listen.substr(colon + 1))}) {
            if (auto set = set_option(config, key, part); !set) {
                return std::unexpected("TIDEMARK_LISTEN: " + set.error());
            }
        }
    }
    return {};
}

}  // namespace tidemark::infra
