// A few threads for what blocks: reads of views, history and feeds. Bounded; any thread may submit.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace tidemark::api {

class QueryPool {
public:
    QueryPool(unsigned threads, std::size_t queue);
    ~QueryPool();  // stops

    // False: the queue is full, or the pool has stopped; `work` was not taken.
    [[nodiscard]] bool submit(std::move_only_function<void()> work);
    void stop();  // does what was taken, then ends
    [[nodiscard]] std::size_t queued() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
