// The settings that views hang on (the tenants' time zones and weeks, the catalogue of KPIs), kept beside the views:
// what is folded by one set of them says something else by another.
#pragma once

#include "infra/config/config.hpp"

#include <expected>
#include <filesystem>
#include <string>

namespace tidemark::api {

enum class Settings : std::uint8_t {
    decide,   // these hold from now on: what they change is made again
    confirm,  // refused if the views were made with others
};

// `catalogue`: the text of the one that is used instead of the built-in; empty: none. The directory is there.
[[nodiscard]] std::expected<void, std::string> keep_view_settings(const std::filesystem::path& views,
                                                                  const infra::Config& config,
                                                                  std::string_view catalogue, Settings how);

}  // namespace tidemark::api
