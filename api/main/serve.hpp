// `tidemark serve`: runs until SIGTERM or SIGINT.
#pragma once

#include "api/cli/command_line.hpp"

namespace tidemark::api {

[[nodiscard]] ExitCode serve(const ServeArguments& arguments);

// Every setting with its default, its variable and its meaning, for `tidemark serve --help`.
[[nodiscard]] std::string settings_help();

}  // namespace tidemark::api
