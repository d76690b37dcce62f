// The log in memory: a plain fast one for tests, and one whose world can fail. Like a broker it keeps
// every message that lands, knows nothing, and lets the chain rule say which of them count.
#pragma once

#include "consumers/log/log.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace tidemark::infra {

// What becomes of one block that is appended.
enum class Fate : std::uint8_t {
    lands,       // once, and is reported
    lost,        // never lands; reported unknown
    unreported,  // lands; reported unknown all the same
    late,        // reported unknown; lands behind the next block appended to its partition
    doubled,     // lands twice; reported once
    overtaken,   // a barrier of another owner lands first, so this one lands and does not count
};

struct Fault {
    Fate fate = Fate::lands;
    std::chrono::microseconds delay{0};  // the group lands this much later (the longest of its blocks)
    bool let_next_pass = false;          // a group that comes during the delay, of other partitions only, lands first
};

// Asked once per block, in the order of the appends: which group since the start, and where it goes.
using FaultScript = std::function<Fault(std::uint64_t group, events::Partition partition)>;

// Chances of each fault per block, drawn from a seed. The same seed and the same appends give the same faults.
struct FaultRates {
    double lost = 0.02;
    double unreported = 0.02;
    double late = 0.02;
    double doubled = 0.05;
    double overtaken = 0.01;
    double delayed = 0.2;
    double let_next_pass = 0.2;
    std::chrono::microseconds longest_delay{300};
};
[[nodiscard]] FaultScript random_faults(std::uint64_t seed, FaultRates rates = {});

struct MemoryLogOptions {
    events::Uuid id = events::random_uuid();
    std::uint64_t incarnation = 1;
    std::uint32_t partitions = 16;
    FaultScript faults;  // none: appends land and are reported before append returns
    // Given: a stepped log. No thread; what is appended waits for step(), and delays are of this clock.
    std::function<std::chrono::microseconds()> clock;
};

// Any thread. With faults, blocks land on a thread of its own. The destructor lands and reports what is under way,
// unless the log is stepped.
class MemoryLog final : public consumers::Log {
public:
    explicit MemoryLog(MemoryLogOptions options = {});
    ~MemoryLog() override;
    MemoryLog(const MemoryLog&) = delete;
    MemoryLog& operator=(const MemoryLog&) = delete;

    [[nodiscard]] const consumers::LogIdentity& identity() const override;
    [[nodiscard]] End end(events::Partition partition) override;
    void append(std::vector<events::BlockPtr> group, consumers::AppendDone done) override;
    [[nodiscard]] std::expected<std::vector<events::BlockPtr>, std::string> read(events::Partition partition,
                                                                                 events::Sequence from,
                                                                                 std::size_t max_bytes) override;
    [[nodiscard]] std::uint64_t wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) override;
    void interrupt() override;

    // While held, appends are taken and nothing lands; release lets all of it land, in order.
    void hold();
    void release();

    // Of a stepped log: one group lands, or one that has landed is reported. False: nothing is under way, or it is
    // late.
    bool step();
    // Of a stepped log: the writer dies. What it has under way lands by these fates, asked for once per block, and is
    // not reported.
    void forget_writer(const std::function<Fate()>& fate);

    // Everything that ever landed in a partition, whether it counts or not, in the order of landing.
    [[nodiscard]] std::vector<events::BlockPtr> messages(events::Partition partition);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::infra
