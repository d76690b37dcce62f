#include "infra/metrics/metrics.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>

using tidemark::infra::Metrics;

TEST_CASE("counters and gauges show what their source says when asked", "[metrics]") {
    Metrics metrics;
    double commands = 1;
    metrics.counter("tidemark_commands_total", "Commands by outcome.", {{"outcome", "accepted"}},
                    [&] { return commands; });
    metrics.counter("tidemark_commands_total", "Commands by outcome.", {{"outcome", "rejected"}}, [] { return 2; });
    metrics.gauge("tidemark_queue_commands", "Waiting.", {}, [] { return 7; });
    commands = 5;
    const std::string text = metrics.text();
    CHECK_THAT(text, Catch::Contains("# TYPE tidemark_commands_total counter\n"));
    CHECK_THAT(text, Catch::Contains("tidemark_commands_total{outcome=\"accepted\"} 5\n"));
    CHECK_THAT(text, Catch::Contains("tidemark_commands_total{outcome=\"rejected\"} 2\n"));
    CHECK_THAT(text, Catch::Contains("tidemark_queue_commands 7\n"));
    CHECK(text.find("# TYPE tidemark_commands_total") == text.rfind("# TYPE tidemark_commands_total"));
}

TEST_CASE("gauges with labels that are not known before are asked for each time", "[metrics]") {
    Metrics metrics;
    Metrics::Samples lags = {{{{"projection", "sales"}}, 3}};
    metrics.gauges("tidemark_projection_lag_events", "Behind the log.", [&] { return lags; });
    lags.push_back({{{"projection", "quote\"d"}}, 4});
    CHECK_THAT(metrics.text(), Catch::Contains("{projection=\"sales\"} 3\n"));
    CHECK_THAT(metrics.text(), Catch::Contains("{projection=\"quote\\\"d\"} 4\n"));
}

TEST_CASE("a histogram counts what is observed into its buckets", "[metrics]") {
    Metrics metrics;
    const auto observe = metrics.histogram("tidemark_append_seconds", "Synced writes.", {}, {0.001, 0.01});
    observe(0.0005);
    observe(0.005);
    observe(3);
    const std::string text = metrics.text();
    CHECK_THAT(text, Catch::Contains("tidemark_append_seconds_bucket{le=\"0.001\"} 1\n"));
    CHECK_THAT(text, Catch::Contains("tidemark_append_seconds_bucket{le=\"0.01\"} 2\n"));
    CHECK_THAT(text, Catch::Contains("tidemark_append_seconds_bucket{le=\"+Inf\"} 3\n"));
    CHECK_THAT(text, Catch::Contains("tidemark_append_seconds_count 3\n"));
}

TEST_CASE("a name that Prometheus does not take is a mistake of ours", "[metrics]") {
    Metrics metrics;
    CHECK_THROWS_AS(metrics.gauge("with space", "", {}, [] { return 0; }), std::invalid_argument);
}
