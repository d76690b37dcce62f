#include "api/cli/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/core.h>
#include <unistd.h>

namespace tidemark::api {

namespace {

constexpr auto redraw = std::chrono::milliseconds(100);
constexpr auto line_every = std::chrono::seconds(5);
constexpr int width = 30;

// Eighths of a character cell, so that a short bar moves smoothly.
std::string bar(double fraction) {
    constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int filled = static_cast<int>(fraction * width * 8);
    std::string drawn;
    for (int i = 0; i < filled / 8; ++i) drawn += "█";
    drawn += eighths[filled % 8];
    const int used = filled / 8 + (filled % 8 != 0 ? 1 : 0);
    return drawn + std::string(static_cast<std::size_t>(width - used), ' ');
}

}  // namespace

ProgressBar::ProgressBar(std::string title, std::string unit)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      terminal_(::isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      next_(started_ + (terminal_ ? std::chrono::steady_clock::duration(redraw) : line_every)) {}

ProgressBar::~ProgressBar() {
    if (drawn_) draw(fraction_, count_, true);
}

void ProgressBar::show(std::uint64_t part, std::uint64_t whole, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    fraction_ = whole == 0 ? -1 : std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
    count_ = count;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + (terminal_ ? std::chrono::steady_clock::duration(redraw) : line_every);
    draw(fraction_, count, false);
}

void ProgressBar::draw(double fraction, std::uint64_t count, bool last) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(count) / std::max(0.001, elapsed.count()));
    std::string line = title_ + " ";
    if (fraction >= 0) {
        if (terminal_) line += "▕" + bar(fraction) + "▏";
        line += fmt::format("{:3.0f} % ", fraction * 100);
    }
    line += fmt::format("{} {}, {}/s", grouped(count), unit_, grouped(rate));
    if (fraction > 0.01 && fraction < 1 && !last) {
        line += fmt::format(", {:.0f} s left", elapsed.count() * (1 - fraction) / fraction);
    }
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\x1b[K" : "", line, terminal_ && !last ? "" : "\n");
    std::fflush(stderr);
    drawn_ = true;
}

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

}  // namespace tidemark::api
