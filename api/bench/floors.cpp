// What the disk and the hashes of this machine allow.
#include "api/bench/bench.hpp"
#include "events/block.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace tidemark::api {

namespace {

constexpr std::size_t typical_record = 300;  // bytes, header and payload

// Records of usual size, each hashed twice: its body and its leaf.
std::string sealed_block(std::uint64_t count) {
    events::BlockBuilder builder;
    const std::string payload(typical_record - 180, 'x');
    for (std::uint64_t i = 0; i < count; ++i) {
        events::RecordHeader header;
        header.sequence = i;
        header.version = 1;
        header.tenant = "default";
        header.stream_kind = "customer";
        header.stream_id = "bench-00000001";
        header.command_id = "bench:00000001";
        header.actor = "bench";
        header.body_digest = events::sha256(payload);
        builder.add(header, payload);
    }
    return std::string(builder.seal({})->stored());
}

// Synced writes of one key after the other, for a while; how many a second.
template <class Make>
std::expected<double, std::string> synced_writes(BenchRun& run, Make make) {
    static std::uint64_t key = 0;
    const auto started = BenchClock::now();
    std::uint64_t writes = 0;
    for (; BenchClock::now() - started < run.time(); ++writes) {
        consumers::KvBatch batch;
        batch.put(0, fmt::format("{:016}", key++), make());
        if (auto written = run.plain->write(std::move(batch), consumers::Durability::synced); !written)
            return std::unexpected(written.error().what);
    }
    return static_cast<double>(writes) / seconds_since(started);
}

}  // namespace

std::expected<std::string, std::string> group_floor(BenchRun& run, std::uint64_t records) {
    const std::uint64_t count = std::clamp<std::uint64_t>(records, 1, 1'500);  // what fits into one block
    std::string name = fmt::format("floor: one synced block of {}", count);
    for (const Figure& known : run.figures.all()) {
        if (known.name == name) return name;
    }
    const auto blocks = synced_writes(run, [&] { return sealed_block(count); });
    if (!blocks) return std::unexpected(blocks.error());
    run.figures.add({.name = name, .value = *blocks * static_cast<double>(count)});
    return name;
}

BenchResult bench_floors(BenchRun& run) {
    const auto single = synced_writes(run, [] { return std::string(typical_record, 'x'); });
    if (!single) return std::unexpected(single.error());
    run.figures.add({.name = "floor: synced single write", .value = *single});
    for (const std::uint64_t count : {64U, 256U, 1'000U}) {
        if (auto floor = group_floor(run, count); !floor) return std::unexpected(floor.error());
    }
    return {};
}

}  // namespace tidemark::api
