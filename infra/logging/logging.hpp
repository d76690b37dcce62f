// How log lines leave the process: one line each, to stderr, as text or as a JSON object. Everybody logs
// through spdlog's default logger; consumers/log_fields.hpp gives a message named values.
#pragma once

#include "consumers/log_fields.hpp"
#include "infra/config/config.hpp"

#include <memory>
#include <string_view>

namespace spdlog {
class formatter;
}

namespace tidemark::infra {

// Once, at the start of the process. `level` as Config::log_level.
void set_up_logging(std::string_view level, LogFormat format);

// What set_up_logging installs; for tests and for further sinks.
[[nodiscard]] std::unique_ptr<spdlog::formatter> log_formatter(LogFormat format);

}  // namespace tidemark::infra
