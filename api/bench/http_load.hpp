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

// Each connection sends its next request when the last was answered. `body` makes the request's target and body
// by running number. An answer of 400 or more is an error.
struct LoadRequest {
    std::string target;
    std::string content_type;
    std::string body;
};
[[nodiscard]] std::expected<LoadResult, std::string> put_load(
    std::uint16_t port, std::size_t connections, std::chrono::milliseconds time,
    const std::function<LoadRequest(std::uint64_t number)>& request);

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
