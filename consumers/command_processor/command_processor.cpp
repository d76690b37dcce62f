#include "consumers/command_processor/command_processor.hpp"

#include "consumers/command_processor/writer_loop.hpp"
#include "consumers/threads.hpp"

#include <thread>

namespace tidemark::consumers {

struct CommandProcessor::Impl {
    Impl(Log& log, DerivedStores& derived_in, std::string_view digest_key, std::function<events::Micros()> clock,
         const ProcessorOptions& options)
        : derived(derived_in),
          inbox(options, Preparation(digest_key, log.identity().partitions)),
          loop(log, derived_in, std::move(clock), options, inbox, counters) {}

    DerivedStores& derived;
    Inbox inbox;
    WriterCounters counters;
    WriterLoop loop;
    std::jthread thread;
};

CommandProcessor::CommandProcessor(Log& log, DerivedStores& derived, std::string_view digest_key,
                                   std::function<events::Micros()> clock, ProcessorOptions options)
    : impl_(std::make_unique<Impl>(log, derived, digest_key, std::move(clock), options)) {}

CommandProcessor::~CommandProcessor() {
    drain();
}

std::expected<void, std::string> CommandProcessor::start() {
    impl_->derived.on_followed([impl = impl_.get()] {
        if (impl->counters.wants_nudge) impl->inbox.nudge();
    });
    if (auto taken = impl_->loop.take_over(); !taken) return taken;
    impl_->thread = std::jthread([impl = impl_.get()] {
        name_thread("writer");
        impl->loop.run();
    });
    return {};
}

std::size_t CommandProcessor::submit(std::span<Submission> submissions) {
    return impl_->inbox.put(submissions);
}

std::uint64_t CommandProcessor::term() const {
    return impl_->inbox.term();
}

void CommandProcessor::drain() {
    if (!impl_->thread.joinable()) return;
    impl_->inbox.drain();
    impl_->thread.join();
}

std::string CommandProcessor::trouble() const {
    return impl_->counters.trouble.get();
}

ProcessorStats CommandProcessor::stats() const {
    const WriterCounters& counters = impl_->counters;
    ProcessorStats stats;
    stats.commands = counters.commands;
    stats.accepted = counters.accepted;
    stats.unchanged = counters.unchanged;
    stats.rejected = counters.rejected;
    stats.repeated = counters.repeated;
    stats.groups = counters.groups;
    stats.records = counters.records;
    stats.cache_hits = counters.cache_hits;
    stats.cache_misses = counters.cache_misses;
    stats.queued = impl_->inbox.queued();
    stats.queued_bulk = impl_->inbox.queued_bulk();
    stats.queued_bytes = impl_->inbox.queued_bytes();
    stats.waiting_for_reference = counters.waiting;
    stats.cache_bytes = counters.cache_bytes;
    return stats;
}

}  // namespace tidemark::consumers
