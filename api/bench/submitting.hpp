// Sends commands to the processor in this process and keeps a number of them under way.
#pragma once

#include "consumers/command_processor/command_processor.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace tidemark::api {

// One thread submits; the processor's answers.
class Submitting {
public:
    Submitting(consumers::CommandProcessor& commands, std::size_t in_flight)
        : commands_(commands), in_flight_(in_flight) {}

    // Sends what `make` makes until it makes nothing more, and waits for every answer. An error: a command was not
    // accepted. Returns how many were answered.
    using Make = std::function<std::optional<v1::Command>()>;
    [[nodiscard]] std::expected<std::uint64_t, std::string> run(const Make& make);

private:
    // Whoever waits is woken when an eighth of the places is free, not for each.
    [[nodiscard]] std::size_t goes_on_at() const { return in_flight_ - std::max<std::size_t>(1, in_flight_ / 8); }
    void answered(const v1::Outcome& outcome);

    consumers::CommandProcessor& commands_;
    const std::size_t in_flight_;
    std::atomic<std::size_t> under_way_ = 0;
    std::mutex mutex_;
    std::string failure_;
};

}  // namespace tidemark::api
