#include "api/http/feed_hub.hpp"

namespace tidemark::api {

void FeedHub::start() {
    thread_ = std::thread([this] { run(); });
}

void FeedHub::stop() {
    stopping_ = true;
    rest_.hurry();
    wake_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::uint64_t FeedHub::add(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    followers_.emplace(next_, std::move(wake));
    return next_++;
}

void FeedHub::remove(std::uint64_t follower) {
    const std::lock_guard lock(mutex_);
    followers_.erase(follower);
}

std::size_t FeedHub::followers() const {
    const std::lock_guard lock(mutex_);
    return followers_.size();
}

// The log's interrupt() is for the whole process; to end alone, the wait is short.
void FeedHub::run() {
    std::uint64_t seen = 0;
    while (!stopping_) {
        const std::uint64_t now = log_.wait(seen, std::chrono::steady_clock::now() + std::chrono::milliseconds(100));
        if (now != seen) {
            seen = now;
            wake_all();
            (void)rest_.wait({});
        }
    }
}

void FeedHub::wake_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, wake] : followers_) {
        wake();
    }
}

}  // namespace tidemark::api
