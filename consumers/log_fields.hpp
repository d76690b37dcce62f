// A log line with named values behind its message: everybody logs through spdlog's default logger, and infra/logging
// shows them as key=value behind the message of a text line, or as members of a JSON one. No personal data: ids,
// counts, places and reasons only. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::consumers {

using LogField = std::pair<std::string_view, std::string>;

// Between the message and its fields, and between a field's name and its value: ASCII's own separators,
// which no message has (a control character is written escaped).
inline constexpr char log_field_mark = '\x1e';
inline constexpr char log_value_mark = '\x1f';

//   spdlog::info("{}", with_fields("caught up", {{"partition", "3"}, {"records", "1200"}}));
[[nodiscard]] inline std::string with_fields(std::string_view message, const std::vector<LogField>& fields) {
    std::string out(message);
    for (const auto& [name, value] : fields) {
        out += log_field_mark;
        out += name;
        out += log_value_mark;
        for (const char letter : value) {
            out += letter == log_field_mark || letter == log_value_mark ? '?' : letter;
        }
    }
    return out;
}

}  // namespace tidemark::consumers
