// A thread that keeps one shard of the live views behind the log. What fails is said, and tried again.
#pragma once

#include "consumers/log/gather.hpp"
#include "consumers/projector/shard_worker.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace tidemark::consumers {

// Calls may come from any thread.
class Follower {
public:
    // `settle_in` is what the thread does first.
    Follower(Log& log, std::unique_ptr<ShardWorker> worker, std::function<void()> settle_in);
    ~Follower();

    void start();
    void stop();  // commits what is folded

    // Does something with the worker, on its thread, between two batches; waits until it is done. An error is the
    // task's, or says that the thread has stopped.
    using Task = std::move_only_function<std::expected<void, std::string>(ShardWorker&)>;
    [[nodiscard]] std::expected<void, std::string> run(Task task);

    // Somebody waits for what the log holds already.
    void hurry() { gather_.hurry(); }

    // Why it does not get on at the moment.
    [[nodiscard]] std::optional<std::string> failure() const;

private:
    struct Asked {
        Task task;
        std::promise<std::expected<void, std::string>> done;
    };
    void follow(const std::stop_token& stop);
    void round(const std::stop_token& stop);
    void commit_at_the_end(bool sound);
    [[nodiscard]] bool has_tasks() const;
    void wait_for_more(const std::stop_token& stop, std::chrono::steady_clock::time_point until);
    void run_tasks();
    void pause(const std::stop_token& stop, std::string why);

    Log& log_;
    std::unique_ptr<ShardWorker> worker_;
    std::function<void()> settle_in_;
    Gather gather_;
    bool hurried_ = false;  // since the last commit; the thread's own, as the next
    std::uint64_t seen_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<Asked> asked_;
    std::optional<std::string> failure_;
    bool running_ = false;
    std::jthread thread_;
};

}  // namespace tidemark::consumers
