#include "tests/simulation/process.hpp"

#include "tests/simulation/clients.hpp"

namespace tidemark::tests::simulation {

Process::Process(WorldLog& log, consumers::KvStore& derived_rows, consumers::KvStore& view_rows,
                 const ProcessOptions& options, Clocks clocks)
    : derived_(log, derived_rows, options.derived),
      inbox_(options.processor, consumers::Preparation(digest_key, log.identity().partitions)),
      writer_(log, derived_, std::move(clocks.wall), options.processor, inbox_, counters_, std::move(clocks.steady)),
      views_(log, view_rows, options.batch_events, options.view_cache_bytes) {}

void Process::catch_up() {
    if (auto done = derived_.catch_up({}); !done) throw std::runtime_error("catching up: " + done.error());
}

bool Process::take_over() {
    return writer_.take_over().has_value();
}

void Process::turn() {
    (void)writer_.turn({});
}

void Process::follow() {
    if (auto done = derived_.follow(); !done) throw std::runtime_error("following: " + done.error());
}

void Process::write() {
    if (auto done = derived_.write(); !done) throw std::runtime_error("writing derived rows: " + done.error());
}

void Process::settle() {
    follow();
    for (bool more = true; more;) {
        auto some = derived_.write();
        if (!some) throw std::runtime_error("writing derived rows: " + some.error());
        more = *some;
    }
    views_.fold_all();
}

bool Process::drain() {
    inbox_.drain();
    return !writer_.turn({});
}

}  // namespace tidemark::tests::simulation
