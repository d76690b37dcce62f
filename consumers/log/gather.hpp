// A short pause between the news that something was appended and the reading of it. Woken for every block, those who
// follow the log would take the cores from those who make the next one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace tidemark::consumers {

// wait: one thread. hurry: any thread.
class Gather {
public:
    explicit Gather(std::chrono::microseconds pause) : pause_(pause) {}

    // At most the pause; at once when somebody has hurried since the last wait ended. True: somebody has.
    bool wait(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        hurried_now_.wait_for(lock, stop, pause_, [this] { return hurried_; });
        return std::exchange(hurried_, false);
    }
    void hurry() {
        const std::scoped_lock lock(mutex_);
        hurried_ = true;
        hurried_now_.notify_all();
    }

private:
    const std::chrono::microseconds pause_;
    std::mutex mutex_;
    std::condition_variable_any hurried_now_;
    bool hurried_ = false;
};

}  // namespace tidemark::consumers
