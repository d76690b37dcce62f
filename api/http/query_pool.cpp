#include "api/http/query_pool.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>

namespace tidemark::api {

struct QueryPool::Impl {
    Impl(unsigned threads, std::size_t most) : pool(threads), limit(most) {}
    boost::asio::thread_pool pool;
    std::size_t limit;
    std::atomic<std::size_t> queued{0};
    std::atomic<bool> stopped{false};
};

QueryPool::QueryPool(unsigned threads, std::size_t queue) : impl_(std::make_unique<Impl>(threads, queue)) {}

QueryPool::~QueryPool() {
    stop();
}

bool QueryPool::submit(std::move_only_function<void()> work) {
    if (impl_->stopped || impl_->queued.fetch_add(1) >= impl_->limit) {
        if (!impl_->stopped) {
            --impl_->queued;
        }
        return false;
    }
    boost::asio::post(impl_->pool, [this, work = std::move(work)]() mutable {
        work();
        work = nullptr;
        --impl_->queued;
    });
    return true;
}

void QueryPool::stop() {
    impl_->stopped = true;
    impl_->pool.join();
}

std::size_t QueryPool::queued() const {
    return impl_->queued;
}

}  // namespace tidemark::api
