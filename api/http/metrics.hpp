// What is counted, in the text form of Prometheus. Any thread.
#pragma once

#include "api/services.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark::api {

class Metrics {
public:
    explicit Metrics(Services services);
    ~Metrics();

    // `route` is the pattern, never the path: paths hold ids without end.
    void request(std::string_view method, std::string_view route, unsigned status, std::chrono::nanoseconds took,
                 std::size_t bytes);
    void bulk_commands(std::string_view status, std::size_t count);  // ACCEPTED, REJECTED ...
    void feed_reader_dropped();

    // A figure that is read when it is asked for.
    void gauge(std::string name, std::string help, std::function<double()> read);

    [[nodiscard]] std::string text() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
