// Wakes the followers of the feed when something new counts: one thread waits on the log for all of them.
#pragma once

#include "consumers/log/gather.hpp"
#include "consumers/log/log.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace tidemark::api {

// Any thread.
class FeedHub {
public:
    explicit FeedHub(consumers::Log& log) : log_(log) {}
    ~FeedHub() { stop(); }

    void start();
    void stop();  // wakes every follower a last time, so that it sees that the server stops

    // `wake` is called from the hub's thread, briefly, until it is removed. Returns what to remove it by.
    [[nodiscard]] std::uint64_t add(std::function<void()> wake);
    void remove(std::uint64_t follower);
    [[nodiscard]] std::size_t followers() const;

private:
    void run();
    void wake_all();

    consumers::Log& log_;
    mutable std::mutex mutex_;
    std::map<std::uint64_t, std::function<void()>> followers_;
    std::uint64_t next_ = 0;
    consumers::Gather rest_{std::chrono::milliseconds(2)};  // after followers were woken
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace tidemark::api
