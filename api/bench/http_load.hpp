// Load on an HTTP server from this process, and a bare server to compare it with. The third file pair that
// knows Beast. Blocking calls; one thread each.
#pragma once

#include "aggregates/command.pb.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace tidemark::api {

struct LoadResult {
    std::uint64_t requests = 0;
    double seconds = 0;
    double p50_ms = 0;
    double p99_ms = 0;
};

// Each connection sends its next request when the last was answered, and `pause` after that. `request` makes it by
// running number; without a content type it is a GET. An answer of 400 or more is an error.
struct LoadRequest {
    std::string target;
    std::string content_type;
    std::string body;
};
struct LoadShape {
    std::size_t connections = 1;
    std::chrono::milliseconds time{1000};
    std::chrono::microseconds pause{0};
};
[[nodiscard]] std::expected<LoadResult, std::string> put_load(
    std::uint16_t port, const LoadShape& shape, const std::function<LoadRequest(std::uint64_t number)>& request);

// Answers every request with 200 and a short body: what HTTP itself costs on this machine. One thread of its own.
class BareServer {
public:
    BareServer();
    ~BareServer();
    BareServer(const BareServer&) = delete;
    BareServer& operator=(const BareServer&) = delete;
    [[nodiscard]] std::uint16_t port() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
