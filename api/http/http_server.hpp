// The HTTP server of Tidemark: every endpoint, over the parts in Services. There is no authentication
// yet: it listens on loopback only, and says so when it starts.
#pragma once

#include "api/services.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

namespace tidemark::api {

struct HttpOptions {
    std::string address = "127.0.0.1";  // anything but a loopback address is refused
    std::uint16_t port = 8080;          // 0: any free one
    unsigned threads = 0;               // that serve connections; 0: as many as there are cores
    unsigned query_threads = 2;         // for what blocks: views, history
    std::size_t query_queue = 1'000;    // waiting queries; beyond it 503
    std::size_t connections = 10'000;   // open at once; beyond it 503 and close
    std::size_t head_bytes = 16 * 1024;
    std::size_t head_fields = 64;
    std::size_t body_bytes = 1u << 20;           // of a single command; a bulk stream has no end of its own
    std::size_t line_bytes = 1u << 20;           // of one command in a bulk stream
    std::size_t bulk_streams = 256;              // at once; beyond it 503
    std::size_t feed_readers = 256;              // at once; beyond it 503
    std::size_t bodies_bytes = 64u << 20;        // of bodies above 16 KiB that are coming in, together; beyond it 503
    std::size_t stream_window = 4'096;           // commands of one bulk stream under way; beyond it nothing is read
    std::chrono::milliseconds idle{60'000};      // of a kept-alive connection between requests
    std::chrono::milliseconds deadline{30'000};  // for a whole request and its answer; streams: for each step
    std::chrono::milliseconds view_wait{5'000};  // for a view to reach Tidemark-At-Least; then 503
    std::chrono::milliseconds drain{10'000};     // at stop, for requests under way
};

class HttpServer {
public:
    HttpServer(Services services, HttpOptions options);
    ~HttpServer();  // stops

    // Begins to listen; the port that it listens on. An error says what stands in the way.
    [[nodiscard]] std::expected<std::uint16_t, std::string> start();

    // Takes no new requests, answers those under way (bulk streams: what was read of them), then ends.
    // Call it before the command processor drains, so that every answer still finds its way.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
