// What was appended to a log, and what of it was acknowledged; held against the log when it is opened again.
#pragma once

#include "consumers/log/log.hpp"

#include <expected>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tidemark::tests {

// A partition's blocks as a follower reads them. The error says what cannot be read.
[[nodiscard]] inline std::expected<std::vector<events::BlockPtr>, std::string> read_partition(
    consumers::Log& log, events::Partition partition) {
    constexpr std::size_t piece_bytes = 256 * 1024;
    events::ChainFold chain(log.identity().id, partition);
    std::vector<events::BlockPtr> all;
    for (;;) {
        const auto piece = log.read(partition, chain.tip().next_sequence, piece_bytes);
        if (!piece) return std::unexpected(piece.error());
        const std::size_t had = all.size();
        for (const events::BlockPtr& block : *piece) {
            const auto verdict = chain.fold(*block, events::Verify::records);
            if (!verdict) return std::unexpected(verdict.error().what);
            if (*verdict == events::Verdict::counts) all.push_back(block);
        }
        if (all.size() == had) return all;
    }
}

// Any thread, but for `faults`: nothing may be appended meanwhile.
class Promises {
public:
    // Said before the append.
    void appended(const std::vector<events::BlockPtr>& group) {
        const std::scoped_lock lock(mutex_);
        groups_.push_back(group);
    }
    // The next group that was not acknowledged yet is: a log reports in the order of the appends.
    void acknowledged() {
        const std::scoped_lock lock(mutex_);
        ++acknowledged_;
    }
    [[nodiscard]] std::size_t count() const {
        const std::scoped_lock lock(mutex_);
        return acknowledged_;
    }

    // What does not fit, in words; empty: all is well. `must` groups have to be there, all others may be: whole, and
    // none without those before it. `groups_there`: how many are.
    [[nodiscard]] std::string faults(consumers::Log& log, std::size_t must, std::size_t* groups_there = nullptr) const {
        std::map<events::Partition, std::vector<events::BlockPtr>> found;
        for (events::Partition p = 0; p < log.identity().partitions; ++p) {
            auto blocks = read_partition(log, p);
            if (!blocks) return "partition " + std::to_string(p) + " cannot be read: " + blocks.error();
            found[p] = std::move(*blocks);
        }
        const std::scoped_lock lock(mutex_);
        std::map<events::Partition, std::size_t> expected;
        std::size_t there = 0;
        for (std::size_t g = 0; g < groups_.size(); ++g) {
            std::size_t whole = 0;
            for (const events::BlockPtr& block : groups_[g]) {
                const auto& blocks = found[block->header().partition];
                const std::uint64_t number = block->header().number;
                whole += number < blocks.size() && blocks[number]->digest() == block->digest() ? 1u : 0u;
            }
            const std::string name = "group " + std::to_string(g) + " of " + std::to_string(groups_.size());
            if (g < must && whole < groups_[g].size()) return name + " was acknowledged and is not there";
            if (whole > 0 && whole < groups_[g].size()) return name + " is half there";
            if (whole > 0 && there < g) return name + " is there, and one before it is not";
            if (whole == 0) continue;
            ++there;
            for (const events::BlockPtr& block : groups_[g]) ++expected[block->header().partition];
        }
        for (const auto& [partition, blocks] : found) {
            if (blocks.size() != expected[partition])
                return "partition " + std::to_string(partition) + " holds blocks that nobody appended";
        }
        if (groups_there != nullptr) *groups_there = there;
        return {};
    }
    // The first so many groups have been acknowledged, and the rest was never appended.
    void settle(std::size_t groups) {
        const std::scoped_lock lock(mutex_);
        groups_.resize(groups);
        acknowledged_ = groups;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::vector<events::BlockPtr>> groups_;
    std::size_t acknowledged_ = 0;
};

}  // namespace tidemark::tests
