// The same over HTTP on loopback, the client on the same cores: single commands, bulk streams, and queries meanwhile.
#include "api/bench/bench.hpp"
#include "api/bench/bulk_load.hpp"
#include "api/bench/http_load.hpp"
#include "api/json/write.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <fmt/core.h>
#include <future>

namespace tidemark::api {

namespace {

constexpr std::size_t connections = 64;
constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::uint64_t made_per_second = 150'000;  // of bulk commands, for each second of a burst

void add_load(BenchRun& run, std::string name, const LoadResult& load, std::string against = {}) {
    run.figures.add({.name = std::move(name),
                     .value = static_cast<double>(load.requests) / load.seconds,
                     .against = std::move(against),
                     .p50_ms = load.p50_ms,
                     .p99_ms = load.p99_ms});
}

// A stream of commands, made before the clock runs: what a client costs that reads them from a file.
std::vector<std::string> make_stream(BenchRun& run, BulkForm form) {
    std::vector<std::string> pieces(1);
    for (std::uint64_t left = made_per_second * run.arguments.seconds; left > 0; --left) {
        if (pieces.back().size() >= piece_bytes) pieces.emplace_back();
        const v1::Command command = run.work->next();
        if (form == BulkForm::ndjson) {
            json::write(command, pieces.back());
            pieces.back() += '\n';
        } else {
            const std::string bytes = command.SerializeAsString();
            std::uint8_t length[10];
            const auto* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
                static_cast<std::uint32_t>(bytes.size()), length);
            pieces.back().append(reinterpret_cast<const char*>(length), static_cast<std::size_t>(end - length));
            pieces.back() += bytes;
        }
    }
    return pieces;
}

struct Query {
    const char* name;
    std::function<LoadRequest(std::uint64_t)> request;
};

// Queries by one client each, two hundred a second at most, until told to stop.
std::vector<Query> queries(const BenchRun& run) {
    return {{"point query (a sale) during bulk ingest",
             [&run](std::uint64_t number) {
                 return LoadRequest{.target = "/v1/sales/" + run.work->first_sale_id(number * 7'919 % run.work->live()),
                                    .content_type = {},
                                    .body = {}};
             }},
            {"KPI query (12 months by 50 owners) during bulk ingest", [](std::uint64_t) {
                 return LoadRequest{
                     .target = "/v1/kpis/sales_opened?grain=month&by=owner&from=2025-01-01&to=2026-01-01",
                     .content_type = {},
                     .body = {}};
             }}};
}

BenchResult bulk(BenchRun& run, BulkForm form, bool with_queries) {
    auto pieces = make_stream(run, form);
    if (auto followed = until_views_followed(run); !followed) return followed;
    std::vector<std::future<std::expected<LoadResult, std::string>>> asked;
    const auto asking = with_queries ? queries(run) : std::vector<Query>();
    for (const Query& query : asking) {
        asked.push_back(std::async(std::launch::async, [&run, &query] {
            return put_load(run.bed->port(),
                            {.connections = 1, .time = run.time() * 8 / 10, .pause = std::chrono::milliseconds(5)},
                            query.request);
        }));
    }
    std::size_t at = 0;
    const auto started = BenchClock::now();
    const auto sent = put_bulk(run.bed->port(), form, [&]() -> std::string_view {
        if (at == pieces.size() || BenchClock::now() - started >= run.time()) return {};
        return pieces[at++];
    });
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto load = asked[i].get();
        if (!load) return std::unexpected(std::string(asking[i].name) + ": " + load.error());
        add_load(run, asking[i].name, *load);
    }
    if (!sent) return std::unexpected(sent.error());
    auto floor = group_floor(run, 1'000);
    if (!floor) return std::unexpected(floor.error());
    run.figures.add({.name = fmt::format("bulk {} over loopback{}", form == BulkForm::ndjson ? "NDJSON" : "Protobuf",
                                         with_queries ? ", beside those queries" : ""),
                     .value = static_cast<double>(sent->outcomes) / sent->seconds,
                     .against = *floor});
    // What the stream did not get to send is not known to the server: the sales go on from there.
    run.work.reset();
    return {};
}

}  // namespace

BenchResult bench_bulk(BenchRun& run) {
    for (const auto& [form, with_queries] :
         {std::pair{BulkForm::protobuf, false}, {BulkForm::ndjson, false}, {BulkForm::protobuf, true}}) {
        if (auto open = open_live_sales(run); !open) return open;
        if (auto done = bulk(run, form, with_queries); !done) return done;
    }
    return {};
}

BenchResult bench_singles(BenchRun& run) {
    if (auto followed = until_views_followed(run); !followed) return followed;
    const auto request = [](std::uint64_t number) {
        const v1::Command command = create_customer("single", number);
        return LoadRequest{.target = "/v1/customers/" + command.stream_id() + "/create-customer",
                           .content_type = "application/json",
                           .body = json::text_of(command.customer().create_customer())};
    };
    const std::string floor = "floor: bare HTTP server, 64 connections";
    {
        const BareServer bare;
        const auto load = put_load(bare.port(), {.connections = connections, .time = run.time()}, request);
        if (!load) return std::unexpected("bare server: " + load.error());
        add_load(run, floor, *load);
    }
    const auto load = put_load(run.bed->port(), {.connections = connections, .time = run.time()}, request);
    if (!load) return std::unexpected(load.error());
    add_load(run, "HTTP single commands, 64 connections", *load, floor);
    return {};
}

}  // namespace tidemark::api
