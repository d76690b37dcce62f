// What texts may look like: UTF-8, and the formats of events/v1/rules.proto. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tidemark::aggregates {

// The number of code points; nothing when it is not UTF-8.
[[nodiscard]] std::optional<std::size_t> count_chars(std::string_view text);

// Control characters other than tab and line ends have no place in a name or a note (and NUL ends keys).
[[nodiscard]] bool has_control_characters(std::string_view text);

// Nothing that can be seen: white space of any script (U+00A0, U+3000 ...) and format characters. The text is UTF-8.
[[nodiscard]] bool only_blanks(std::string_view text);

// One '@', something before it, a dotted host behind it, no blanks of any script. Whether it is reachable, only a mail
// can tell.
[[nodiscard]] bool looks_like_email(std::string_view text);

// E.164 or national: at least 3 digits, one + before them or none, blanks, ( ) - . /
[[nodiscard]] bool looks_like_phone(std::string_view text);

}  // namespace tidemark::aggregates
