// `tidemark bench`: what this machine can do at best (floors) beside what Tidemark does, in one run, as ratios. Figures
// of different runs or machines are not to be compared.
#pragma once

#include "api/cli/command_line.hpp"
#include "consumers/command_processor/command_processor.hpp"
#include "consumers/log/log.hpp"
#include "consumers/projector/projector.hpp"
#include "consumers/store/kv_store.hpp"

#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace tidemark::api {

// A whole server on an empty data directory, in this process.
class BenchBed {
public:
    virtual ~BenchBed() = default;
    virtual consumers::Log& log() = 0;
    virtual consumers::CommandProcessor& commands() = 0;
    virtual consumers::Projector& projector() = 0;
    virtual std::uint16_t port() = 0;
};

struct BenchParts {
    // A plain store with one table, for the floors.
    std::function<std::expected<std::unique_ptr<consumers::KvStore>, std::string>(const std::filesystem::path&)>
        open_plain;
    std::function<std::expected<std::unique_ptr<BenchBed>, std::string>(const std::filesystem::path&)> open_bed;
};

[[nodiscard]] ExitCode run_bench(const BenchArguments& arguments, const BenchParts& parts);

}  // namespace tidemark::api
