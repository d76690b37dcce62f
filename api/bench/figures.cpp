#include "api/bench/figures.hpp"

#include "api/cli/progress.hpp"

#include <boost/json.hpp>

#include <fmt/core.h>

namespace tidemark::api {

namespace {

std::string text_of(const Figure& figure) {
    return figure.value < 100 ? fmt::format("{:.2f}", figure.value) : grouped(static_cast<std::uint64_t>(figure.value));
}

std::string milliseconds(double value) {
    return value > 0 ? fmt::format("{:.2f}", value) : std::string();
}

}  // namespace

void Figures::add(Figure figure) {
    const auto ratio_to_floor = ratio(figure);
    fmt::print(stderr, "  {}: {} {}{}\n", figure.name, text_of(figure), figure.unit,
               ratio_to_floor ? fmt::format(", {:.2f} of its floor", *ratio_to_floor) : "");
    all_.push_back(std::move(figure));
}

std::optional<double> Figures::ratio(const Figure& figure) const {
    if (figure.against.empty()) return std::nullopt;
    for (const Figure& floor : all_) {
        if (floor.name == figure.against && floor.value > 0) return figure.value / floor.value;
    }
    return std::nullopt;
}

void Figures::print() const {
    fmt::print("{:<58} {:>12} {:<9} {:>6} {:>8} {:>8}  {}\n", "figure", "value", "unit", "ratio", "p50 ms", "p99 ms",
               "held against; note");
    for (const Figure& figure : all_) {
        const auto ratio_to_floor = ratio(figure);
        fmt::print("{:<58} {:>12} {:<9} {:>6} {:>8} {:>8}  {}{}{}\n", figure.name, text_of(figure), figure.unit,
                   ratio_to_floor ? fmt::format("{:.2f}", *ratio_to_floor) : "", milliseconds(figure.p50_ms),
                   milliseconds(figure.p99_ms), figure.against,
                   figure.against.empty() || figure.note.empty() ? "" : "; ", figure.note);
    }
}

boost::json::array Figures::as_json() const {
    boost::json::array all;
    for (const Figure& figure : all_) {
        boost::json::object one{{"name", figure.name}, {"value", figure.value}, {"unit", figure.unit}};
        if (const auto ratio_to_floor = ratio(figure)) {
            one["against"] = figure.against;
            one["ratio"] = *ratio_to_floor;
        }
        if (figure.p50_ms > 0) one["p50_ms"] = figure.p50_ms;
        if (figure.p99_ms > 0) one["p99_ms"] = figure.p99_ms;
        if (!figure.note.empty()) one["note"] = figure.note;
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace tidemark::api
