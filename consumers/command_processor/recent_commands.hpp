// Commands whose outcome the derived stores cannot tell yet: being decided, being appended, or counted
// and not followed. One thread: the processor's.
#pragma once

#include "consumers/command_processor/answered.hpp"
#include "consumers/derived/generation.hpp"

#include <deque>
#include <vector>

namespace tidemark::consumers {

struct RecentCommand {
    Answered answered;
    std::uint64_t group = 0;  // that carries its records
};

class RecentCommands {
public:
    explicit RecentCommands(std::uint32_t partitions) : by_partition_(partitions) {}

    [[nodiscard]] const RecentCommand* find(const events::Key128& command) const {
        const auto it = by_key_.find(command);
        return it == by_key_.end() ? nullptr : &it->second;
    }
    void add(const events::Key128& command, RecentCommand recent) {
        by_partition_[recent.answered.partition].push_back({recent.answered.first + recent.answered.count, command});
        by_key_[command] = std::move(recent);
    }
    // Groups count in the order of their numbers.
    void group_counts(std::uint64_t number) { counted_to_ = number; }
    [[nodiscard]] bool counts(const RecentCommand& command) const { return command.group <= counted_to_; }
    // Forgets those that do not count: their append failed.
    void drop_uncounted() {
        std::erase_if(by_key_, [this](const auto& entry) { return !counts(entry.second); });
        for (auto& order : by_partition_) {
            std::erase_if(order, [&](const Place& place) { return !by_key_.contains(place.command); });
        }
    }
    // Forgets those that the derived stores can tell.
    void trim(events::Partition partition, events::Sequence followed) {
        auto& order = by_partition_[partition];
        while (!order.empty() && order.front().end <= followed) {
            const auto it = by_key_.find(order.front().command);
            if (it != by_key_.end() && !counts(it->second)) return;  // its completion is still to be handled
            if (it != by_key_.end()) by_key_.erase(it);
            order.pop_front();
        }
    }
    [[nodiscard]] std::size_t size() const { return by_key_.size(); }

private:
    struct Place {
        events::Sequence end;
        events::Key128 command;
    };
    std::uint64_t counted_to_ = 0;
    ByKey<RecentCommand> by_key_;
    std::vector<std::deque<Place>> by_partition_;
};

}  // namespace tidemark::consumers
