// Commands as fast as they are taken, with all derived stores, views and KPIs following; and the live sales they need.
#include "api/bench/bench.hpp"
#include "api/bench/submitting.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <thread>

namespace tidemark::api {

namespace {

constexpr std::size_t in_flight = 4'096;
constexpr std::chrono::minutes longest_catch_up{10};

double resident_megabytes() {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t size = 0, resident = 0;
    statm >> size >> resident;
    return static_cast<double>(resident) * 4096 / 1e6;
}

// The most that was seen while something ran, looked at four times a second.
class Peaks {
public:
    explicit Peaks(BenchRun& run)
        : thread_([this, &run](const std::stop_token& stop) {
              while (!stop.stop_requested()) {
                  behind_ = std::max(behind_, views_behind(run));
                  megabytes_ = std::max(megabytes_, resident_megabytes());
                  std::this_thread::sleep_for(std::chrono::milliseconds(250));
              }
          }) {}
    void stop() {
        thread_.request_stop();
        thread_.join();
    }
    [[nodiscard]] std::uint64_t behind() const { return behind_; }
    [[nodiscard]] double megabytes() const { return megabytes_; }

private:
    std::uint64_t behind_ = 0;
    double megabytes_ = 0;
    std::jthread thread_;
};

}  // namespace

std::uint64_t views_behind(BenchRun& run) {
    return run.bed->projector().behind();
}

BenchResult until_views_followed(BenchRun& run) {
    const auto started = BenchClock::now();
    while (views_behind(run) > 0) {
        if (BenchClock::now() - started > longest_catch_up) return std::unexpected("the views do not catch up");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));  // asked more often, it costs what it measures
    }
    return {};
}

BenchResult open_live_sales(BenchRun& run) {
    if (run.work) return {};
    SalesWork work(run.arguments.live, ++run.series);
    const auto first = SalesWork::foundations();
    std::uint64_t made = 0;
    Submitting submitting(run.bed->commands(), in_flight);
    const auto opened = submitting.run([&]() -> std::optional<v1::Command> {
        const std::uint64_t number = made++;
        if (number < first.size()) return first[number];
        if (number - first.size() < work.live()) return work.open(number - first.size());
        return std::nullopt;
    });
    if (!opened) return std::unexpected(opened.error());
    run.work = std::move(work);
    return until_views_followed(run);
}

BenchResult bench_sustained(BenchRun& run) {
    if (auto open = open_live_sales(run); !open) return open;
    if (auto followed = until_views_followed(run); !followed) return followed;
    Peaks peaks(run);
    Submitting submitting(run.bed->commands(), in_flight);
    const auto started = BenchClock::now();
    const auto until = started + std::chrono::seconds(run.arguments.sustain);
    const auto answered = submitting.run([&]() -> std::optional<v1::Command> {
        if (BenchClock::now() >= until) return std::nullopt;
        return run.work->next();
    });
    const double sending = seconds_since(started);
    if (!answered) return std::unexpected(answered.error());
    if (auto followed = until_views_followed(run); !followed) return followed;
    const double whole = seconds_since(started);
    peaks.stop();
    // What the views still had to fold when the last command was answered counts against it.
    run.figures.add(
        {.name = fmt::format("sustained, {} live sales, views followed", run.arguments.live),
         .value = static_cast<double>(*answered) / whole,
         .note = fmt::format("{:.0f} s, and {:.1f} s to catch up; views at most {} behind; {:.0f} MB resident", sending,
                             whole - sending, peaks.behind(), peaks.megabytes())});
    return {};
}

}  // namespace tidemark::api
