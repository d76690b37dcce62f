// The log as the process sees it: it can die at every call, and while it waits for the log the world goes on.
#pragma once

#include "infra/memory/memory_log.hpp"
#include "tests/simulation/crash_points.hpp"
#include "tests/simulation/defect.hpp"

#include <functional>

namespace tidemark::tests::simulation {

class WorldLog final : public consumers::Log {
public:
    // `log` is stepped. `go_on` lets some time pass, and the followers follow.
    WorldLog(infra::MemoryLog& log, CrashPoints& points, std::function<void()> go_on)
        : log_(log), points_(points), go_on_(std::move(go_on)) {}

    void plant(Defect defect) { defect_ = defect; }

    const consumers::LogIdentity& identity() const override { return log_.identity(); }
    End end(events::Partition partition) override { return log_.end(partition); }
    void append(std::vector<events::BlockPtr> group, consumers::AppendDone done) override;
    std::expected<std::vector<events::BlockPtr>, std::string> read(events::Partition partition, events::Sequence from,
                                                                   std::size_t max_bytes) override;
    std::uint64_t wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) override;
    void interrupt() override { log_.interrupt(); }

    bool step();  // of the log

private:
    infra::MemoryLog& log_;
    CrashPoints& points_;
    std::function<void()> go_on_;
    Defect defect_ = Defect::none;
};

}  // namespace tidemark::tests::simulation
