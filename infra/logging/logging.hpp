// How log lines leave the process: one line each, to stderr, as text or as a JSON object. Everybody logs
// through spdlog's default logger. No personal data: ids, counts, places and reasons only.
#pragma once

#include "infra/config/config.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spdlog {
class formatter;
}

namespace tidemark::infra {

// Once, at the start of the process. `level` as Config::log_level.
void set_up_logging(std::string_view level, LogFormat format);

using LogField = std::pair<std::string_view, std::string>;

// A message with named values: text shows them as key=value behind the message, JSON as members of the object.
//   spdlog::info("{}", with_fields("caught up", {{"partition", "3"}, {"records", "1200"}}));
[[nodiscard]] std::string with_fields(std::string_view message, const std::vector<LogField>& fields);

// What set_up_logging installs; for tests and for further sinks.
[[nodiscard]] std::unique_ptr<spdlog::formatter> log_formatter(LogFormat format);

}  // namespace tidemark::infra
