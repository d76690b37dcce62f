// The application behind the listener: finds the route, makes the checks that are the same for all of
// them, calls its handler, writes the log line. Calls come from the connections' threads.
#pragma once

#include "api/http/message.hpp"
#include "api/http/metrics.hpp"
#include "api/http/routes.hpp"
#include "consumers/log_fields.hpp"

#include <mutex>
#include <optional>
#include <vector>

namespace tidemark::api {

// Under overload there are thousands of refusals a second: some are told, of the others how many. Any thread.
class Sparing {
public:
    // How many were left out since the last one that was told; nothing: leave this one out too.
    [[nodiscard]] std::optional<std::size_t> tell(std::chrono::steady_clock::time_point now);

private:
    std::mutex mutex_;
    std::chrono::steady_clock::time_point second_{};
    std::size_t told_ = 0;
    std::size_t left_out_ = 0;
};

class RoutedApplication final : public Application {
public:
    // Both outlive it. Routes are not added to any more once requests come.
    RoutedApplication(const Routes& routes, Metrics& metrics) : routes_(routes), metrics_(metrics) {}

    [[nodiscard]] bool streams(Request& head) override;
    void handle(RequestPtr request, Responder responder) override;
    [[nodiscard]] Response problem(unsigned status, std::string_view code, std::string_view detail) override;
    void answered(const Request& request, unsigned status, std::size_t bytes) override;

private:
    [[nodiscard]] std::optional<Response> refusal(const Request& request) const;
    [[nodiscard]] Response no_route(const Request& request) const;

    const Routes& routes_;
    Metrics& metrics_;
    Sparing refusals_;
};

// What a log line says of a request: `request`, and `command` if it is one with an id, given or made.
[[nodiscard]] std::vector<consumers::LogField> ids_of(const Request& request);

// "localhost", "127.0.0.1:8080", "[::1]": a name that only this machine has for itself. Anything else in Host is a
// page in somebody's browser that had its own name resolved to here (DNS rebinding).
[[nodiscard]] bool names_loopback(std::string_view host);

}  // namespace tidemark::api
