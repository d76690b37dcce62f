#include "api/bench/bench.hpp"

#include "api/cli/commands.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fmt/core.h>
#include <fstream>

namespace tidemark::api {

namespace {

struct Section {
    std::string_view name;
    BenchResult (*measure)(BenchRun&);
};
constexpr Section sections[] = {{"floors", bench_floors}, {"process", bench_in_process}, {"sustained", bench_sustained},
                                {"bulk", bench_bulk},     {"singles", bench_singles},    {"history", bench_history},
                                {"sizes", bench_sizes}};

bool wanted(const BenchArguments& arguments, std::string_view section) {
    return arguments.only.empty() || std::ranges::find(arguments.only, section) != arguments.only.end();
}

BenchResult measure(BenchRun& run) {
    auto plain = run.parts.open_plain(run.directory / "plain");
    if (!plain) return std::unexpected(plain.error());
    run.plain = std::move(*plain);
    if (auto opened = open_bed(run, Views::follow); !opened) return opened;
    for (const Section& section : sections) {
        if (!wanted(run.arguments, section.name)) continue;
        if (auto done = section.measure(run); !done) {
            return std::unexpected(std::string(section.name) + ": " + done.error());
        }
    }
    return {};
}

std::expected<std::filesystem::path, std::string> directory_for(const BenchArguments& arguments) {
    if (arguments.data.empty()) {
        std::string pattern = (std::filesystem::temp_directory_path() / "tidemark-bench-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) return std::unexpected(pattern + ": cannot be made");
        return pattern;
    }
    if (std::filesystem::exists(arguments.data) && !std::filesystem::is_empty(arguments.data)) {
        return std::unexpected(arguments.data.string() + ": is not empty; the benchmark wants a directory of its own");
    }
    return arguments.data;
}

}  // namespace

BenchResult open_bed(BenchRun& run, Views views) {
    run.bed.reset();
    auto bed = run.parts.open_bed(run.data(), views);
    if (!bed) return std::unexpected(bed.error());
    run.bed = std::move(*bed);
    return {};
}

ExitCode run_bench(const BenchArguments& arguments, const BenchParts& parts) {
    const auto directory = directory_for(arguments);
    if (!directory) return complain(directory.error(), ExitCode::usage);
    fmt::print(stderr, "measuring in {}\n", directory->string());
    BenchRun run{.arguments = arguments,
                 .parts = parts,
                 .directory = *directory,
                 .figures = {},
                 .plain = {},
                 .bed = {},
                 .work = {},
                 .series = 0};
    const auto done = measure(run);
    run.bed.reset();
    run.plain.reset();
    std::error_code ignored;  // what is left in a temporary directory fails no benchmark
    std::filesystem::remove_all(*directory, ignored);
    run.figures.print();
    if (!done) return complain(done.error());
    if (!arguments.json.empty()) {
        std::ofstream file(arguments.json);
        file << boost::json::serialize(run.figures.as_json()) << '\n';
        if (!file.flush()) return complain(arguments.json.string() + ": cannot be written");
    }
    return ExitCode::ok;
}

}  // namespace tidemark::api
