#include "tests/simulation/world_log.hpp"

#include <algorithm>

namespace tidemark::tests::simulation {

using consumers::AppendDone;
using consumers::AppendResult;
using consumers::AppendStatus;

void WorldLog::append(std::vector<events::BlockPtr> group, AppendDone done) {
    points_.pass("before a group is appended");
    const bool barriers = std::ranges::all_of(group, [](const auto& block) { return block->size() == 0; });
    if (!barriers) {
        if (defect_ == Defect::answers_before_it_counts) {
            done(std::vector<AppendResult>(group.size(), {AppendStatus::counted, {}, {}}));
            done = [](const std::vector<AppendResult>&) {};
        }
        log_.append(std::move(group), std::move(done));
        points_.pass("after a group was appended");
        return;
    }
    // Who takes partitions over does nothing else until its barriers have returned.
    bool returned = false;
    log_.append(std::move(group), [&returned, told = std::move(done)](std::vector<AppendResult> results) mutable {
        returned = true;
        told(std::move(results));
    });
    while (!returned) {
        if (!step()) go_on_();
    }
}

std::expected<std::vector<events::BlockPtr>, std::string> WorldLog::read(events::Partition partition,
                                                                         events::Sequence from, std::size_t max_bytes) {
    points_.pass("before the log is read");
    return log_.read(partition, from, max_bytes);
}

std::uint64_t WorldLog::wait(std::uint64_t seen, std::chrono::steady_clock::time_point) {
    points_.pass("waiting for the log");
    go_on_();
    return seen;
}

bool WorldLog::step() {
    points_.pass("before a group lands, or is reported");
    const bool some = log_.step();
    if (some) points_.pass("after a group has landed, or was reported");
    return some;
}

}  // namespace tidemark::tests::simulation
