// A command path on the in-memory log: derived stores, processor, history. `restart` is a crash and a new start.
#pragma once

#include "consumers/command_processor/command_processor.hpp"
#include "consumers/history/history.hpp"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"
#include "tests/support/commands.hpp"

#include <future>
#include <map>
#include <memory>
#include <vector>

namespace tidemark::tests {

class ProcessorFixture {
public:
    explicit ProcessorFixture(infra::MemoryLogOptions log_options = {}, consumers::ProcessorOptions options = {})
        : log(std::move(log_options)), options_(options) {
        start();
    }
    ~ProcessorFixture() { stop(); }

    // One after the other submitted at once; outcomes in the same order. Those that found the queue full: UNAVAILABLE.
    std::vector<v1::Outcome> send(std::vector<v1::Command> commands) {
        std::vector<std::future<v1::Outcome>> futures;
        std::vector<consumers::Submission> submissions;
        for (v1::Command& command : commands) {
            auto promise = std::make_shared<std::promise<v1::Outcome>>();
            futures.push_back(promise->get_future());
            consumers::Submission submission;
            submission.command = std::move(command);
            submission.answer = [promise](v1::Outcome outcome) { promise->set_value(std::move(outcome)); };
            submissions.push_back(std::move(submission));
        }
        const std::size_t taken = processor->submit(submissions);
        std::vector<v1::Outcome> outcomes;
        for (std::size_t i = 0; i < futures.size(); ++i) {
            if (i < taken) {
                if (futures[i].wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
                    throw std::runtime_error("a command was not answered within 30 s");
                }
                outcomes.push_back(futures[i].get());
            } else {
                outcomes.emplace_back().set_status(v1::UNAVAILABLE);
            }
        }
        return outcomes;
    }
    v1::Outcome send(v1::Command command) {
        std::vector<v1::Command> one;
        one.push_back(std::move(command));
        return std::move(send(std::move(one)).front());
    }

    // Until the derived stores have followed everything that counts.
    void settle() {
        std::uint64_t seen = 0;
        for (int round = 0; derived->behind() > 0; ++round) {
            if (round > 30'000) throw std::runtime_error("the derived stores do not follow");
            derived->hurry();
            seen = log.wait(seen, std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
        }
    }

    void restart() {
        stop();
        start();
    }
    void stop() {
        if (processor) processor->drain();
        if (derived) derived->stop();
        processor.reset();
        history.reset();
        derived.reset();
    }
    void start() {
        derived = std::make_unique<consumers::DerivedStores>(log, kv, derived_options);
        if (auto caught_up = derived->catch_up({}); !caught_up) throw std::runtime_error(caught_up.error());
        derived->start();
        history = std::make_unique<consumers::History>(log, *derived);
        processor = std::make_unique<consumers::CommandProcessor>(
            log, *derived, "a key for tests", [this] { return ++now; }, options_);
        for (int attempt = 0; attempt < 100; ++attempt) {
            if (processor->start()) return;
        }
        throw std::runtime_error("the processor could not take the partitions over");
    }

    // Every record that counts, by partition, in order.
    std::vector<events::RecordView> records(std::vector<events::BlockPtr>& keep) {
        std::vector<events::RecordView> all;
        for (events::Partition partition = 0; partition < log.identity().partitions; ++partition) {
            const auto end = log.end(partition).tip.next_sequence;
            for (events::Sequence next = 0; next < end;) {
                auto blocks = log.read(partition, next, 1u << 20);
                if (!blocks) throw std::runtime_error(blocks.error());
                for (auto& block : *blocks) {
                    for (std::size_t i = 0; i < block->size(); ++i)
                        all.push_back(*events::decode_record(block->record(i)));
                    next = block->next_sequence();
                    keep.push_back(block);
                }
            }
        }
        return all;
    }

    consumers::DerivedOptions derived_options;  // of the next start
    events::Micros now = monday;
    infra::MemoryLog log;
    infra::MemoryKv kv{std::size(consumers::DerivedTable::names)};
    std::unique_ptr<consumers::DerivedStores> derived;
    std::unique_ptr<consumers::History> history;
    std::unique_ptr<consumers::CommandProcessor> processor;

private:
    consumers::ProcessorOptions options_;
};

}  // namespace tidemark::tests
