#include "api/main/bench_parts.hpp"

#include "api/main/runtime.hpp"
#include "infra/logging/logging.hpp"

#include <limits>

namespace tidemark::api {

namespace {

class RuntimeBed final : public BenchBed {
public:
    explicit RuntimeBed(std::unique_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}
    consumers::Log& log() override { return runtime_->log(); }
    consumers::CommandProcessor& commands() override { return runtime_->commands(); }
    consumers::Projector& projector() override { return runtime_->projector(); }
    std::uint16_t port() override { return runtime_->port(); }

private:
    std::unique_ptr<Runtime> runtime_;
};

}  // namespace

BenchParts bench_parts() {
    return {.open_plain = [](const std::filesystem::path& directory)
                -> std::expected<std::unique_ptr<consumers::KvStore>, std::string> {
                auto opened = infra::RocksKv::open(directory, {"plain"});
                if (!opened) return std::unexpected(opened.error());
                return std::move(*opened);
            },
            .open_bed = [](const std::filesystem::path& directory,
                           Views views) -> std::expected<std::unique_ptr<BenchBed>, std::string> {
                infra::set_up_logging("warn", infra::LogFormat::text);
                infra::Config config;
                config.data = directory;
                config.http_port = 0;
                if (views == Views::wait) config.views_max_behind = std::numeric_limits<std::uint64_t>::max();
                auto runtime = Runtime::start(config);
                if (!runtime) return std::unexpected(runtime.error());
                if (views == Views::wait) (*runtime)->projector().stop();
                return std::make_unique<RuntimeBed>(std::move(*runtime));
            }};
}

}  // namespace tidemark::api
