#include "api/http/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <tuple>
#include <vector>

namespace tidemark::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

const prometheus::Histogram::BucketBoundaries latency_bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                             0.1,    0.25,  0.5,    1,     2.5,  5,     10};

struct Gauge {
    std::string name;
    std::string help;
    std::function<double()> read;
};

ClientMetric valued(double value, MetricType type) {
    ClientMetric metric;
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    return metric;
}

MetricFamily family(std::string name, std::string help, MetricType type, double value) {
    return {std::move(name), std::move(help), type, {valued(value, type)}};
}

// The parts keep their own counts; they are read when Prometheus asks.
std::vector<MetricFamily> of_processor(const consumers::ProcessorStats& stats) {
    const auto counter = [](const char* name, const char* help, std::uint64_t value) {
        return family(name, help, MetricType::Counter, static_cast<double>(value));
    };
    const auto gauge = [](const char* name, const char* help, std::size_t value) {
        return family(name, help, MetricType::Gauge, static_cast<double>(value));
    };
    return {counter("tidemark_commands_total", "Commands decided", stats.commands),
            counter("tidemark_commands_accepted_total", "Commands that made events", stats.accepted),
            counter("tidemark_commands_unchanged_total", "Commands that changed nothing", stats.unchanged),
            counter("tidemark_commands_rejected_total", "Commands that the business refused", stats.rejected),
            counter("tidemark_commands_repeated_total", "Commands answered with an earlier outcome", stats.repeated),
            counter("tidemark_commit_groups_total", "Groups of blocks appended", stats.groups),
            counter("tidemark_records_total", "Records written", stats.records),
            counter("tidemark_state_cache_hits_total", "Aggregates found in memory", stats.cache_hits),
            counter("tidemark_state_cache_misses_total", "Aggregates loaded", stats.cache_misses),
            gauge("tidemark_commands_queued", "Commands taken and not answered", stats.queued),
            gauge("tidemark_commands_queued_bulk", "Of those, from bulk streams", stats.queued_bulk),
            gauge("tidemark_commands_queued_bytes", "Bytes of the commands taken and not answered", stats.queued_bytes),
            gauge("tidemark_commands_waiting_for_reference", "Commands waiting for what they refer to",
                  stats.waiting_for_reference),
            gauge("tidemark_state_cache_bytes", "Memory of aggregates at hand", stats.cache_bytes)};
}

std::vector<MetricFamily> of_projections(const std::vector<consumers::ProjectionStatus>& all) {
    MetricFamily lag{
        "tidemark_projection_lag_events", "Records that count and are not folded yet", MetricType::Gauge, {}};
    MetricFamily age{"tidemark_projection_lag_seconds", "Age of the oldest of them", MetricType::Gauge, {}};
    MetricFamily parked{"tidemark_projection_parked_streams",
                        "Streams held back by an event that could not be folded",
                        MetricType::Gauge,
                        {}};
    for (const auto& status : all) {
        const auto add = [&](MetricFamily& to, double value) {
            auto metric = valued(value, MetricType::Gauge);
            metric.label = {{"projection", status.name}};
            to.metric.push_back(std::move(metric));
        };
        add(lag, static_cast<double>(status.lag_events));
        add(age, static_cast<double>(status.lag_us) / 1e6);
        add(parked, static_cast<double>(status.parked.size()));
    }
    return {std::move(lag), std::move(age), std::move(parked)};
}

}  // namespace

struct Metrics::Impl {
    explicit Impl(Services parts)
        : services(std::move(parts)),
          requests(prometheus::BuildCounter()
                       .Name("tidemark_http_requests_total")
                       .Help("Requests answered")
                       .Register(registry)),
          latency(prometheus::BuildHistogram()
                      .Name("tidemark_http_request_seconds")
                      .Help("From the head of a request to the end of its answer")
                      .Register(registry)),
          sent(prometheus::BuildCounter()
                   .Name("tidemark_http_response_bytes_total")
                   .Help("Bytes of bodies sent")
                   .Register(registry)),
          bulk(prometheus::BuildCounter()
                   .Name("tidemark_bulk_outcomes_total")
                   .Help("Outcomes of commands that came in streams")
                   .Register(registry)),
          feed_dropped(prometheus::BuildCounter()
                           .Name("tidemark_feed_readers_dropped_total")
                           .Help("Readers of the feed that took nothing for too long")
                           .Register(registry)
                           .Add({})) {}

    Services services;
    prometheus::Registry registry;
    prometheus::Family<prometheus::Counter>& requests;
    prometheus::Family<prometheus::Histogram>& latency;
    prometheus::Family<prometheus::Counter>& sent;
    prometheus::Family<prometheus::Counter>& bulk;
    prometheus::Counter& feed_dropped;
    mutable std::mutex mutex;
    std::vector<Gauge> gauges;

    // What is counted for requests of one kind, looked up by its labels only once: the families do it slowly.
    struct OfRequests {
        prometheus::Counter& answered;
        prometheus::Histogram& took;
        prometheus::Counter& sent;
    };
    using Labels = std::tuple<std::string, std::string, unsigned>;  // method, route, status
    [[nodiscard]] OfRequests& of(std::string_view method, std::string_view route, unsigned status);
    std::shared_mutex requests_mutex;
    std::map<Labels, OfRequests, std::less<>> by_labels;
};

Metrics::Impl::OfRequests& Metrics::Impl::of(std::string_view method, std::string_view route, unsigned status) {
    const std::tuple<std::string_view, std::string_view, unsigned> wanted{method, route, status};
    {
        const std::shared_lock lock(requests_mutex);
        if (const auto found = by_labels.find(wanted); found != by_labels.end()) return found->second;
    }
    const std::string method_text(method);
    const std::string route_text(route);
    const std::unique_lock lock(requests_mutex);
    return by_labels
        .try_emplace(
            Labels{method_text, route_text, status},
            OfRequests{.answered = requests.Add(
                           {{"method", method_text}, {"route", route_text}, {"status", std::to_string(status)}}),
                       .took = latency.Add({{"method", method_text}, {"route", route_text}}, latency_bounds),
                       .sent = sent.Add({{"route", route_text}})})
        .first->second;
}

Metrics::Metrics(Services services) : impl_(std::make_unique<Impl>(std::move(services))) {}
Metrics::~Metrics() = default;

void Metrics::request(std::string_view method, std::string_view route, unsigned status, std::chrono::nanoseconds took,
                      std::size_t bytes) {
    Impl::OfRequests& counted = impl_->of(method, route, status);
    counted.answered.Increment();
    counted.took.Observe(std::chrono::duration<double>(took).count());
    counted.sent.Increment(static_cast<double>(bytes));
}

void Metrics::bulk_commands(std::string_view status, std::size_t count) {
    impl_->bulk.Add({{"status", std::string(status)}}).Increment(static_cast<double>(count));
}

void Metrics::feed_reader_dropped() {
    impl_->feed_dropped.Increment();
}

void Metrics::gauge(std::string name, std::string help, std::function<double()> read) {
    const std::lock_guard lock(impl_->mutex);
    impl_->gauges.push_back({std::move(name), std::move(help), std::move(read)});
}

std::string Metrics::text() const {
    std::vector<MetricFamily> families = impl_->registry.Collect();
    const auto append = [&](std::vector<MetricFamily> more) {
        families.insert(families.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    append(of_processor(impl_->services.commands.stats()));
    append(of_projections(impl_->services.projector.status()));
    append({family("tidemark_derived_behind_records", "Records that the derived stores have not followed yet",
                   MetricType::Gauge, static_cast<double>(impl_->services.derived.behind()))});
    const std::lock_guard lock(impl_->mutex);
    for (const Gauge& gauge : impl_->gauges) {
        append({family(gauge.name, gauge.help, MetricType::Gauge, gauge.read())});
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace tidemark::api
