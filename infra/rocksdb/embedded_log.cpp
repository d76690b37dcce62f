#include "infra/rocksdb/embedded_log.hpp"

#include "infra/rocksdb/backup.hpp"
#include "infra/rocksdb/embedded_log_impl.hpp"

#include <algorithm>

namespace tidemark::infra {

using consumers::AppendDone;
using events::BlockPtr;

namespace {

constexpr std::size_t read_ahead_from = 1u << 20;  // who reads so much at once is scanning

}  // namespace

std::expected<std::unique_ptr<EmbeddedLog>, std::string> EmbeddedLog::open(EmbeddedLogOptions options) {
    auto opened = open_log(options);
    if (!opened) {
        return std::unexpected(opened.error());
    }
    return std::unique_ptr<EmbeddedLog>(new EmbeddedLog(std::make_unique<Impl>(std::move(*opened), options)));
}

EmbeddedLog::EmbeddedLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedLog::~EmbeddedLog() = default;

const consumers::LogIdentity& EmbeddedLog::identity() const {
    return impl_->opened.table->identity();
}

events::Tip EmbeddedLog::tip(events::Partition partition) {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->lanes.at(partition).end.tip;
}

std::uint64_t EmbeddedLog::records() {
    return impl_->records.load(std::memory_order_relaxed);
}

consumers::Log::End EmbeddedLog::end(events::Partition partition) {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->lanes.at(partition).end;
}

void EmbeddedLog::append(std::vector<BlockPtr> group, AppendDone done) {
    const std::scoped_lock lock(impl_->mutex);
    impl_->queue.push_back({std::move(group), std::move(done), {}});
    impl_->queued.notify_one();
}

void EmbeddedLog::append_here(std::vector<BlockPtr> group, AppendDone done) {
    impl_->append_here({std::move(group), std::move(done), {}});
}

std::expected<std::vector<BlockPtr>, std::string> EmbeddedLog::read(events::Partition partition, events::Sequence from,
                                                                    std::size_t max_bytes) {
    if (partition >= identity().partitions) {
        return std::unexpected("the log has no partition " + std::to_string(partition));
    }
    std::vector<BlockPtr> found;
    std::size_t bytes = 0;
    bool records = false;
    const auto fits = [&](std::size_t stored) { return !records || bytes + stored <= max_bytes; };
    const auto take = [&](const BlockPtr& block) {
        bytes += block->stored().size();
        records = records || block->size() > 0;
        found.push_back(block);
        return true;
    };
    std::uint64_t end_number = 0;
    {
        const std::scoped_lock lock(impl_->mutex);
        const Impl::Lane& lane = impl_->lanes[partition];
        end_number = lane.end.tip.next_number;
        const events::Sequence end = lane.end.tip.next_sequence;
        if (from > end || (from == end && lane.end_barriers == 0)) {
            return found;
        }
        // Barriers in front of the tail may stand at its first sequence.
        const auto& tail = lane.tail;
        if (!tail.empty() && (tail.front()->header().first_sequence < from || tail.front()->header().number == 0)) {
            auto at = std::ranges::lower_bound(tail, from, {},
                                               [](const BlockPtr& block) { return block->header().first_sequence; });
            if (at != tail.begin() && (*std::prev(at))->next_sequence() > from) {
                --at;
            }
            for (; at != tail.end() && fits((*at)->stored().size()); ++at) {
                take(*at);
            }
            return found;
        }
    }
    const auto visited = impl_->opened.table->visit(
        partition, from, max_bytes >= read_ahead_from, take,
        [&](std::uint64_t number, std::size_t stored) { return number < end_number && fits(stored); });
    if (!visited) {
        return std::unexpected(visited.error());
    }
    return found;
}

std::uint64_t EmbeddedLog::wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(impl_->mutex);
    const std::uint64_t interrupts = impl_->interrupts;
    impl_->counted.wait_until(lock, deadline, [&] { return impl_->version > seen || impl_->interrupts != interrupts; });
    return impl_->version;
}

void EmbeddedLog::interrupt() {
    const std::scoped_lock lock(impl_->mutex);
    ++impl_->interrupts;
    impl_->counted.notify_all();
}

std::string EmbeddedLog::trouble() const {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->trouble.empty() ? impl_->last_refusal : impl_->trouble;
}

std::expected<BackupTold, std::string> EmbeddedLog::back_up(const std::filesystem::path& target) {
    std::vector<std::uint64_t> ends;
    for (events::Partition p = 0; p < identity().partitions; ++p) {
        ends.push_back(end(p).tip.next_number);
    }
    return write_backup(*impl_->opened.table, impl_->data, ends, target);
}

EmbeddedLogStats EmbeddedLog::stats() const {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->stats;
}

}  // namespace tidemark::infra
