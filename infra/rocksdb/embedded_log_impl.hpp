// The inside of the embedded log, which embedded_log.cpp reads and appending.cpp writes.
#pragma once

#include "infra/rocksdb/embedded_log.hpp"
#include "infra/rocksdb/open_log.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tidemark::infra {

struct EmbeddedLog::Impl {
    struct Group {
        std::vector<events::BlockPtr> blocks;
        consumers::AppendDone done;
        std::vector<consumers::AppendResult> results;
    };

    // One partition.
    struct Lane {
        events::ChainFold chain;            // the appender's: may be ahead of what is written
        consumers::Log::End end;            // written; guarded by the mutex, as all below
        std::deque<events::BlockPtr> tail;  // the newest blocks, without gaps
        std::uint64_t end_barriers = 0;     // behind the last record
        std::size_t bytes_since_end = 0;    // the appender's, as the next
        std::uint64_t blocks_since_end = 0;
    };

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
    std::vector<events::BlockPtr> judge(std::vector<Group>& groups);
    consumers::AppendResult judge_one(const events::BlockPtr& block);
    void write(const std::vector<events::BlockPtr>& blocks, std::vector<Group>& groups);
    std::expected<void, MarkFailure> write_mark(const std::vector<events::BlockPtr>& blocks);
    void leave_in_doubt(std::vector<Group>& groups);
    void publish(const std::vector<events::BlockPtr>& blocks);
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

}  // namespace tidemark::infra
