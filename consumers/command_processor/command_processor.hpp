// The command processor: dedupe, load, decide, append, answer. One writer per partition; optimistic
// concurrency needs no lock. Answers go out only after the block they rest on counts.
#pragma once

#include "aggregates/command.pb.h"
#include "consumers/derived/derived_stores.hpp"
#include "consumers/log/log.hpp"

#include <functional>
#include <memory>
#include <span>

namespace tidemark::consumers {

struct ProcessorOptions {
    std::size_t queue_commands = 100'000;  // waiting or undecided; beyond it (bulk: 3/4 of it) submit refuses
    std::size_t queue_bytes = 256u << 20;
    std::size_t group_records = 2'000;     // of one commit group, over all partitions
    std::size_t cache_bytes = 256u << 20;  // of hot aggregate states
    bool compress = true;                  // zstd level 1 over blocks that gain from it
    // True while nothing more is to be decided: what follows the log is too far behind. Asked often, by the
    // processor's thread. Empty: never.
    std::function<bool()> hold_back;
};

// Where a command waits. Bulk streams leave a quarter of the queue to single commands, and go behind those that wait;
// no order is promised between the two.
enum class Lane : std::uint8_t { single, bulk };

using Answer = std::move_only_function<void(v1::Outcome)>;

// A command that passed validation, with tenant and command_id filled in.
struct Submission {
    v1::Command command;
    bool occurred_at_given = true;  // false: it is the time of receipt, and not part of what a repetition must repeat
    Answer answer;                  // called once, from the processor's thread: short, never blocking
    // The processor's term when the sender began. Once an append has failed another term begins, and commands of the
    // former one are answered UNAVAILABLE without a look at them: what was sent in an order is not decided with gaps.
    std::optional<std::uint64_t> term;
    Lane lane = Lane::single;
};

struct ProcessorStats {
    std::uint64_t commands = 0;
    std::uint64_t accepted = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t rejected = 0;
    std::uint64_t repeated = 0;
    std::uint64_t groups = 0;
    std::uint64_t records = 0;
    std::uint64_t cache_hits = 0;
    std::uint64_t cache_misses = 0;
    std::size_t queued = 0;
    std::size_t queued_bulk = 0;  // of those
    std::size_t queued_bytes = 0;
    std::size_t waiting_for_reference = 0;
    std::size_t cache_bytes = 0;
};

// submit, term, stats, trouble and drain may be called from any thread.
class CommandProcessor {
public:
    // `clock` gives the wall time in microseconds; recorded_at never goes back within a partition whatever it says.
    // `digest_key` keys the digests of command bodies; it stays the same for the life of the log.
    CommandProcessor(Log& log, DerivedStores& derived, std::string_view digest_key,
                     std::function<events::Micros()> clock, ProcessorOptions options);
    ~CommandProcessor();

    // Takes every partition over (a barrier each) and begins to decide. An error names what stands in the way.
    [[nodiscard]] std::expected<void, std::string> start();

    // Takes submissions from the front, in order; returns how many. The rest found the queue full (or the
    // processor stopping): answer 503 with Retry-After, and they may be sent again.
    [[nodiscard]] std::size_t submit(std::span<Submission> submissions);

    [[nodiscard]] std::uint64_t term() const;

    // Decides and answers everything taken so far, writes snapshots, stops.
    void drain();

    [[nodiscard]] ProcessorStats stats() const;
    // Why the partitions could not be taken over again after something had failed, for people; empty: all is well.
    [[nodiscard]] std::string trouble() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::consumers
