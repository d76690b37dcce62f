// Port: the partitioned log of blocks. Adapters: infra/rocksdb (one machine), infra/memory (tests),
// later Apache Kafka. Nothing above the port may know which one it has; tests/contract holds every
// adapter to what is said here.
#pragma once

#include "events/block.hpp"
#include "events/chain.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

namespace tidemark::consumers {

struct LogIdentity {
    events::Uuid id;
    std::uint64_t incarnation = 0;
    std::uint32_t partitions = 0;
    bool operator==(const LogIdentity&) const = default;
};

enum class AppendStatus : std::uint8_t {
    counted,     // durable, and it continues the chain: answers may go out
    superseded,  // another block stands where this one would: step down, read on, take over again if need be
    unknown,     // the world failed: it may count now, later or never; read back before anything is answered
};

struct AppendResult {
    AppendStatus status = AppendStatus::unknown;
    std::error_code error;  // for unknown
    std::string what;       // for people: what failed, and what to do
};

// Called exactly once per append, from any thread or before append returns; in the order of the appends.
// One result per block of the group.
using AppendDone = std::move_only_function<void(std::vector<AppendResult>)>;

// All calls may come from any thread.
class Log {
public:
    virtual ~Log() = default;

    [[nodiscard]] virtual const LogIdentity& identity() const = 0;

    // The end of what counts in a partition, with its Merkle edge: what the next block continues.
    struct End {
        events::Tip tip;
        events::MerkleEdge edge;
    };
    [[nodiscard]] virtual End end(events::Partition partition) = 0;
    // The same without the edge: for followers, which ask often and only want to know whether there is more.
    [[nodiscard]] virtual events::Tip tip(events::Partition partition) { return end(partition).tip; }
    // How many records count in all partitions together. Cheap.
    [[nodiscard]] virtual std::uint64_t records() {
        std::uint64_t all = 0;
        for (events::Partition p = 0; p < identity().partitions; ++p) all += tip(p).next_sequence;
        return all;
    }

    // Appends one open block of each of some partitions, at most one a partition. Several groups may
    // be under way; those of one partition keep their order. Never throws.
    virtual void append(std::vector<events::BlockPtr> group, AppendDone done) = 0;

    // The same, for a caller that has nothing to do until the group has returned: the adapter may use the caller's
    // thread, which spares the change to another and back.
    virtual void append_here(std::vector<events::BlockPtr> group, AppendDone done) {
        append(std::move(group), std::move(done));
    }

    // Blocks that count, in order, from the one that holds record `from` (or would: barriers that stand
    // there are included: whoever follows folds them, and the chain ignores what it has); as many as fit in
    // `max_bytes` of stored bytes, at least one with records if there is one. Blocks near the tail come from
    // memory. Empty: `from` is the end, or beyond. Damage is an error, never skipped.
    [[nodiscard]] virtual std::expected<std::vector<events::BlockPtr>, std::string> read(events::Partition partition,
                                                                                         events::Sequence from,
                                                                                         std::size_t max_bytes) = 0;

    // A number that grows whenever something new counts in any partition. Returns at once if it is
    // beyond `seen`; else when it is, or at the deadline, or after interrupt().
    [[nodiscard]] virtual std::uint64_t wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) = 0;
    virtual void interrupt() = 0;  // wakes every waiter; for shutting down

    // Why appends are refused at the moment, for people; empty: they are not, as far as is known.
    [[nodiscard]] virtual std::string trouble() const { return {}; }
};

}  // namespace tidemark::consumers
