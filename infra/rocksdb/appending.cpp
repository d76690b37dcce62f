// Appending to the embedded log: which blocks count, one synced write for many groups, the mark, and what becomes of a
// write that failed.
#include "consumers/threads.hpp"
#include "infra/rocksdb/embedded_log_impl.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace tidemark::infra {

using consumers::AppendResult;
using consumers::AppendStatus;
using events::BlockPtr;

namespace {

constexpr std::size_t write_bytes = 32u << 20;  // of blocks in one write, unless one group has more
// How much an opening has to fold again, at most, per partition.
constexpr std::size_t bytes_between_ends = 4u << 20;
constexpr std::uint64_t blocks_between_ends = 1024;
constexpr std::chrono::seconds seal_interval{1};
constexpr const char* disk_full = "the disk of the log is full: make room (64 MiB at least), then send again";
// RocksDB goes on once a write buffer's worth is free; it looks every five seconds.
constexpr std::chrono::seconds longest_recovery{30};

}  // namespace

void EmbeddedLog::Impl::append_all(const std::stop_token& stop) {
    consumers::name_thread("appender");
    std::unique_lock lock(mutex);
    for (;;) {
        queued.wait(lock, stop, [this] { return !queue.empty() && !writing; });
        if (queue.empty()) {
            return;  // asked to stop, and everything is written
        }
        writing = true;
        std::vector<Group> groups;
        for (std::size_t bytes = 0; !queue.empty() && bytes < write_bytes; queue.pop_front()) {
            for (const BlockPtr& block : queue.front().blocks) {
                bytes += block->stored().size();
            }
            groups.push_back(std::move(queue.front()));
        }
        lock.unlock();
        commit(groups);
        lock.lock();
        writing = false;
    }
}

void EmbeddedLog::Impl::append_here(Group group) {
    {
        const std::scoped_lock lock(mutex);
        if (writing || !queue.empty()) {
            queue.push_back(std::move(group));
            queued.notify_one();
            return;
        }
        writing = true;
    }
    std::vector<Group> groups;
    groups.push_back(std::move(group));
    commit(groups);
    const std::scoped_lock lock(mutex);
    writing = false;
    if (!queue.empty()) {
        queued.notify_one();
    }
}

void EmbeddedLog::Impl::commit(std::vector<Group>& groups) {
    const std::vector<BlockPtr> counting = judge(groups);
    if (!counting.empty()) {
        write(counting, groups);
    }
    for (Group& group : groups) {
        group.done(std::move(group.results));
    }
}

// Which blocks continue their chain; the results say what became of the others.
std::vector<BlockPtr> EmbeddedLog::Impl::judge(std::vector<Group>& groups) {
    std::vector<BlockPtr> counting;
    for (Group& group : groups) {
        for (const BlockPtr& block : group.blocks) {
            group.results.push_back(judge_one(block));
            if (group.results.back().status == AppendStatus::counted) {
                counting.push_back(block);
            }
        }
    }
    return counting;
}

AppendResult EmbeddedLog::Impl::judge_one(const BlockPtr& block) {
    const events::BlockHeader& header = block->header();
    const auto refused = [](std::string what) {
        return AppendResult{AppendStatus::unknown, std::make_error_code(std::errc::invalid_argument), std::move(what)};
    };
    if (header.partition >= lanes.size()) {
        return refused("the log has no partition " + std::to_string(header.partition));
    }
    const bool hashed = block->leaf_hashes().size() == header.count;
    const auto verdict =
        lanes[header.partition].chain.fold(*block, hashed ? events::Verify::headers : events::Verify::records);
    if (!verdict) {
        return refused(verdict.error().what);
    }
    return {*verdict == events::Verdict::counts ? AppendStatus::counted : AppendStatus::superseded, {}, {}};
}

void EmbeddedLog::Impl::write(const std::vector<BlockPtr>& blocks, std::vector<Group>& groups) {
    if (const std::string why = trouble_now(); !why.empty()) {
        return take_back(std::errc::io_error, why, groups);
    }
    if (no_space) {
        // Resume() is said to be under way for good if it was cut short; with room it takes some seconds.
        const auto recovered = opened.table->recover();
        const auto now = std::chrono::steady_clock::now();
        if (recovered == Recovered::yes || !opened.table->has_room()) recovering_since = now;
        const bool too_long = now - recovering_since > longest_recovery;
        if (recovered == Recovered::not_yet && !too_long)
            return take_back(std::errc::no_space_on_device, disk_full, groups);
        if (recovered != Recovered::yes) {
            append_no_more("the disk was full in the middle of a file of the log");
            return take_back(std::errc::no_space_on_device, trouble_now(), groups);
        }
    }
    if (unmarked && !write_mark({})) {
        return take_back(std::errc::no_space_on_device, disk_full, groups);
    }
    unmarked = false;
    for (const BlockPtr& block : blocks) {
        Lane& lane = lanes[block->header().partition];
        lane.bytes_since_end += block->stored().size();
        ++lane.blocks_since_end;
    }
    const auto began = std::chrono::steady_clock::now();
    const auto written = opened.table->write(blocks, ends_due(false));
    if (!written && !written.error().no_space) {
        append_no_more(written.error().what);
        return take_back(std::errc::io_error, trouble_now(), groups);
    }
    if (!written) {
        recovering_since = std::chrono::steady_clock::now();
        if (!std::exchange(no_space, true))
            spdlog::error("{}. Nothing more is taken until there is room", written.error().what);
        return take_back(std::errc::no_space_on_device, disk_full, groups);
    }
    no_space = false;
    const auto took = std::chrono::steady_clock::now() - began;
    const auto marked_now = write_mark(blocks);
    if (!marked_now && !marked_now.error().no_space) {
        append_no_more(marked_now.error().what);
        return take_back(std::errc::io_error, trouble_now(), groups);
    }
    publish(blocks);
    if (!marked_now) {
        spdlog::error("{}. Nothing more is taken until there is room", marked_now.error().what);
        leave_in_doubt(groups);
    }
    const std::scoped_lock lock(mutex);
    ++stats.writes;
    stats.write_us += static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

std::expected<void, MarkFailure> EmbeddedLog::Impl::write_mark(const std::vector<BlockPtr>& blocks) {
    MarkedLog now;
    {
        const std::scoped_lock lock(mark_mutex);
        for (const BlockPtr& block : blocks) {
            marked.places[block->header().partition] = {block->header().number + 1, block->digest()};
        }
        ++marked.generation;
        sealed = false;
        now = marked;
    }
    return opened.mark->write(now);
}

// Written and synced, and not in the mark: it counts, and nobody is told so, as if its answer had been lost on the way.
void EmbeddedLog::Impl::leave_in_doubt(std::vector<Group>& groups) {
    unmarked = true;
    const std::scoped_lock lock(mutex);
    last_refusal = disk_full;
    for (Group& group : groups) {
        for (AppendResult& result : group.results) {
            if (result.status != AppendStatus::counted) continue;
            result = {AppendStatus::unknown, std::make_error_code(std::errc::no_space_on_device), disk_full};
        }
    }
}

// What is in doubt may be in the files and may not: only a new opening can tell, so nothing may follow it here.
void EmbeddedLog::Impl::append_no_more(const std::string& what) {
    const std::scoped_lock lock(mutex);
    if (trouble.empty()) {
        trouble = what + ": nothing is written any more, queries go on. Mend the disk, then restart the server";
        spdlog::critical("{}", trouble);
    }
}

std::string EmbeddedLog::Impl::trouble_now() {
    const std::scoped_lock lock(mutex);
    return trouble;
}

void EmbeddedLog::Impl::publish(const std::vector<BlockPtr>& blocks) {
    const std::scoped_lock lock(mutex);
    last_refusal.clear();
    for (const BlockPtr& block : blocks) {
        Lane& lane = lanes[block->header().partition];
        lane.tail.push_back(block);
        lane.end_barriers = block->size() == 0 ? lane.end_barriers + 1 : 0;
        tail_order.push_back(block->header().partition);
        tail_bytes += block->memory_bytes();
        records += block->size();
        ++stats.blocks;
        stats.bytes += block->stored().size();
    }
    for (const BlockPtr& block : blocks) {
        Lane& lane = lanes[block->header().partition];
        lane.end = {lane.chain.tip(), lane.chain.edge()};
    }
    while (tail_bytes > tail_limit && !tail_order.empty()) {
        Lane& oldest = lanes[tail_order.front()];
        tail_bytes -= oldest.tail.front()->memory_bytes();
        oldest.tail.pop_front();
        tail_order.pop_front();
    }
    stats.tail_bytes = tail_bytes;
    ++version;
    counted.notify_all();
}

// Nothing of a write that failed counts: the chains go back to what is written.
void EmbeddedLog::Impl::take_back(std::errc error, const std::string& what, std::vector<Group>& groups) {
    const std::scoped_lock lock(mutex);
    last_refusal = what;
    for (Group& group : groups) {
        for (std::size_t i = 0; i < group.blocks.size(); ++i) {
            if (group.results[i].status != AppendStatus::counted) {
                continue;
            }
            const events::Partition partition = group.blocks[i]->header().partition;
            Lane& lane = lanes[partition];
            lane.chain = events::ChainFold(opened.table->identity().id, partition, lane.end.tip, lane.end.edge);
            group.results[i] = {AppendStatus::unknown, std::make_error_code(error), what};
            ++stats.refused;
        }
    }
}

std::vector<StoredEnd> EmbeddedLog::Impl::ends_due(bool all) {
    std::vector<StoredEnd> due;
    for (events::Partition p = 0; p < lanes.size(); ++p) {
        Lane& lane = lanes[p];
        const bool far = lane.bytes_since_end >= bytes_between_ends || lane.blocks_since_end >= blocks_between_ends;
        if (far || (all && lane.blocks_since_end > 0)) {
            due.push_back({p, {lane.chain.tip(), lane.chain.edge()}});
            lane.bytes_since_end = 0;
            lane.blocks_since_end = 0;
        }
    }
    return due;
}

void EmbeddedLog::Impl::seal_mark(const std::stop_token& stop) {
    consumers::name_thread("mark-sealer");
    std::unique_lock lock(mark_mutex);
    std::condition_variable_any stopped;
    for (;;) {
        stopped.wait_for(lock, stop, seal_interval, [] { return false; });
        if (!sealed) {
            ++marked.generation;
            sealed = true;
            const MarkedLog now = marked;
            lock.unlock();
            const auto done = opened.mark->seal(now);
            if (!done && !done.error().no_space) {
                append_no_more(done.error().what);
            }
            lock.lock();
            if (!done && done.error().no_space) {
                sealed = false;  // again in a second; the next write says it if there is still no room
            }
        }
        if (stop.stop_requested()) {
            return;
        }
    }
}

void EmbeddedLog::Impl::stop() {
    appender.request_stop();
    if (appender.joinable()) {
        appender.join();
    }
    // So that the next opening has nothing to fold. Without it that one takes longer, and that is all.
    if (const auto ends = ends_due(true); !ends.empty() && trouble_now().empty()) {
        if (const auto written = opened.table->write({}, ends); !written) {
            spdlog::warn("{}; the next start folds the end of the log again", written.error().what);
        }
    }
    sealer.request_stop();
    if (sealer.joinable()) {
        sealer.join();
    }
}

}  // namespace tidemark::infra
