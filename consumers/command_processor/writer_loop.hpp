// The processor's one thread: takes what has arrived, decides it into the open group, appends a group as
// soon as the former one has returned, and answers what counts.
#pragma once

#include "consumers/command_processor/command_group.hpp"
#include "consumers/command_processor/committer.hpp"
#include "consumers/command_processor/inbox.hpp"
#include "consumers/command_processor/partition_writer.hpp"
#include "consumers/command_processor/recent_commands.hpp"
#include "consumers/command_processor/reference_gate.hpp"
#include "consumers/command_processor/state_cache.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace tidemark::consumers {

// Why nothing is decided, for people; empty: it is. Any thread.
class Trouble {
public:
    // True: that is something else than before.
    bool set(std::string_view why) {
        const std::scoped_lock lock(mutex_);
        return std::exchange(why_, std::string(why)) != why;
    }
    [[nodiscard]] std::string get() const {
        const std::scoped_lock lock(mutex_);
        return why_;
    }

private:
    mutable std::mutex mutex_;
    std::string why_;
};

struct WriterCounters {
    std::atomic<std::uint64_t> commands{0}, accepted{0}, unchanged{0}, rejected{0}, repeated{0}, groups{0}, records{0},
        cache_hits{0}, cache_misses{0};
    std::atomic<std::size_t> waiting{0}, cache_bytes{0};
    std::atomic<bool> wants_nudge{false};  // something waits for the derived stores
    Trouble trouble;
};

inline void bump(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
    counter.fetch_add(by, std::memory_order_relaxed);
}

class WriterLoop {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `clock`: wall time, for records. `timer`: for its own intervals.
    WriterLoop(Log& log, DerivedStores& derived, std::function<events::Micros()> clock, ProcessorOptions options,
               Inbox& inbox, WriterCounters& counters, std::function<Time()> timer = std::chrono::steady_clock::now);

    // Takes every partition over: a barrier that counts, then reads to it. Calls from the loop's thread, or before
    // run().
    [[nodiscard]] std::expected<void, std::string> take_over();
    void run();  // until the inbox says that it is drained; with a thread beside it that commits groups
    // One turn of run(), for whoever steps it by hand: takes what has arrived (the first of it until `deadline` at the
    // latest), decides, appends, answers. False: it is drained.
    [[nodiscard]] bool turn(Time deadline);

private:
    enum class Turn : std::uint8_t { decided, parked };

    void decide_arrived();
    void decide_ready();
    void decide_stream(PendingPtr pending);
    Turn decide(PendingPtr& pending);
    Turn decide_guarded(PendingPtr& pending);
    bool answer_repetition(PendingPtr& pending);  // taken when it returns true and the answer has to wait
    CachedState& load(const Pending& pending);
    // What has to come before a fact can be said to be missing: an earlier command of its stream that waits (`end` is
    // 0), or the reference view up to `end`.
    struct Wait {
        events::Key128 stream;
        events::Partition partition = 0;
        events::Sequence end = 0;
    };
    [[nodiscard]] std::optional<Wait> unsettled(const Pending& pending, const aggregates::Need& need) const;
    void park(PendingPtr pending, const Wait& wait);
    void record(PendingPtr& pending, CachedState& state, std::vector<Draft> drafts, Answered answered);
    void reject(PendingPtr& pending, CachedState& state, v1::Rejection rejection);

    void send_group();
    void finish_group(std::vector<AppendResult> results);
    void abandon();
    void refuse_waiting(std::string_view why);
    // Nothing is decided any more until the partitions are taken over again.
    void disown(std::string_view why);
    void take_over_again();
    void say_undecided(const char* why);
    void housekeeping(bool closing);
    [[nodiscard]] bool group_full() const;

    Log& log_;
    DerivedStores& derived_;
    History history_;
    std::function<events::Micros()> clock_;
    std::function<Time()> timer_;
    ProcessorOptions options_;
    Inbox& inbox_;
    WriterCounters& counters_;

    Owner owner_;
    std::vector<PartitionWriter> partitions_;
    StateCache cache_;
    RecentCommands recent_;
    ReferenceGate gate_;
    std::deque<PendingPtr> arrived_;  // taken from the inbox, not decided yet
    CommandGroup open_;
    CommandGroup in_flight_;         // the committer's while appending_
    std::vector<GroupAnswer> late_;  // rest on in_flight_ too
    Committer committer_;
    bool appending_ = false;
    bool throttled_ = false;
    bool owning_ = false;          // false after a failed append, until the partitions are taken over again
    std::string why_not_;          // while they are not
    std::uint64_t undecided_ = 0;  // commands whose failure was not logged
    Time next_undecided_{};
    std::uint64_t next_ticket_ = 1;
    Time next_snapshots_{};
    Time next_take_over_{};
};

}  // namespace tidemark::consumers
