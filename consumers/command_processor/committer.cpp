#include "consumers/command_processor/committer.hpp"

#include "consumers/threads.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::consumers {

void Committer::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Committer::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

void Committer::commit(CommandGroup& group) {
    if (!thread_.joinable()) return commit_here(group);
    {
        const std::scoped_lock lock(mutex_);
        next_ = &group;
    }
    wake_.notify_one();
}

void Committer::commit_here(CommandGroup& group) {
    std::vector<events::BlockPtr> blocks;
    blocks.reserve(group.partitions.size());
    for (const events::Partition partition : group.partitions) blocks.push_back(partitions_[partition].seal());
    log_.append_here(std::move(blocks),
                     [this, &group](std::vector<AppendResult> results) { returned(group, std::move(results)); });
}

void Committer::run(const std::stop_token& stop) {
    name_thread("committer");
    std::unique_lock lock(mutex_);
    while (wake_.wait(lock, stop, [this] { return next_ != nullptr; })) {
        CommandGroup& group = *std::exchange(next_, nullptr);
        lock.unlock();
        commit_here(group);
        lock.lock();
    }
}

void Committer::returned(CommandGroup& group, std::vector<AppendResult> results) {
    if (std::ranges::all_of(results, [](const auto& one) { return one.status == AppendStatus::counted; })) {
        for (GroupAnswer& answer : group.answers) give(std::move(answer), group.log_id);
        group.answers.clear();
    }
    inbox_.appended(std::move(results));  // from here on the group is the processor's again
}

}  // namespace tidemark::consumers
