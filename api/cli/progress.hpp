// How far long work has come: a bar that is redrawn when standard error is a terminal, a line every few
// seconds otherwise. Calls may come from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace tidemark::api {

class ProgressBar {
public:
    // `unit` names what is counted: "commands", "records".
    ProgressBar(std::string title, std::string unit);
    ~ProgressBar();  // ends the line
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    // `part` of `whole` is done (bytes, days: whatever tells how far it is); whole 0: not known. `count` units so far.
    void show(std::uint64_t part, std::uint64_t whole, std::uint64_t count);

private:
    void draw(double fraction, std::uint64_t count, bool last);

    std::mutex mutex_;
    std::string title_;
    std::string unit_;
    bool terminal_;
    bool drawn_ = false;
    double fraction_ = -1;
    std::uint64_t count_ = 0;
    std::chrono::steady_clock::time_point started_;
    std::chrono::steady_clock::time_point next_;
};

// 1234567 -> "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace tidemark::api
