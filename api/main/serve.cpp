#include "api/main/serve.hpp"

#include "api/cli/commands.hpp"
#include "api/main/end_signals.hpp"
#include "api/main/runtime.hpp"
#include "infra/logging/logging.hpp"

#include <spdlog/spdlog.h>

#include <fmt/core.h>

namespace tidemark::api {

namespace {

// --listen ADDRESS:PORT is two settings; the last colon divides them, for IPv6.
std::expected<std::vector<std::pair<std::string, std::string>>, std::string> split_listen(
    const std::vector<std::pair<std::string, std::string>>& given) {
    std::vector<std::pair<std::string, std::string>> settings;
    for (const auto& [key, value] : given) {
        if (key != "listen") {
            settings.emplace_back(key, value);
            continue;
        }
        const auto colon = value.rfind(':');
        if (colon == std::string::npos)
            return std::unexpected("--listen " + value + ": takes ADDRESS:PORT, as 127.0.0.1:8080");
        std::string address = value.substr(0, colon);
        if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
        settings.emplace_back("http.address", address);
        settings.emplace_back("http.port", value.substr(colon + 1));
    }
    return settings;
}

void tell(const infra::Config& config, Runtime& runtime) {
    const std::string host =
        config.http_address.find(':') == std::string::npos ? config.http_address : "[" + config.http_address + "]";
    const std::string url = fmt::format("http://{}:{}", host, runtime.port());
    fmt::print(
        "Tidemark listens on {}, data in {}, log {} with {} partitions.\n"
        "There is no authentication yet: it takes connections from this machine only.\n"
        "To try next:\n"
        "  tidemark simulate --server {} --days 30\n"
        "  tidemark kpi --server {}\n"
        "  curl -s {}/openapi.json\n",
        url, config.data.string(), runtime.log().identity().id.text(), runtime.log().identity().partitions, url, url,
        url);
    std::fflush(stdout);
}

}  // namespace

ExitCode serve(const ServeArguments& arguments) {
    const auto settings = split_listen(arguments.settings);
    if (!settings) return complain(settings.error(), ExitCode::usage);
    const auto config = read_config(arguments.config, *settings);
    if (!config) return complain(config.error(), ExitCode::usage);
    infra::set_up_logging(config->log_level, config->log_format);

    const EndSignals signals;
    auto runtime =
        Runtime::start(*config, {.absent = Absent::make, .settings = Settings::decide, .stop = signals.asked()});
    if (signals.asked().stop_requested()) {
        spdlog::info("signal {} while starting: nothing was taken, ending", signals.wait());
        return ExitCode::ok;
    }
    if (!runtime) return complain(runtime.error());
    tell(*config, **runtime);

    spdlog::info("signal {}: answering what was taken, then ending", signals.wait());
    (*runtime)->stop();
    spdlog::info("ended");
    return ExitCode::ok;
}

std::string settings_help() {
    std::string text = "\nSettings (--set KEY=VALUE, the environment, or the file):\n";
    const infra::Config defaults;
    for (const infra::ConfigOption& option : infra::config_options()) {
        text += fmt::format("  {:<22} {:<32} {} [{}]\n", option.key, option.environment, option.meaning,
                            option.show(defaults));
    }
    return text;
}

}  // namespace tidemark::api
