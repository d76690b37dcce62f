#include "consumers/projector/follower.hpp"

#include <algorithm>

namespace tidemark::consumers {

namespace {

// A task or a stop is noticed at the latest after so long. (Log::interrupt would wake everybody else, too.)
constexpr std::chrono::milliseconds longest_wait{20};
constexpr std::chrono::milliseconds before_next_try{500};
constexpr std::chrono::milliseconds gathering{2};

using Time = std::chrono::steady_clock::time_point;

}  // namespace

Follower::Follower(Log& log, std::unique_ptr<ShardWorker> worker, std::function<void()> settle_in)
    : log_(log), worker_(std::move(worker)), settle_in_(std::move(settle_in)), gather_(gathering) {}

Follower::~Follower() {
    stop();
}

void Follower::start() {
    const std::scoped_lock lock(mutex_);
    running_ = true;
    thread_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
}

void Follower::stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

std::expected<void, std::string> Follower::run(Task task) {
    std::future<std::expected<void, std::string>> done;
    {
        const std::scoped_lock lock(mutex_);
        if (!running_) return std::unexpected("the projector is not following the log");
        auto& asked = asked_.emplace_back(Asked{std::move(task), {}});
        done = asked.done.get_future();
    }
    wake_.notify_all();
    return done.get();
}

std::optional<std::string> Follower::failure() const {
    const std::scoped_lock lock(mutex_);
    return failure_;
}

void Follower::follow(const std::stop_token& stop) {
    if (settle_in_) settle_in_();
    bool sound = true;
    while (!stop.stop_requested()) {
        try {
            if (!sound) worker_->rewind();
            sound = true;
            round(stop);
        } catch (const std::exception& failed) {
            sound = false;
            pause(stop, failed.what());
        }
    }
    commit_at_the_end(sound);
    const std::scoped_lock lock(mutex_);
    running_ = false;
    for (auto& asked : asked_) asked.done.set_value(std::unexpected("the projector is stopping"));
    asked_.clear();
}

// What fails here is folded again at the next start.
void Follower::commit_at_the_end(bool sound) {
    if (!sound) return;
    try {
        worker_->commit();
    } catch (const std::exception& failed) {
        const std::scoped_lock lock(mutex_);
        failure_ = failed.what();
    }
}

// Folds until there is nothing more, writes it when it is time to, waits for more.
void Follower::round(const std::stop_token& stop) {
    bool asked = has_tasks();
    while (!asked && worker_->step(stop) > 0) asked = has_tasks();
    const auto now = std::chrono::steady_clock::now();
    if (const auto due = worker_->commit_due(hurried_); !asked && now < due) return wait_for_more(stop, due);
    hurried_ = false;
    worker_->commit();
    {
        const std::scoped_lock lock(mutex_);
        failure_.reset();
    }
    run_tasks();
    if (!asked) wait_for_more(stop, Time::max());
}

void Follower::wait_for_more(const std::stop_token& stop, Time until) {
    seen_ = log_.wait(seen_, std::min(until, std::chrono::steady_clock::now() + longest_wait));
    hurried_ = gather_.wait(stop) || hurried_;
}

bool Follower::has_tasks() const {
    const std::scoped_lock lock(mutex_);
    return !asked_.empty();
}

void Follower::run_tasks() {
    for (;;) {
        Asked asked;
        {
            const std::scoped_lock lock(mutex_);
            if (asked_.empty()) return;
            asked = std::move(asked_.front());
            asked_.pop_front();
        }
        try {
            asked.done.set_value(asked.task(*worker_));
        } catch (const std::exception& failed) {
            asked.done.set_value(std::unexpected(failed.what()));
            throw;
        }
    }
}

void Follower::pause(const std::stop_token& stop, std::string why) {
    std::unique_lock lock(mutex_);
    failure_ = std::move(why);
    wake_.wait_for(lock, stop, before_next_try, [] { return false; });
}

}  // namespace tidemark::consumers
