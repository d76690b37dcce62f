// How the values of options read and are shown. The error says what is taken, without the key.
#pragma once

#include "infra/config/config.hpp"

#include <concepts>

namespace tidemark::infra {

template <class Value>
using Parsed = std::expected<Value, std::string>;

[[nodiscard]] Parsed<std::uint32_t> parse_partitions(std::string_view text);     // 1 .. 4096
[[nodiscard]] Parsed<std::uint32_t> parse_threads(std::string_view text);        // 0 .. 256
[[nodiscard]] Parsed<std::uint32_t> parse_query_threads(std::string_view text);  // 1 .. 256
[[nodiscard]] Parsed<std::uint16_t> parse_port(std::string_view text);
[[nodiscard]] Parsed<std::size_t> parse_count(std::string_view text);  // 1 .. 10^9
[[nodiscard]] Parsed<std::size_t> parse_bytes(std::string_view text);  // "4096", "64KiB", "256 MiB", "2GiB"
[[nodiscard]] Parsed<bool> parse_flag(std::string_view text);          // true, false
[[nodiscard]] Parsed<std::string> parse_loopback(std::string_view text);
[[nodiscard]] Parsed<std::string> parse_level(std::string_view text);
[[nodiscard]] Parsed<LogFormat> parse_log_format(std::string_view text);
[[nodiscard]] Parsed<std::filesystem::path> parse_path(std::string_view text);
[[nodiscard]] Parsed<std::optional<std::filesystem::path>> parse_optional_path(std::string_view text);
[[nodiscard]] Parsed<std::string> parse_time_zone(std::string_view text);  // IANA, and known to this machine
[[nodiscard]] Parsed<Weekday> parse_weekday(std::string_view text);

template <std::unsigned_integral Number>
[[nodiscard]] std::string show_number(const Number& number) {
    return std::to_string(number);
}
[[nodiscard]] std::string show_bytes(const std::size_t& bytes);
[[nodiscard]] std::string show_flag(const bool& flag);
[[nodiscard]] std::string show_text(const std::string& text);
[[nodiscard]] std::string show_path(const std::filesystem::path& path);
[[nodiscard]] std::string show_optional_path(const std::optional<std::filesystem::path>& path);
[[nodiscard]] std::string show_log_format(const LogFormat& format);

}  // namespace tidemark::infra
