#include "infra/metrics/metrics.hpp"

#include <prometheus/check_names.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace tidemark::infra {

namespace {

// A name, and who knows its figures.
struct Source {
    std::string name;
    std::string help;
    prometheus::MetricType type = prometheus::MetricType::Untyped;
    std::function<Metrics::Samples()> read;
};

void check(const std::string& name) {
    if (!prometheus::CheckMetricName(name)) {
        throw std::invalid_argument("metrics: \"" + name + "\" is not a name that Prometheus takes");
    }
}

void add(prometheus::MetricFamily& family, const Metrics::Samples& samples) {
    for (const auto& [labels, value] : samples) {
        prometheus::ClientMetric& metric = family.metric.emplace_back();
        for (const auto& [name, its] : labels) {
            metric.label.push_back({name, its});
        }
        if (family.type == prometheus::MetricType::Counter) {
            metric.counter.value = value;
        } else {
            metric.gauge.value = value;
        }
    }
}

}  // namespace

struct Metrics::Impl {
    void source(Source added) {
        check(added.name);
        const std::scoped_lock lock(mutex);
        sources.push_back(std::move(added));
    }

    mutable std::mutex mutex;
    std::vector<Source> sources;
    prometheus::Registry observed{prometheus::Registry::InsertBehavior::Merge};
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::counter(const std::string& name, const std::string& help, MetricLabels labels,
                      std::function<double()> read) {
    impl_->source({name, help, prometheus::MetricType::Counter,
                   [labels = std::move(labels), read = std::move(read)] { return Samples{{labels, read()}}; }});
}

void Metrics::gauge(const std::string& name, const std::string& help, MetricLabels labels,
                    std::function<double()> read) {
    impl_->source({name, help, prometheus::MetricType::Gauge,
                   [labels = std::move(labels), read = std::move(read)] { return Samples{{labels, read()}}; }});
}

void Metrics::gauges(const std::string& name, const std::string& help, std::function<Samples()> read) {
    impl_->source({name, help, prometheus::MetricType::Gauge, std::move(read)});
}

std::function<void(double)> Metrics::histogram(const std::string& name, const std::string& help,
                                               const MetricLabels& labels, const std::vector<double>& bounds) {
    check(name);
    prometheus::Histogram& histogram =
        prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->observed).Add(labels, bounds);
    return [&histogram](double value) { histogram.Observe(value); };
}

std::string Metrics::text() const {
    std::vector<prometheus::MetricFamily> families = impl_->observed.Collect();
    std::vector<Source> sources;
    {
        const std::scoped_lock lock(impl_->mutex);
        sources = impl_->sources;
    }
    for (const Source& source : sources) {
        auto family = std::ranges::find(families, source.name, &prometheus::MetricFamily::name);
        if (family == families.end()) {
            families.push_back({source.name, source.help, source.type, {}});
            family = std::prev(families.end());
        }
        add(*family, source.read());
    }
    return prometheus::TextSerializer().Serialize(families);
}

const std::vector<double>& Metrics::latency_bounds() {
    static const std::vector<double> bounds = {0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                               0.05,    0.1,    0.2,    0.5,    1,     2,     5,     10};
    return bounds;
}

}  // namespace tidemark::infra
