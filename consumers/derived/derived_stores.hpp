// The derived stores: stream index, outcomes, snapshots, references, Merkle tiles. They follow behind
// the log, catch up at start, can be dropped and made again from it, and are checked against it.
// What they have not written yet they hold in memory, so a look-up always sees all that they followed.
#pragma once

#include "aggregates/reference.pb.h"
#include "consumers/log/log.hpp"
#include "consumers/store/kv_store.hpp"

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace tidemark::consumers {

// The tables of the derived database, in this order.
struct DerivedTable {
    static constexpr Table streams = 0;     // stream key (16) | version (u32 BE) -> sequence (varint)
    static constexpr Table outcomes = 1;    // command key (16) -> sequence of the command's first record (varint)
    static constexpr Table snapshots = 2;   // stream key (16) -> StoredSnapshot
    static constexpr Table references = 3;  // stream key (16) -> v1.Reference
    static constexpr Table merkle = 4;      // partition | level | tile -> up to 256 hashes (C2SP tlog-tiles)
    static constexpr Table meta = 5;        // "followed/<partition>" -> place; "log", "folds", "rebuilding"
    static constexpr const char* names[] = {"streams", "outcomes", "snapshots", "references", "merkle", "meta"};
};

struct SnapshotRow {
    events::Version version = 0;
    std::uint32_t fold_version = 0;
    std::string state;  // bytes of the aggregate's state message
};

struct DerivedOptions {
    // What is gathered in memory before a sorted run is written: so many rows, or so many bytes, whichever comes first.
    // At most twice as much is held, and twice as much again while it is written.
    std::size_t run_entries = 800'000;
    std::size_t run_bytes = 64u << 20;
    std::chrono::milliseconds idle_write{1000};    // written anyway when nothing has come for so long
    std::chrono::milliseconds busy_write{10'000};  // written anyway so long after the last time, when much comes
    std::chrono::milliseconds retry_pause{1000};   // between attempts to write when the world fails
    std::chrono::microseconds gather{1000};        // more is waited for after something came, unless hurry() is called
    std::size_t filter_keys = 2'000'000;  // twelve bits each: the first filter of outcomes is for so many at least
    std::uint64_t max_behind = 200'000;   // records; a writer that is further ahead is slowed (see behind())
    bool stepped = false;                 // no threads: the caller calls follow() and write(), not start()
};

struct Progress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
};
using OnProgress = std::function<void(Progress)>;

// Look-ups may come from any thread. The follower runs on a thread of its own between start and stop.
class DerivedStores {
public:
    DerivedStores(Log& log, KvStore& store, DerivedOptions options);
    ~DerivedStores();

    // Reads what is missing from the log, with progress; then goes on behind it. An error names the damage:
    // a log that does not continue what was followed is refused.
    [[nodiscard]] std::expected<void, std::string> catch_up(const OnProgress& progress);
    void start();
    void stop();  // writes what is held in memory, or leaves it to the next start if it cannot be written

    // Of stepped stores. Follows all that counts now, or what memory has room for while writing is held up; on an error
    // it is to be given up.
    [[nodiscard]] std::expected<void, std::string> follow();
    // One half of a write: makes what is held the rows to be written, or writes those. False: there was nothing.
    // What could not be written is kept, and the next call tries again.
    [[nodiscard]] std::expected<bool, std::string> write();

    [[nodiscard]] std::optional<events::Sequence> outcome(const events::Key128& command) const;
    [[nodiscard]] std::optional<SnapshotRow> snapshot(const events::Key128& stream) const;
    // Sequences of the stream's events with `first` <= version <= `last`, in order.
    [[nodiscard]] std::vector<events::Sequence> stream(const events::Key128& stream, events::Version first,
                                                       events::Version last) const;
    [[nodiscard]] std::shared_ptr<const v1::Reference> reference(const events::Key128& stream) const;

    // Hands over a snapshot to be written behind; its events must count already.
    void put_snapshot(const events::Key128& stream, SnapshotRow row);

    [[nodiscard]] events::Sequence followed(
        events::Partition partition) const;      // next sequence to follow; visible to look-ups
    [[nodiscard]] std::uint64_t behind() const;  // records that count and are not followed yet
    [[nodiscard]] bool overfull() const { return behind() > max_behind_; }  // a writer is to wait
    // Somebody waits for followed() to advance: the follower does not wait for more this time. Any thread.
    void hurry();
    // Called (from the follower's thread) whenever followed() has advanced.
    void on_followed(std::function<void()> listener);

    // Most commands that are new are known to be so without a look into the store: soon after start().
    [[nodiscard]] bool has_filter() const;

    // Set when following has stopped on damage, for good: what, for people. Readiness reports it.
    [[nodiscard]] std::optional<std::string> failure() const;
    // Set while rows cannot be written (a full disk) and are tried again: why, for people. Look-ups go on, following
    // until memory is full. Readiness reports it.
    [[nodiscard]] std::optional<std::string> held_up() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    std::uint64_t max_behind_;
};

// Drops the derived stores and makes them again by one scan of the log.
[[nodiscard]] std::expected<void, std::string> rebuild_derived(Log& log, KvStore& store, DerivedOptions options,
                                                               const OnProgress& progress);

struct CheckReport {
    std::uint64_t blocks = 0;
    std::uint64_t records = 0;
    std::uint64_t streams = 0;
    std::vector<std::string> faults;  // empty: log and derived stores are sound and agree
};
// Verifies the chain, every hash, positions, per-stream versions; and that every derived row is what the log says, none
// missing.
[[nodiscard]] CheckReport check_store(Log& log, KvStore& store, const OnProgress& progress);

}  // namespace tidemark::consumers
