#include "consumers/feed/feed.hpp"

#include "consumers/feed/cursor.hpp"
#include "events/event.hpp"

#include <algorithm>

namespace tidemark::consumers {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;  // of one partition at a time

std::expected<void, std::string> check_places(Log& log, const std::vector<events::Sequence>& places) {
    for (events::Partition p = 0; p < places.size(); ++p) {
        const auto end = log.tip(p).next_sequence;
        if (places[p] > end) {
            return std::unexpected("the cursor stands at " + std::to_string(places[p]) + " in partition " +
                                   std::to_string(p) + ", beyond the end of the log at " + std::to_string(end));
        }
    }
    return {};
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

Feed::Feed(Log& log, FeedFilter filter, std::vector<events::Sequence> places)
    : log_(&log),
      filter_(std::move(filter)),
      partitions_(filter_.partitions),
      places_(std::move(places)),
      ahead_(places_.size()) {
    if (partitions_.empty()) {
        for (events::Partition p = 0; p < places_.size(); ++p) partitions_.push_back(p);
    }
}

std::expected<Feed, std::string> Feed::open(Log& log, FeedFilter filter, std::string_view cursor) {
    const auto partitions = log.identity().partitions;
    for (const auto partition : filter.partitions) {
        if (partition >= partitions) {
            return std::unexpected("there is no partition " + std::to_string(partition) + ": the log has " +
                                   std::to_string(partitions));
        }
    }
    std::sort(filter.partitions.begin(), filter.partitions.end());
    filter.partitions.erase(std::unique(filter.partitions.begin(), filter.partitions.end()), filter.partitions.end());
    if (cursor.empty()) return Feed(log, std::move(filter), std::vector<events::Sequence>(partitions, 0));
    auto places = parse_cursor(cursor, log.identity());
    if (!places) return std::unexpected(std::move(places.error()));
    if (auto sound = check_places(log, *places); !sound) return std::unexpected(std::move(sound.error()));
    return Feed(log, std::move(filter), std::move(*places));
}

std::string Feed::cursor_at_end(Log& log) {
    std::vector<events::Sequence> places;
    for (events::Partition p = 0; p < log.identity().partitions; ++p) places.push_back(log.tip(p).next_sequence);
    return cursor_text(log.identity(), places);
}

std::string Feed::cursor() const {
    return cursor_text(log_->identity(), places_);
}

std::expected<std::vector<FeedRecord>, std::string> Feed::next(std::size_t max,
                                                               std::chrono::steady_clock::time_point deadline) {
    std::vector<FeedRecord> records;
    while (records.size() < max) {
        const auto before = places_;
        for (std::size_t i = 0; i < partitions_.size() && records.size() < max; ++i) {
            const auto partition = partitions_[turn_];
            if (auto taken = take_from(partition, max, records); !taken)
                return std::unexpected(std::move(taken.error()));
            // Only when all of it is handed out: hundreds of readers hold the blocks of one partition each.
            if (ahead_[partition].empty()) turn_ = (turn_ + 1) % partitions_.size();
        }
        // A narrow filter over a long history must not hold its reader beyond the deadline.
        if (std::chrono::steady_clock::now() >= deadline) break;
        if (places_ != before) continue;
        if (!records.empty()) break;
        seen_ = log_->wait(seen_, deadline);
    }
    return records;
}

std::expected<void, std::string> Feed::take_from(events::Partition partition, std::size_t max,
                                                 std::vector<FeedRecord>& into) {
    auto& ahead = ahead_[partition];
    auto& place = places_[partition];
    if (ahead.empty() && place < log_->end(partition).tip.next_sequence) {
        auto blocks = log_->read(partition, place, read_bytes);
        if (!blocks) return std::unexpected(std::move(blocks.error()));
        ahead.assign(blocks->begin(), blocks->end());
    }
    while (!ahead.empty()) {
        const auto block = ahead.front();
        while (place < block->next_sequence()) {
            if (into.size() == max) return {};
            if (place < block->header().first_sequence) {
                return std::unexpected("the log lacks record " + std::to_string(place) + " of partition " +
                                       std::to_string(partition));
            }
            const auto view = events::decode_record(block->record(place - block->header().first_sequence));
            if (!view) {
                return std::unexpected("record " + std::to_string(place) + " of partition " +
                                       std::to_string(partition) + " cannot be read: " + view.error().what);
            }
            ++place;
            if (wanted(view->header)) into.push_back({block, *view, cursor()});
        }
        ahead.pop_front();
    }
    return {};
}

bool Feed::wanted(const events::RecordHeader& header) const {
    if (!filter_.tenant.empty() && header.tenant != filter_.tenant) return false;
    if (!filter_.kinds.empty() && !contains(filter_.kinds, header.stream_kind)) return false;
    if (header.kind == events::RecordKind::control) return false;
    if (header.kind != events::RecordKind::event) return filter_.outcomes;
    return filter_.types.empty() || contains(filter_.types, events::event_name(header.stream_kind, header.type));
}

}  // namespace tidemark::consumers
