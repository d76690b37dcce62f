// A whole server in this process: everything between a data directory and a port, started and stopped in the right
// order. One thread.
#pragma once

#include "api/http/http_server.hpp"
#include "api/main/opened_store.hpp"
#include "api/main/view_settings.hpp"
#include "consumers/command_processor/command_processor.hpp"
#include "consumers/projector/projector.hpp"
#include "projections/kpi/kpi.hpp"

namespace tidemark::api {

// The views over a store, with what they are folded by.
struct OpenedViews {
    std::shared_ptr<const projections::kpi::Kpis> kpis;
    std::unique_ptr<infra::RocksKv> rows;
    std::unique_ptr<consumers::Projector> projector;
};
enum class Follow : std::uint8_t { no, yes };  // yes: the projector is started, and makes what is not there or is old
[[nodiscard]] std::expected<OpenedViews, std::string> open_views(const infra::Config& config, consumers::Log& log,
                                                                 Settings settings, Follow follow);

struct StartOptions {
    Absent absent = Absent::make;
    Settings settings = Settings::confirm;
    std::stop_token stop;  // gives starting up
};

class Runtime {
public:
    [[nodiscard]] static std::expected<std::unique_ptr<Runtime>, std::string> start(const infra::Config& config,
                                                                                    const StartOptions& options = {});
    ~Runtime();  // stops
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] consumers::Log& log() { return *store_.log; }
    [[nodiscard]] consumers::CommandProcessor& commands() { return *commands_; }
    [[nodiscard]] consumers::Projector& projector() { return *views_.projector; }

    // Answers what was taken, writes what is held in memory. Nothing is lost without it: it only makes the next start
    // quicker.
    void stop();

private:
    Runtime() = default;
    OpenedStore store_;
    OpenedViews views_;
    std::unique_ptr<consumers::CommandProcessor> commands_;
    std::unique_ptr<HttpServer> http_;
    std::uint16_t port_ = 0;
};

}  // namespace tidemark::api
