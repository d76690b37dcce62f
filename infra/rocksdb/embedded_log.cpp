#include "infra/rocksdb/embedded_log.hpp"

#include "consumers/threads.hpp"
#include "infra/rocksdb/backup.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tidemark::infra {

using consumers::AppendDone;
using consumers::AppendResult;
using consumers::AppendStatus;
using events::BlockPtr;

namespace {

constexpr std::size_t write_bytes = 32u << 20;  // of blocks in one write, unless one group has more
// How much an opening has to fold again, at most, per partition.
constexpr std::size_t bytes_between_ends = 4u << 20;
constexpr std::uint64_t blocks_between_ends = 1024;
constexpr std::size_t read_ahead_from = 1u << 20;  // who reads so much at once is scanning
constexpr std::chrono::seconds seal_interval{1};
// RocksDB goes on once a write buffer's worth is free; it looks every five seconds.
constexpr std::chrono::seconds longest_recovery{30};
constexpr const char* disk_full = "the disk of the log is full: make room (64 MiB at least), then send again";

struct Group {
    std::vector<BlockPtr> blocks;
    AppendDone done;
    std::vector<AppendResult> results;
};

// One partition.
struct Lane {
    events::ChainFold chain;          // the appender's: may be ahead of what is written
    consumers::Log::End end;          // written; guarded by the mutex, as all below
    std::deque<BlockPtr> tail;        // the newest blocks, without gaps
    std::uint64_t end_barriers = 0;   // behind the last record
    std::size_t bytes_since_end = 0;  // the appender's, as the next
    std::uint64_t blocks_since_end = 0;
};

}  // namespace

struct EmbeddedLog::Impl {
    Impl(OpenedLog opened_log, const EmbeddedLogOptions& options)
        : opened(std::move(opened_log)), data(options.data), tail_limit(options.tail_bytes) {
        opened.mark->fail_with(options.mark_fault);
        for (std::size_t p = 0; p < opened.chains.size(); ++p) {
            events::ChainFold& chain = opened.chains[p];
            consumers::Log::End end{chain.tip(), chain.edge()};
            records += end.tip.next_sequence;
            lanes.push_back({std::move(chain), std::move(end), {}, opened.end_barriers[p], 0, 0});
        }
        appender = std::jthread([this](const std::stop_token& stop) { append_all(stop); });
        sealer = std::jthread([this](const std::stop_token& stop) { seal_mark(stop); });
    }
    ~Impl() { stop(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void stop();
    void append_all(const std::stop_token& stop);
    void append_here(Group group);
    void commit(std::vector<Group>& groups);  // by whoever has set `writing`
    std::vector<BlockPtr> judge(std::vector<Group>& groups);
    AppendResult judge_one(const BlockPtr& block);
    void write(const std::vector<BlockPtr>& blocks, std::vector<Group>& groups);
    std::expected<void, MarkFailure> write_mark(const std::vector<BlockPtr>& blocks);
    void leave_in_doubt(std::vector<Group>& groups);
    void publish(const std::vector<BlockPtr>& blocks);
    void take_back(std::errc error, const std::string& what, std::vector<Group>& groups);
    void append_no_more(const std::string& what);
    std::string trouble_now();
    std::vector<StoredEnd> ends_due(bool all);
    void seal_mark(const std::stop_token& stop);

    OpenedLog opened;
    const std::filesystem::path data;
    const std::size_t tail_limit;
    bool no_space = false;                                   // the appender's: the last write failed for want of room
    std::chrono::steady_clock::time_point recovering_since;  // there has been room since, and the database takes none
    bool unmarked = false;     // the appender's: what is written is not in the mark yet, for want of room
    std::string trouble;       // guarded by the mutex; not empty: nothing is appended any more
    std::string last_refusal;  // the same, of the last write; empty: it was done

    std::mutex mutex;
    std::condition_variable_any queued;   // for the appender
    std::condition_variable_any counted;  // for waiters
    std::deque<Group> queue;
    bool writing = false;  // somebody is in commit()
    std::vector<Lane> lanes;
    std::deque<events::Partition> tail_order;  // whose tail block is the oldest
    std::size_t tail_bytes = 0;
    std::uint64_t version = 0;
    std::uint64_t interrupts = 0;
    std::atomic<std::uint64_t> records{0};  // that count, in all partitions
    EmbeddedLogStats stats;

    std::mutex mark_mutex;
    MarkedLog& marked = opened.marked;  // guarded by it
    bool sealed = false;

    std::jthread appender;
    std::jthread sealer;
};

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
        const Lane& lane = impl_->lanes[partition];
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
