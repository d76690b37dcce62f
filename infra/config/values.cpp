#include "infra/config/values.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <limits>

namespace tidemark::infra {

namespace {

constexpr std::array<std::string_view, 7> weekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                      "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 7> levels = {"trace", "debug", "info", "warn", "error", "critical", "off"};
constexpr std::array<std::pair<std::string_view, std::size_t>, 4> units = {
    {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"", 1}}};

template <class Number>
Parsed<Number> parse_number(std::string_view text, Number least, Number most) {
    Number number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || end != text.data() + text.size() || number < least || number > most) {
        return std::unexpected("takes a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
                               ", not \"" + std::string(text) + "\"");
    }
    return number;
}

template <std::size_t Count>
std::string list(const std::array<std::string_view, Count>& words) {
    std::string all;
    for (const std::string_view word : words) {
        all += (all.empty() ? "" : ", ") + std::string(word);
    }
    return all;
}

}  // namespace

Parsed<std::uint32_t> parse_partitions(std::string_view text) {
    return parse_number<std::uint32_t>(text, 1, 4096);
}
Parsed<std::uint32_t> parse_threads(std::string_view text) {
    return parse_number<std::uint32_t>(text, 0, 256);
}
Parsed<std::uint32_t> parse_query_threads(std::string_view text) {
    return parse_number<std::uint32_t>(text, 1, 256);
}
Parsed<std::uint16_t> parse_port(std::string_view text) {
    return parse_number<std::uint16_t>(text, 0, 65535);
}
Parsed<std::size_t> parse_count(std::string_view text) {
    return parse_number<std::size_t>(text, 1, 1'000'000'000);
}

Parsed<std::size_t> parse_bytes(std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    std::string_view unit = text.substr(digits);
    unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
    const auto known = std::ranges::find(units, unit, &std::pair<std::string_view, std::size_t>::first);
    const auto number =
        parse_number<std::size_t>(text.substr(0, digits), 0, std::numeric_limits<std::size_t>::max() >> 30);
    if (known == units.end() || !number) {
        return std::unexpected("takes a size as 4096, 64KiB, 256MiB or 2GiB, not \"" + std::string(text) + "\"");
    }
    return *number * known->second;
}

Parsed<bool> parse_flag(std::string_view text) {
    if (text != "true" && text != "false") {
        return std::unexpected("takes true or false, not \"" + std::string(text) + "\"");
    }
    return text == "true";
}

Parsed<std::string> parse_loopback(std::string_view text) {
    std::string address(text == "localhost" ? "127.0.0.1" : text);
    in_addr four{};
    in6_addr six{};
    const bool loopback = (::inet_pton(AF_INET, address.c_str(), &four) == 1 && (ntohl(four.s_addr) >> 24) == 127) ||
                          (::inet_pton(AF_INET6, address.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six));
    if (!loopback) {
        return std::unexpected("takes a loopback address as 127.0.0.1 or ::1, not \"" + std::string(text) +
                               "\": there is no authentication yet, so nobody else may reach the server");
    }
    return address;
}

Parsed<std::string> parse_level(std::string_view text) {
    if (std::ranges::find(levels, text) == levels.end()) {
        return std::unexpected("takes one of " + list(levels) + ", not \"" + std::string(text) + "\"");
    }
    return std::string(text);
}

Parsed<LogFormat> parse_log_format(std::string_view text) {
    if (text != "text" && text != "json") {
        return std::unexpected("takes text or json, not \"" + std::string(text) + "\"");
    }
    return text == "json" ? LogFormat::json : LogFormat::text;
}

Parsed<std::filesystem::path> parse_path(std::string_view text) {
    if (text.empty()) {
        return std::unexpected("takes a path");
    }
    return std::filesystem::path(text);
}

Parsed<std::optional<std::filesystem::path>> parse_optional_path(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional<std::filesystem::path>(text);
}

Parsed<std::string> parse_time_zone(std::string_view text) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    const bool plain =
        !text.empty() && text.front() != '/' && text.find_first_not_of(letters) == std::string_view::npos;
    std::error_code failed;
    const bool known = text == "UTC" || (plain && std::filesystem::is_regular_file(
                                                      std::filesystem::path("/usr/share/zoneinfo") / text, failed));
    if (!known) {
        return std::unexpected("takes the IANA name of a time zone as Asia/Shanghai, and this machine knows no \"" +
                               std::string(text) + "\"");
    }
    return std::string(text);
}

Parsed<Weekday> parse_weekday(std::string_view text) {
    const auto day = std::ranges::find(weekdays, text);
    if (day == weekdays.end()) {
        return std::unexpected("takes one of " + list(weekdays) + ", not \"" + std::string(text) + "\"");
    }
    return static_cast<Weekday>(1 + (day - weekdays.begin()));
}

std::string show_bytes(const std::size_t& bytes) {
    const auto unit =
        std::ranges::find_if(units, [bytes](const auto& each) { return bytes > 0 && bytes % each.second == 0; });
    return unit == units.end() ? "0" : std::to_string(bytes / unit->second) + std::string(unit->first);
}
std::string show_flag(const bool& flag) {
    return flag ? "true" : "false";
}
std::string show_text(const std::string& text) {
    return text;
}
std::string show_path(const std::filesystem::path& path) {
    return path.string();
}
std::string show_optional_path(const std::optional<std::filesystem::path>& path) {
    return path ? path->string() : "";
}
std::string show_log_format(const LogFormat& format) {
    return format == LogFormat::json ? "json" : "text";
}

}  // namespace tidemark::infra
