#include "api/http/query_pool.hpp"

#include "consumers/threads.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tidemark::api {

using Work = std::move_only_function<void()>;

struct QueryPool::Impl {
    Impl(unsigned threads, std::size_t queue) : most(queue), most_feeding(std::max(1u, threads / 2)) {
        for (unsigned i = 0; i < std::max(1u, threads); ++i) {
            workers.emplace_back([this] { run(); });
        }
    }

    void run() {
        consumers::name_thread("query");
        consumers::take_short_turns();
        std::unique_lock lock(mutex);
        for (;;) {
            wake.wait(lock, [&] { return may_feed() || !of(Lane::query).empty() || (stopped && all_done()); });
            if (stopped && all_done()) {
                return;
            }
            // In turns, when both wait.
            const Lane lane = may_feed() && (of(Lane::query).empty() || last != Lane::feed) ? Lane::feed : Lane::query;
            last = lane;
            Work work = std::move(of(lane).front());
            of(lane).pop_front();
            feeding += lane == Lane::feed ? 1 : 0;
            lock.unlock();
            work();
            work = nullptr;
            lock.lock();
            feeding -= lane == Lane::feed ? 1 : 0;
            --queued[static_cast<std::size_t>(lane)];
            wake.notify_all();
        }
    }

    [[nodiscard]] std::deque<Work>& of(Lane lane) { return waiting[static_cast<std::size_t>(lane)]; }
    [[nodiscard]] bool may_feed() { return !of(Lane::feed).empty() && feeding < most_feeding; }
    [[nodiscard]] bool all_done() { return of(Lane::query).empty() && of(Lane::feed).empty(); }

    const std::size_t most;
    const unsigned most_feeding;
    std::mutex mutex;
    std::condition_variable wake;
    std::array<std::deque<Work>, 2> waiting;
    std::array<std::size_t, 2> queued{};
    unsigned feeding = 0;
    Lane last = Lane::feed;
    bool stopped = false;
    std::vector<std::thread> workers;
};

QueryPool::QueryPool(unsigned threads, std::size_t queue) : impl_(std::make_unique<Impl>(threads, queue)) {}

QueryPool::~QueryPool() {
    stop();
}

bool QueryPool::submit(Work work, Lane lane) {
    {
        const std::lock_guard lock(impl_->mutex);
        std::size_t& queued = impl_->queued[static_cast<std::size_t>(lane)];
        if (impl_->stopped || queued >= impl_->most) {
            return false;
        }
        ++queued;
        impl_->of(lane).push_back(std::move(work));
    }
    impl_->wake.notify_one();
    return true;
}

void QueryPool::stop() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopped = true;
    }
    impl_->wake.notify_all();
    for (std::thread& worker : std::exchange(impl_->workers, {})) {
        worker.join();
    }
}

std::size_t QueryPool::queued() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->queued[0] + impl_->queued[1];
}

}  // namespace tidemark::api
