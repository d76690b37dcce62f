// A measure that the catalogue gets later is counted from the first event on, and nothing else changes by it: the whole
// way through projector and database, over a log that has a history.
#include "consumers/projector/projector.hpp"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"
#include "infra/rocksdb/rocks_kv.hpp"
#include "projections/kpi/kpi.hpp"
#include "tests/projections/sale_events.hpp"
#include "tests/support/log_writer.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace tidemark;
using namespace tidemark::tests;
using namespace std::chrono_literals;
namespace kpi = projections::kpi;

namespace {

constexpr std::int64_t day = 86'400'000'000;
constexpr events::Micros started_again = 1'800'000'000'000'000;  // 2027: later than all history

std::chrono::steady_clock::time_point soon() {
    return std::chrono::steady_clock::now() + 60s;
}

// Sale i is opened on day i of 2026, and won i % 20 days later unless 3 divides i.
void write_sales(LogWriter& log, int from, int to, events::Micros recorded_at) {
    for (int i = from; i < to; ++i) {
        const auto id = "s" + std::to_string(i);
        const auto d = dims(i % 2 == 0 ? "ada" : "bob");
        const auto begin = at(2026, 1, 1) + i * day;
        const auto end = begin + i % 20 * day;
        (void)log.add("sale", id, opened(d, eur(1'000 + i), begin), begin, recorded_at);
        if (i % 3 != 0)
            (void)log.add("sale", id, won(d, eur(1'000 + i), eur(900), "lead", begin, end), end, recorded_at);
    }
    log.flush();
}

// Sales won within ten days: those that are won, with i % 20 <= 10.
int won_quickly(int from, int to) {
    int count = 0;
    for (int i = from; i < to; ++i) count += i % 3 != 0 && i % 20 <= 10 ? 1 : 0;
    return count;
}

const std::string quickly = R"(
  measures {
    name: "quick" kind: COUNT description: "Sales won within ten days"
    on { event: "SaleWon" when { field: "cycle_us" at_most: 864000000000 } currency: "amount" }
  }
)";

std::string kpi_of(std::string_view family) {
    return "kpis { name: \"quick_wins\" family: \"" + std::string(family) +
           "\" formula: \"quick\" unit: NUMBER description: \"Sales won within ten days\" }\n";
}

// The catalogue that Tidemark comes with, and one measure more: the last of the first family, or in a family of its
// own.
std::string with_a_measure_in_sales() {
    std::string text(kpi::built_in_catalogue());
    text.insert(text.find("\n}\n"), quickly);
    return text + kpi_of("sales");
}
std::string with_a_family_more() {
    return std::string(kpi::built_in_catalogue()) +
           "families {\n  name: \"quick_sales\"\n  dimensions { name: \"owner\" field: \"dims.owner\" }" + quickly +
           "}\n" + kpi_of("quick_sales");
}

// Holds every fold of the history back while it is shut; what is new passes.
class Lock {
public:
    [[nodiscard]] projections::Projection on(projections::Projection projection) {
        projection.apply = [this, inner = projection.apply](const projections::Event& event, projections::Rows& rows) {
            if (event.header.recorded_at < started_again) {
                std::unique_lock lock(mutex_);
                opened_.wait(lock, [&] { return open_; });
            }
            inner(event, rows);
        };
        return projection;
    }
    void open() {
        const std::scoped_lock lock(mutex_);
        open_ = true;
        opened_.notify_all();
    }
    void shut() {
        const std::scoped_lock lock(mutex_);
        open_ = false;
    }

private:
    std::mutex mutex_;
    std::condition_variable opened_;
    bool open_ = true;
};

std::vector<events::Position> ends(consumers::Log& log) {
    std::vector<events::Position> all;
    for (events::Partition p = 0; p < log.identity().partitions; ++p)
        if (const auto next = log.end(p).tip.next_sequence; next > 0) all.push_back({p, next - 1});
    return all;
}

using Series = std::map<std::string, std::string>;  // by KPI

// Every KPI that `asked` knows, by month and owner where it has one, once all that is in the log is in the view.
Series all_series(consumers::Projector& projector, consumers::Log& log, const kpi::Kpis& kpis, const kpi::Kpis& asked) {
    const auto view = projector.read(kpi::view_name, ends(log), soon());
    REQUIRE(view);
    Series all;
    const auto known = asked.list();
    for (const auto& one : known.kpis()) {
        kpi::SeriesQuery query{.tenant = "default"};
        if (std::ranges::find(one.dimensions(), "owner") != one.dimensions().end()) query.by = {"owner"};
        all[one.name()] = kpis.series(*view, one.name(), query).value().DebugString();
    }
    return all;
}

// Folded from the first event by nothing but this catalogue.
Series fresh_series(consumers::Log& log, const std::shared_ptr<const kpi::Kpis>& kpis) {
    const std::vector<projections::Projection> list{kpi::Kpis::projection(kpis)};
    infra::MemoryKv rows(consumers::Projector::tables(list));
    consumers::Projector projector(log, rows, list, {});
    REQUIRE(projector.start());
    return all_series(projector, log, *kpis, *kpis);
}

std::unique_ptr<infra::RocksKv> open_rows(const TemporaryDirectory& directory,
                                          std::span<const projections::Projection> list) {
    auto rows = infra::RocksKv::open(directory.path() / "views", consumers::Projector::tables(list));
    REQUIRE(rows);
    return std::move(*rows);
}

double total(consumers::Projector& projector, consumers::Log& log, const kpi::Kpis& kpis) {
    const auto view = projector.read(kpi::view_name, ends(log), soon());
    REQUIRE(view);
    const auto series = kpis.series(*view, "quick_wins", {.tenant = "default"}).value();
    double sum = 0;
    for (const auto& point : series.points()) sum += point.value();
    return sum;
}

}  // namespace

TEST_CASE("a KPI that is added to the catalogue is back-filled from history, and the others stay as they are",
          "[kpi][projector]") {
    const auto text = GENERATE(with_a_measure_in_sales(), with_a_family_more());
    const auto before = kpi::Kpis::make().value();
    const auto made = kpi::Kpis::make(text);
    INFO((made ? "" : made.error()));
    REQUIRE(made);
    const auto& after = *made;

    infra::MemoryLog log{{.partitions = 4}};
    LogWriter writer(log);
    write_sales(writer, 0, 300, started_again - day);
    const TemporaryDirectory directory;
    {
        const std::vector<projections::Projection> list{kpi::Kpis::projection(before)};
        const auto rows = open_rows(directory, list);
        consumers::Projector projector(log, *rows, list, {});
        REQUIRE(projector.start());
        CHECK(all_series(projector, log, *before, *before) == fresh_series(log, before));
    }

    Lock lock;
    const std::vector<projections::Projection> list{lock.on(kpi::Kpis::projection(after))};
    REQUIRE(list[0].version != kpi::Kpis::projection(before).version);
    const auto rows = open_rows(directory, list);
    lock.shut();
    consumers::Projector projector(log, *rows, list, {});
    const std::unique_ptr<Lock, void (*)(Lock*)> opened_at_the_end(&lock, [](Lock* held) { held->open(); });
    REQUIRE(projector.start());
    CHECK(all_series(projector, log, *after, *before) == fresh_series(log, before));
    write_sales(writer, 300, 320, started_again);
    CHECK(all_series(projector, log, *after, *before) == fresh_series(log, before));
    CHECK(projector.status().at(0).rebuilding);

    lock.open();
    for (const auto end = soon(); projector.status().at(0).rebuilding; std::this_thread::yield())
        REQUIRE(std::chrono::steady_clock::now() < end);
    CHECK(projector.status().at(0).failure.empty());
    CHECK(projector.status().at(0).version == list[0].version);
    CHECK(all_series(projector, log, *after, *before) == fresh_series(log, before));
    CHECK(all_series(projector, log, *after, *after) == fresh_series(log, after));
    CHECK(total(projector, log, *after) == won_quickly(0, 320));
}
