// Over what is in the log: scan, audit replay, rebuild of every view. Beside the plain scan.
#include "api/bench/bench.hpp"
#include "api/bench/submitting.hpp"
#include "api/cli/progress.hpp"
#include "api/cli/store_commands.hpp"

#include <fmt/core.h>

namespace tidemark::api {

namespace {

BenchResult fill(BenchRun& run) {
    if (auto open = open_live_sales(run); !open) return open;
    std::uint64_t there = 0;
    for (events::Partition p = 0; p < run.bed->log().identity().partitions; ++p)
        there += run.bed->log().end(p).tip.next_sequence;
    Submitting submitting(run.bed->commands(), 4'096);
    const auto filled = submitting.run([&]() -> std::optional<v1::Command> {
        if (there++ >= run.arguments.events) return std::nullopt;
        return run.work->next();
    });
    if (!filled) return std::unexpected(filled.error());
    return until_views_followed(run);
}

// Every record decoded, none folded; how many there are.
std::expected<std::uint64_t, std::string> scan(BenchRun& run) {
    std::uint64_t records = 0;
    for (events::Partition p = 0; p < run.bed->log().identity().partitions; ++p) {
        for (events::Sequence next = 0, end = run.bed->log().end(p).tip.next_sequence; next < end;) {
            const auto blocks = run.bed->log().read(p, next, 8 << 20);
            if (!blocks) return std::unexpected(blocks.error());
            for (const auto& block : *blocks) {
                for (std::size_t i = 0; i < block->size(); ++i) {
                    if (!events::decode_record(block->record(i))) return std::unexpected("a record does not decode");
                    ++records;
                }
                next = block->next_sequence();
            }
        }
    }
    return records;
}

}  // namespace

BenchResult bench_history(BenchRun& run) {
    if (auto filled = fill(run); !filled) return filled;
    const auto scanning = BenchClock::now();
    const auto records = scan(run);
    if (!records) return std::unexpected(records.error());
    const std::string floor = fmt::format("floor: scan of {} records, one thread", grouped(*records));
    run.figures.add({.name = floor, .value = static_cast<double>(*records) / seconds_since(scanning)});

    const auto folded = fold_log(run.bed->log(), nullptr, [](consumers::Progress) {});
    if (!folded) return std::unexpected(folded.error());
    run.figures.add({.name = "audit replay: scan and fold through the aggregates",
                     .value = static_cast<double>(folded->records) / folded->seconds,
                     .against = floor});

    const auto rebuilding = BenchClock::now();
    if (auto rebuilt = run.bed->projector().rebuild({}, [](consumers::Progress) {}); !rebuilt) return rebuilt;
    run.figures.add({.name = "rebuild of every view and KPI",
                     .value = static_cast<double>(*records) / seconds_since(rebuilding),
                     .against = floor});
    return {};
}

}  // namespace tidemark::api
