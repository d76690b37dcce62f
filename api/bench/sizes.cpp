// What the data takes on disk, and how long a start takes after a clean stop.
#include "api/bench/bench.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <map>

namespace tidemark::api {

namespace {

namespace fs = std::filesystem;

// Bytes below each entry of the data directory.
std::map<std::string, std::uint64_t> bytes_by_store(const fs::path& data) {
    std::map<std::string, std::uint64_t> bytes;
    std::error_code gone;  // files come and go while the server runs
    for (auto at = fs::recursive_directory_iterator(data, gone); at != fs::end(at); at.increment(gone)) {
        if (gone || !at->is_regular_file(gone)) continue;
        const auto size = at->file_size(gone);
        if (!gone) bytes[fs::relative(at->path(), data, gone).begin()->string()] += size;
    }
    return bytes;
}

struct Records {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
};

std::expected<Records, std::string> records_of(consumers::Log& log) {
    Records all;
    for (events::Partition p = 0; p < log.identity().partitions; ++p) {
        for (events::Sequence next = 0, end = log.end(p).tip.next_sequence; next < end;) {
            const auto blocks = log.read(p, next, 8 << 20);
            if (!blocks) return std::unexpected(blocks.error());
            for (const auto& block : *blocks) {
                for (std::size_t i = 0; i < block->size(); ++i) all.bytes += block->record(i).size();
                all.count += block->size();
                next = block->next_sequence();
            }
        }
    }
    return all;
}

}  // namespace

BenchResult bench_sizes(BenchRun& run) {
    if (auto open = open_live_sales(run); !open) return open;
    const auto records = records_of(run.bed->log());
    if (!records) return std::unexpected(records.error());
    run.bed.reset();
    const auto starting = BenchClock::now();
    if (auto again = open_bed(run, Views::follow); !again) return again;
    run.figures.add({.name = fmt::format("ready after a clean stop, {} records", records->count),
                     .value = seconds_since(starting),
                     .unit = "s"});
    const auto bytes = bytes_by_store(run.data());
    std::uint64_t all = 0;
    const auto add = [&](const std::string& name, std::uint64_t size) {
        run.figures.add({.name = "disk: " + name,
                         .value = static_cast<double>(size) / static_cast<double>(records->count),
                         .unit = "B/event",
                         .note = fmt::format("{:.2f} of the record bytes",
                                             static_cast<double>(size) / static_cast<double>(records->bytes))});
    };
    for (const auto& [store, size] : bytes) {
        all += size;
        if (size > 100 * records->count / 100) add(store, size);
    }
    add("all stores together", all);
    return {};
}

}  // namespace tidemark::api
