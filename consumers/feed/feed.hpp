// The catch-up feed: every record from a place on, then the new ones as they count. Reads the log alone, so it
// starts from the first event as well as from the last, and resumes exactly where a reader left off.
#pragma once

#include "consumers/log/log.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::consumers {

// What a reader wants to see; an empty list or text leaves that open.
struct FeedFilter {
    std::string tenant;
    std::vector<std::string> kinds;  // of streams: "sale"
    std::vector<std::string> types;  // of events: "SaleWon"
    std::vector<events::Partition> partitions;
    bool outcomes = false;  // also rejections and commands that changed nothing; `types` does not apply to them
};

struct FeedRecord {
    events::BlockPtr block;  // keeps the bytes that `view` points into
    events::RecordView view;
    std::string cursor;  // resumes behind this record
};

// One reader's way through the log. In each partition the records come in order, each once; the partitions take
// turns. One thread.
class Feed {
public:
    // An empty cursor is the beginning. Refused, with a sentence for the client: text that is no cursor, one of
    // another log or incarnation, and one that stands beyond the log's end.
    [[nodiscard]] static std::expected<Feed, std::string> open(Log& log, FeedFilter filter, std::string_view cursor);
    // The cursor of one who wants only what comes from now on.
    [[nodiscard]] static std::string cursor_at_end(Log& log);

    // Up to `max` records that the filter lets through. Waits for the first of them; none: the deadline came.
    // An error is damage of the log, or it cannot be read.
    [[nodiscard]] std::expected<std::vector<FeedRecord>, std::string> next(
        std::size_t max, std::chrono::steady_clock::time_point deadline);

    // Behind all that next() has returned or passed over: with a narrow filter it moves while no record comes.
    [[nodiscard]] std::string cursor() const;

private:
    Feed(Log& log, FeedFilter filter, std::vector<events::Sequence> places);
    [[nodiscard]] std::expected<void, std::string> take_from(events::Partition partition, std::size_t max,
                                                             std::vector<FeedRecord>& into);
    [[nodiscard]] bool wanted(const events::RecordHeader& header) const;

    Log* log_;
    FeedFilter filter_;
    std::vector<events::Partition> partitions_;        // that are read
    std::vector<events::Sequence> places_;             // next sequence, by partition
    std::vector<std::deque<events::BlockPtr>> ahead_;  // read and not handed out yet, by partition
    std::size_t turn_ = 0;
    std::uint64_t seen_ = 0;
};

}  // namespace tidemark::consumers
