// What /metrics shows. Figures that a part keeps itself (its stats()) are read when asked; durations are
// observed as they happen.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tidemark::infra {

using MetricLabels = std::map<std::string, std::string>;

// Any thread. What `read` refers to outlives the last call of text().
class Metrics {
public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    // A total that only grows, and a figure that goes up and down. Names as Prometheus wants them
    // (tidemark_commands_total); labels tell those of one name apart. Throws std::invalid_argument on a bad name.
    void counter(const std::string& name, const std::string& help, MetricLabels labels, std::function<double()> read);
    void gauge(const std::string& name, const std::string& help, MetricLabels labels, std::function<double()> read);

    // Several of one name whose labels are not known before: asked for each time.
    using Samples = std::vector<std::pair<MetricLabels, double>>;
    void gauges(const std::string& name, const std::string& help, std::function<Samples()> read);

    // Returns what to call with each duration or size. `bounds` ascend.
    [[nodiscard]] std::function<void(double)> histogram(const std::string& name, const std::string& help,
                                                        const MetricLabels& labels, const std::vector<double>& bounds);

    [[nodiscard]] std::string text() const;  // Prometheus' text format, version 0.0.4

    // Bounds for seconds, from 50 us to 10 s.
    [[nodiscard]] static const std::vector<double>& latency_bounds();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::infra
