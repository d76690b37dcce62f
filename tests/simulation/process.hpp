// The server's process, without threads: derived stores, writer and views, each taken a step further when it is told
// to. It dies by being destroyed.
#pragma once

#include "consumers/command_processor/writer_loop.hpp"
#include "tests/simulation/views.hpp"
#include "tests/simulation/world_log.hpp"

namespace tidemark::tests::simulation {

struct ProcessOptions {
    consumers::ProcessorOptions processor;
    consumers::DerivedOptions derived;
    std::size_t batch_events = 100;
    std::size_t view_cache_bytes = 1u << 20;
};

struct Clocks {
    std::function<events::Micros()> wall;
    std::function<consumers::WriterLoop::Time()> steady;
};

// A failure that is no answer to anything the world did: throws std::runtime_error.
class Process {
public:
    Process(WorldLog& log, consumers::KvStore& derived_rows, consumers::KvStore& view_rows,
            const ProcessOptions& options, Clocks clocks);

    // Until then only follow() may be called: whoever takes the partitions over waits for it.
    void catch_up();
    [[nodiscard]] bool take_over();  // false: the world was against it; again

    [[nodiscard]] std::size_t submit(std::span<consumers::Submission> submissions) { return inbox_.put(submissions); }
    void turn();    // of the writer
    void follow();  // the derived stores follow what counts
    void write();   // half a write of derived rows
    void fold(std::uint32_t shard) { (void)views_.step(shard); }
    void commit(std::uint32_t shard) { views_.commit(shard); }
    // Everything that counts is followed, folded and written.
    void settle();
    // Decides and answers what it has, as far as the log lets it in one turn; true: it has nothing left.
    [[nodiscard]] bool drain();

    [[nodiscard]] consumers::DerivedStores& derived() { return derived_; }
    [[nodiscard]] const Views& views() const { return views_; }

private:
    consumers::DerivedStores derived_;
    consumers::Inbox inbox_;
    consumers::WriterCounters counters_;
    consumers::WriterLoop writer_;
    Views views_;
};

}  // namespace tidemark::tests::simulation
