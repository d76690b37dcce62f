// What a mapping says about values: templates over the columns of a row ("{account|slug}"), filters,
// value maps, look-ups in other files, conditions. Compiled once, evaluated for every row. One thread.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidemark::api {

// Why a row cannot become commands: at which column (empty: none in particular) and what is wrong, for people.
struct Fault {
    std::string column;
    std::string why;
};

struct ValueMap {
    enum class Otherwise { keep, reject, empty };
    std::string name;
    std::unordered_map<std::string, std::string> values;
    Otherwise otherwise = Otherwise::reject;
    bool mends = false;  // what it changes was wrong: counted and told
};

// Another file, held in memory by its key column.
struct LookupTable {
    std::string name;
    std::string file;
    std::string key;
    std::vector<std::string> columns;
    std::unordered_map<std::string, std::vector<std::string>> rows;
};

struct Tables {
    std::map<std::string, ValueMap, std::less<>> maps;
    std::map<std::string, LookupTable, std::less<>> lookups;
    std::map<std::string, std::vector<std::string>, std::less<>> dates;  // name -> strptime formats, tried in order
};

// Names that a file's templates mention, each with a slot: columns and derived values.
class Names {
public:
    std::size_t slot(std::string_view name);
    [[nodiscard]] const std::vector<std::string>& all() const { return names_; }

private:
    std::vector<std::string> names_;
};

// One row while it is looked at.
struct Scope {
    std::vector<std::string> values;  // by slot
    const std::vector<std::string>* names = nullptr;
    const std::set<std::size_t>* personal = nullptr;  // slots whose values belong to persons; none: no slot
    bool of_person = false;                           // the value that filters are at work on is one of those
    std::set<std::string> mended;                     // "product_names: GTXPro -> GTX Pro"
};

using Filter = std::function<std::expected<std::string, std::string>(std::string, Scope&)>;

// Text with {name|filter|filter:argument} in it; {{ stands for a brace.
class Template {
public:
    // An error says what is wrong with the text.
    [[nodiscard]] static std::expected<Template, std::string> compile(std::string_view text, const Tables& tables,
                                                                      Names& names);
    [[nodiscard]] std::expected<std::string, Fault> eval(Scope& scope) const;
    [[nodiscard]] std::vector<std::size_t> slots() const;

private:
    struct Part {
        std::string literal;
        std::optional<std::size_t> slot;
        std::vector<Filter> filters;
    };
    std::vector<Part> parts_;
};

// A template, or a choice among several values: the first that is not empty, the least or the greatest.
struct Value {
    enum class Choice { only, first, least, greatest };
    Choice choice = Choice::only;
    std::vector<Template> templates;
    [[nodiscard]] std::expected<std::string, Fault> eval(Scope& scope) const;
    [[nodiscard]] std::vector<std::size_t> slots() const;
};

// The column to name when the value is at fault: one that belongs to a person before others, so that the value is not
// shown; empty: there is none.
[[nodiscard]] std::string column_behind(const Value& value, const std::vector<std::string>& names,
                                        const std::set<std::size_t>* personal);

// All of its tests hold. None: always.
struct Condition {
    struct Test {
        std::size_t slot = 0;
        std::optional<std::vector<std::string>> one_of;
        std::optional<std::vector<std::string>> none_of;
        std::optional<bool> empty;
        std::optional<std::regex> matches;  // the whole value
    };
    // std::regex descends a step for every character: a long value, or a deep pattern, would exhaust the stack.
    static constexpr std::size_t most_matched_bytes = 1'000;
    static constexpr std::size_t most_pattern_bytes = 500;

    std::vector<Test> tests;
    // A value that is too long to be matched is a fault.
    [[nodiscard]] std::expected<bool, Fault> holds(const Scope& scope) const;
};

// Lower-case letters, digits and hyphens: "Côte d'Ivoire" -> "cote-d-ivoire". Letters that have no Latin
// form leave eight digits of the text's digest behind, so that two names do not become one.
[[nodiscard]] std::string slug(std::string_view text);

// A date in one of the formats as ISO 8601; nothing when it is in none, or no such day.
[[nodiscard]] std::optional<std::string> read_date(std::string_view text, const std::vector<std::string>& formats);

}  // namespace tidemark::api
