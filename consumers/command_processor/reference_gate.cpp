#include "consumers/command_processor/reference_gate.hpp"

#include <algorithm>

namespace tidemark::consumers {
namespace {

void sort_by_arrival(std::vector<PendingPtr>& heads) {
    std::sort(heads.begin(), heads.end(),
              [](const PendingPtr& a, const PendingPtr& b) { return a->ticket < b->ticket; });
}

}  // namespace

bool ReferenceGate::parked_before(const events::Key128& stream, std::uint64_t ticket) const {
    const auto it = streams_.find(stream);
    return it != streams_.end() && it->second.head_ticket < ticket;
}

void ReferenceGate::queue_behind(PendingPtr pending) {
    streams_[pending->stream].behind.push_back(std::move(pending));
    ++size_;
}

void ReferenceGate::park(const Pending& pending) {
    streams_[pending.stream].head_ticket = pending.ticket;
    ++size_;
}

void ReferenceGate::park_until_followed(PendingPtr pending, events::Partition partition, events::Sequence end) {
    park(*pending);
    by_partition_[partition].push_back({end, std::move(pending)});
}

void ReferenceGate::park_until_unparked(PendingPtr pending, const events::Key128& other) {
    park(*pending);
    by_stream_[other].push_back(std::move(pending));
}

std::vector<PendingPtr> ReferenceGate::ready(events::Partition partition, events::Sequence followed) {
    std::vector<PendingPtr> heads;
    auto& waiting = by_partition_[partition];
    for (Waiting& wait : waiting) {
        if (wait.end <= followed) heads.push_back(std::move(wait.head));
    }
    std::erase_if(waiting, [](const Waiting& wait) { return wait.head == nullptr; });
    size_ -= heads.size();
    sort_by_arrival(heads);
    return heads;
}

PendingPtr ReferenceGate::next_of(const events::Key128& stream) {
    const auto it = streams_.find(stream);
    if (it == streams_.end()) return nullptr;
    // Who waited for this head looks again, even if a later command of the stream will wait: were it to
    // stay, the two could wait for each other.
    if (const auto others = by_stream_.find(stream); others != by_stream_.end()) {
        std::move(others->second.begin(), others->second.end(), std::back_inserter(unparked_));
        by_stream_.erase(others);
    }
    if (!it->second.behind.empty()) {
        PendingPtr next = std::move(it->second.behind.front());
        it->second.behind.pop_front();
        it->second.head_ticket = next->ticket;
        --size_;
        return next;
    }
    streams_.erase(it);
    return nullptr;
}

std::vector<PendingPtr> ReferenceGate::take_unparked() {
    size_ -= unparked_.size();
    std::vector<PendingPtr> heads = std::move(unparked_);
    unparked_.clear();
    sort_by_arrival(heads);
    return heads;
}

std::vector<PendingPtr> ReferenceGate::take_all() {
    std::vector<PendingPtr> all = std::move(unparked_);
    unparked_.clear();
    for (auto& waiting : by_partition_) {
        for (Waiting& wait : waiting) all.push_back(std::move(wait.head));
        waiting.clear();
    }
    for (auto& [stream, heads] : by_stream_) std::move(heads.begin(), heads.end(), std::back_inserter(all));
    by_stream_.clear();
    for (auto& [key, stream] : streams_) std::move(stream.behind.begin(), stream.behind.end(), std::back_inserter(all));
    streams_.clear();
    size_ = 0;
    sort_by_arrival(all);
    return all;
}

}  // namespace tidemark::consumers
