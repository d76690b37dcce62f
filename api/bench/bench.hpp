// `tidemark bench`: what this machine can do at best (floors) beside what Tidemark does, in one run, as ratios. Figures
// of different runs or machines are not to be compared.
#pragma once

#include "api/bench/figures.hpp"
#include "api/bench/workload.hpp"
#include "api/cli/command_line.hpp"
#include "consumers/command_processor/command_processor.hpp"
#include "consumers/log/log.hpp"
#include "consumers/projector/projector.hpp"
#include "consumers/store/kv_store.hpp"

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tidemark::api {

// A whole server on a data directory, in this process.
class BenchBed {
public:
    virtual ~BenchBed() = default;
    virtual consumers::Log& log() = 0;
    virtual consumers::CommandProcessor& commands() = 0;
    virtual consumers::Projector& projector() = 0;
    virtual std::uint16_t port() = 0;
};

// Whether views follow the log; else they wait, and nobody for them.
enum class Views : std::uint8_t { follow, wait };

struct BenchParts {
    // A plain store with one table, for the floors.
    std::function<std::expected<std::unique_ptr<consumers::KvStore>, std::string>(const std::filesystem::path&)>
        open_plain;
    std::function<std::expected<std::unique_ptr<BenchBed>, std::string>(const std::filesystem::path&, Views)> open_bed;
};

[[nodiscard]] ExitCode run_bench(const BenchArguments& arguments, const BenchParts& parts);

// What the sections share. One thread.
using BenchResult = std::expected<void, std::string>;
using BenchClock = std::chrono::steady_clock;

struct BenchRun {
    const BenchArguments& arguments;
    const BenchParts& parts;
    std::filesystem::path directory;
    Figures figures;
    std::unique_ptr<consumers::KvStore> plain;  // for the floors
    std::unique_ptr<BenchBed> bed;
    std::optional<SalesWork> work;  // once its sales are open
    std::uint32_t series = 0;

    [[nodiscard]] std::chrono::milliseconds time() const { return std::chrono::seconds(arguments.seconds); }
    [[nodiscard]] std::filesystem::path data() const { return directory / "bed"; }
};

[[nodiscard]] inline double seconds_since(BenchClock::time_point started) {
    return std::chrono::duration<double>(BenchClock::now() - started).count();
}

// Closes the server and opens it again.
[[nodiscard]] BenchResult open_bed(BenchRun& run, Views views);
// Opens the live sales, once; waits until the views have followed.
[[nodiscard]] BenchResult open_live_sales(BenchRun& run);
// Records that count and that some view has not folded yet.
[[nodiscard]] std::uint64_t views_behind(BenchRun& run);
[[nodiscard]] BenchResult until_views_followed(BenchRun& run);

[[nodiscard]] BenchResult bench_floors(BenchRun& run);
// The floor for groups of about so many records; its figure's name.
[[nodiscard]] std::expected<std::string, std::string> group_floor(BenchRun& run, std::uint64_t records);
[[nodiscard]] BenchResult bench_in_process(BenchRun& run);
[[nodiscard]] BenchResult bench_sustained(BenchRun& run);
[[nodiscard]] BenchResult bench_bulk(BenchRun& run);
[[nodiscard]] BenchResult bench_singles(BenchRun& run);
[[nodiscard]] BenchResult bench_history(BenchRun& run);
[[nodiscard]] BenchResult bench_sizes(BenchRun& run);

}  // namespace tidemark::api
