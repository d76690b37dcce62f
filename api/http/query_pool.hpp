// A few threads for what blocks: reads of views, history and feeds. Readers of the feed, who ask again and again, take
// turns with queries and have half of the threads at most, so that however many there are, a query is soon answered.
// Bounded; any thread may submit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace tidemark::api {

class QueryPool {
public:
    enum class Lane : std::uint8_t { query, feed };

    QueryPool(unsigned threads, std::size_t queue);  // queue: of each lane
    ~QueryPool();                                    // stops

    // False: the queue is full, or the pool has stopped; `work` was not taken.
    [[nodiscard]] bool submit(std::move_only_function<void()> work, Lane lane = Lane::query);
    void stop();                               // does what was taken, then ends
    [[nodiscard]] std::size_t queued() const;  // waiting or running

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
