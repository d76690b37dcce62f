// A server, its log, its stores and its clients in one thread under a fake clock. A seed decides who goes on next, what
// the log does to blocks, when the process dies, and when the power goes with it. The same seed lives the same life.
#pragma once

#include "tests/simulation/clients.hpp"
#include "tests/simulation/durable_kv.hpp"
#include "tests/simulation/process.hpp"

#include <iosfwd>
#include <optional>

namespace tidemark::tests::simulation {

struct Life {
    std::uint64_t seed = 1;
    // The one point at which the process dies, counted from the start of the world; none: as the seed says.
    std::optional<std::uint64_t> dies_at;
    Defect defect = Defect::none;
    std::ostream* trace = nullptr;  // what happens, line by line
};

class World {
public:
    explicit World(const Life& life);

    // Lives until every command is sent, then lets the world be kind: the rest is answered, followed and written.
    // What was wrong on the way and in the end; empty: nothing.
    [[nodiscard]] std::vector<std::string> run();
    [[nodiscard]] std::uint64_t crashes() const { return crashes_; }
    // What this life was like, in a few numbers: equal lives have equal ones.
    [[nodiscard]] std::string summary();

private:
    template <class Step>
    void survive(Step step);
    void act();
    void send(std::vector<consumers::Submission> batch);
    void let_time_pass(std::uint64_t most_us);
    void die(const Crash& crash);
    void start();
    void restart_in_order();
    void end_in_peace();
    void go_on();  // while somebody waits for the log
    void arm();
    void say(const std::string& what);

    Life life_;
    Dice dice_;
    ProcessOptions options_;
    infra::FaultScript faults_;
    std::size_t commands_left_;
    std::uint64_t crash_every_;  // points, about
    bool kind_ = false;

    std::int64_t now_us_;           // the fake clock
    std::int64_t wall_off_us_ = 0;  // wall clocks are set, also back

    CrashPoints points_;
    infra::MemoryLog disk_;
    WorldLog log_;
    DurableKv derived_rows_;
    DurableKv view_rows_;
    Clients clients_;
    std::unique_ptr<Process> process_;
    std::uint64_t crashes_ = 0;
};

}  // namespace tidemark::tests::simulation
