// SIGTERM and SIGINT, taken from the first line of a server on: while it starts, and while it runs. One at a time in a
// process, made before any other thread, so that all inherit that they are blocked.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace tidemark::api {

class EndSignals {
public:
    EndSignals();
    ~EndSignals();
    EndSignals(const EndSignals&) = delete;
    EndSignals& operator=(const EndSignals&) = delete;

    // Requested by the first signal. A second one ends the process at once: nothing acknowledged is lost by that.
    [[nodiscard]] std::stop_token asked() const { return source_.get_token(); }
    // Waits for the first signal; its number.
    [[nodiscard]] int wait() const;

private:
    void take(const std::stop_token& ending);

    std::stop_source source_;
    std::atomic<int> first_{0};
    std::jthread thread_;
};

}  // namespace tidemark::api
