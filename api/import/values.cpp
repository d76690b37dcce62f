#include "api/import/values.hpp"

#include "events/digest.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace tidemark::api {

namespace {

// Blanks, line ends and the blank that does not break (U+00A0, whose bytes are parts of other letters too).
std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    constexpr std::string_view no_break = "\xC2\xA0";
    for (;;) {
        if (text.starts_with(no_break)) {
            text.remove_prefix(no_break.size());
        } else if (text.ends_with(no_break)) {
            text.remove_suffix(no_break.size());
        } else if (!text.empty() && blanks.find(text.front()) != std::string_view::npos) {
            text.remove_prefix(1);
        } else if (!text.empty() && blanks.find(text.back()) != std::string_view::npos) {
            text.remove_suffix(1);
        } else {
            return std::string(text);
        }
    }
}

std::string lower_case(std::string_view text) {
    std::string lower;
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    auto left = static_cast<utf8proc_ssize_t>(text.size());
    while (left > 0) {
        utf8proc_int32_t code_point = 0;
        const utf8proc_ssize_t taken = utf8proc_iterate(at, left, &code_point);
        if (taken <= 0) return std::string(text);  // the reader lets nothing through that is not UTF-8
        std::array<utf8proc_uint8_t, 4> encoded{};
        const auto bytes = utf8proc_encode_char(utf8proc_tolower(code_point), encoded.data());
        lower.append(reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(bytes));
        at += taken;
        left -= taken;
    }
    return lower;
}

std::expected<std::string, std::string> apply_map(const ValueMap& map, std::string value, Scope& scope) {
    const auto found = map.values.find(value);
    if (found == map.values.end()) {
        switch (map.otherwise) {
            case ValueMap::Otherwise::keep: return value;
            case ValueMap::Otherwise::empty: return std::string();
            case ValueMap::Otherwise::reject:
                return std::unexpected("'" + value + "' is not in the value map " + map.name);
        }
    }
    if (map.mends && found->second != value) {
        scope.mended.insert(map.name + ": " +
                            (scope.of_person ? "values that are not shown: they belong to persons"
                                             : "'" + value + "' -> '" + found->second + "'"));
    }
    return found->second;
}

Filter map_filter(const ValueMap& map) {
    return [&map](std::string value, Scope& scope) { return apply_map(map, std::move(value), scope); };
}

// An empty value stays empty: whether that is allowed is for the field to say.
Filter date_filter(std::vector<std::string> formats) {
    return [formats = std::move(formats)](std::string value, Scope&) -> std::expected<std::string, std::string> {
        if (value.empty()) return value;
        if (auto date = read_date(value, formats)) return *date;
        return std::unexpected("'" + value + "' is not a date written as " + formats.front());
    };
}

Filter lookup_filter(const LookupTable& table, std::string column) {
    return [&table, column = std::move(column)](std::string value, Scope&) -> std::expected<std::string, std::string> {
        if (value.empty()) return value;
        const auto row = table.rows.find(value);
        if (row == table.rows.end()) return std::unexpected("'" + value + "' is not in " + table.file);
        const auto at = std::ranges::find(table.columns, column);
        if (at == table.columns.end()) return std::unexpected(table.file + " has no column '" + column + "'");
        return row->second[static_cast<std::size_t>(at - table.columns.begin())];
    };
}

// 1,234.50 and "1 234.50" without what groups the digits by threes. 1234,50 is refused: it is not 123450.
std::expected<std::string, std::string> plain_number(std::string value, Scope&) {
    static const std::regex number(R"([+-]?(\d+|\d{1,3}(,\d{3})+|\d{1,3}( \d{3})+)(\.\d+)?)");
    value = trimmed(value);
    if (value.empty()) return value;
    if (value.size() > Condition::most_matched_bytes) return std::unexpected("is too long for a number");
    if (!std::regex_match(value, number)) {
        return std::unexpected("'" + value + "' is not a number written as 1,234.50 or 1234.50");
    }
    std::erase_if(value, [](char c) { return c == ',' || c == ' '; });
    return value;
}

std::expected<Filter, std::string> make_filter(std::string_view text, const Tables& tables) {
    const auto colon = text.find(':');
    const std::string name(text.substr(0, colon));
    const std::string argument(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
    using Result = std::expected<std::string, std::string>;
    if (name == "slug") return [](const std::string& value, Scope&) -> Result { return slug(value); };
    if (name == "trim") return [](const std::string& value, Scope&) -> Result { return trimmed(value); };
    if (name == "lower") return [](const std::string& value, Scope&) -> Result { return lower_case(value); };
    if (name == "number") return plain_number;
    if (name == "default") {
        return [argument](std::string value, Scope&) -> Result { return value.empty() ? argument : value; };
    }
    if (name == "map") {
        const auto map = tables.maps.find(argument);
        if (map == tables.maps.end()) return std::unexpected("there is no value map '" + argument + "' under maps");
        return map_filter(map->second);
    }
    if (name == "date") {
        if (argument.find('%') != std::string::npos) return date_filter({argument});
        const auto formats = tables.dates.find(argument);
        if (formats == tables.dates.end())
            return std::unexpected("there is no date format '" + argument + "' under dates");
        return date_filter(formats->second);
    }
    if (name == "lookup") {
        const auto dot = argument.find('.');
        const auto table = tables.lookups.find(argument.substr(0, dot));
        if (dot == std::string::npos || table == tables.lookups.end()) {
            return std::unexpected("lookup:" + argument + " must be lookup:NAME.COLUMN with NAME under lookups");
        }
        return lookup_filter(table->second, argument.substr(dot + 1));
    }
    return std::unexpected("there is no filter '" + name +
                           "'; there are slug, trim, lower, number, default, map, date, lookup");
}

}  // namespace

std::string slug(std::string_view text) {
    utf8proc_uint8_t* decomposed = nullptr;
    const utf8proc_ssize_t bytes = utf8proc_map(
        reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()), &decomposed,
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(decomposed, &std::free);
    std::string made;
    bool lost = bytes < 0;
    for (utf8proc_ssize_t i = 0; i < bytes; ++i) {
        const auto c = static_cast<char>(decomposed[i]);
        lost = lost || decomposed[i] >= 0x80;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            made += c;
        } else if (!made.empty() && made.back() != '-') {
            made += '-';
        }
    }
    while (made.ends_with('-')) made.pop_back();
    if (made.size() > 55) {  // an id has 64 characters
        made.resize(55);
        lost = true;
    }
    if (lost) made += (made.empty() ? "" : "-") + events::hex(events::sha256(text)).substr(0, 8);
    return made;
}

std::optional<std::string> read_date(std::string_view text, const std::vector<std::string>& formats) {
    const std::string value(text);
    for (const std::string& format : formats) {
        std::tm parts{};
        const char* end = ::strptime(value.c_str(), format.c_str(), &parts);
        if (end != value.c_str() + value.size()) continue;                   // a NUL ends no value
        if (parts.tm_year < -1900 || parts.tm_year > 9999 - 1900) continue;  // %s reaches further than the calendar
        // strptime takes 31 February: the calendar does not.
        const std::chrono::year_month_day day{std::chrono::year{parts.tm_year + 1900},
                                              std::chrono::month{static_cast<unsigned>(parts.tm_mon + 1)},
                                              std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
        if (!day.ok()) continue;
        std::array<char, 16> iso{};
        const int length = std::snprintf(iso.data(), iso.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                                         static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
        return std::string(iso.data(), static_cast<std::size_t>(length));
    }
    return std::nullopt;
}

std::size_t Names::slot(std::string_view name) {
    const auto found = std::ranges::find(names_, name);
    if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
    names_.emplace_back(name);
    return names_.size() - 1;
}

std::expected<Template, std::string> Template::compile(std::string_view text, const Tables& tables, Names& names) {
    Template made;
    std::string literal;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '{' || text.substr(at).starts_with("{{")) {
            literal += text[at];
            if (text[at] == '{') ++at;
            continue;
        }
        const auto end = text.find('}', at);
        if (end == std::string_view::npos) return std::unexpected("'{' is not closed; write {{ for a brace");
        if (!literal.empty()) made.parts_.push_back({.literal = std::exchange(literal, {})});
        std::string_view inside = text.substr(at + 1, end - at - 1);
        Part part{.slot = names.slot(inside.substr(0, inside.find('|')))};
        while (inside.find('|') != std::string_view::npos) {
            inside.remove_prefix(inside.find('|') + 1);
            auto filter = make_filter(inside.substr(0, inside.find('|')), tables);
            if (!filter) return std::unexpected(filter.error());
            part.filters.push_back(std::move(*filter));
        }
        made.parts_.push_back(std::move(part));
        at = end;
    }
    if (!literal.empty()) made.parts_.push_back({.literal = std::move(literal)});
    return made;
}

std::expected<std::string, Fault> Template::eval(Scope& scope) const {
    std::string text;
    for (const Part& part : parts_) {
        if (!part.slot) {
            text += part.literal;
            continue;
        }
        std::string value = scope.values[*part.slot];
        scope.of_person = scope.personal != nullptr && scope.personal->contains(*part.slot);
        for (const Filter& filter : part.filters) {
            auto filtered = filter(std::move(value), scope);
            if (!filtered) return std::unexpected(Fault{(*scope.names)[*part.slot], filtered.error()});
            value = std::move(*filtered);
        }
        text += value;
    }
    return text;
}

std::vector<std::size_t> Template::slots() const {
    std::vector<std::size_t> found;
    for (const Part& part : parts_) {
        if (part.slot) found.push_back(*part.slot);
    }
    return found;
}

std::expected<std::string, Fault> Value::eval(Scope& scope) const {
    std::string chosen;
    for (const Template& one : templates) {
        auto value = one.eval(scope);
        if (!value || choice == Choice::only) return value;
        if (value->empty()) continue;
        if (choice == Choice::first) return value;
        const bool better = choice == Choice::least ? *value < chosen : *value > chosen;
        if (chosen.empty() || better) chosen = std::move(*value);
    }
    return chosen;
}

std::vector<std::size_t> Value::slots() const {
    std::vector<std::size_t> found;
    for (const Template& one : templates) {
        for (const std::size_t slot : one.slots()) found.push_back(slot);
    }
    return found;
}

std::string column_behind(const Value& value, const std::vector<std::string>& names,
                          const std::set<std::size_t>* personal) {
    const auto slots = value.slots();
    if (slots.empty()) return {};
    const auto of_person =
        std::ranges::find_if(slots, [&](std::size_t slot) { return personal != nullptr && personal->contains(slot); });
    return names[of_person == slots.end() ? slots.front() : *of_person];
}

std::expected<bool, Fault> Condition::holds(const Scope& scope) const {
    for (const Test& test : tests) {
        const std::string& value = scope.values[test.slot];
        if (test.one_of && std::ranges::find(*test.one_of, value) == test.one_of->end()) return false;
        if (test.none_of && std::ranges::find(*test.none_of, value) != test.none_of->end()) return false;
        if (test.empty && value.empty() != *test.empty) return false;
        if (!test.matches) continue;
        if (value.size() > most_matched_bytes) {
            return std::unexpected(Fault{
                scope.names->at(test.slot),
                "has more than " + std::to_string(most_matched_bytes) + " bytes, which is too long for `matches`"});
        }
        if (!std::regex_match(value, *test.matches)) return false;
    }
    return true;
}

}  // namespace tidemark::api
