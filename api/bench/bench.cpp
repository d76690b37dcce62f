#include "api/bench/bench.hpp"

#include "api/bench/http_load.hpp"
#include "api/cli/client.hpp"
#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "api/cli/store_commands.hpp"
#include "api/json/write.hpp"
#include "events/block.hpp"
#include "events/time.hpp"

#include <boost/json.hpp>

#include <condition_variable>
#include <fmt/core.h>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace tidemark::api {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t typical_record = 300;  // bytes, header and payload
constexpr events::Micros noon =
    1'767'268'800 * events::micros_per_second;  // 2026-01-01T12:00:00Z: business time is given

struct Figure {
    std::string name;
    double per_second = 0;
    std::string against;  // the floor that it is held against; empty: it is one
    double p50_ms = 0;    // 0: not measured
    double p99_ms = 0;
};

// One event of usual size on a stream of its own.
v1::Command create_customer(std::string_view prefix, std::uint64_t number) {
    v1::Command command;
    command.set_stream_id(fmt::format("{}-{:08}", prefix, number));
    command.set_command_id(fmt::format("{}:{:08}", prefix, number));
    command.set_actor("bench");
    command.set_occurred_at(noon);
    auto& created = *command.mutable_customer()->mutable_create_customer();
    created.set_name("Nordwind Instruments GmbH");
    created.set_email("contact@example.com");
    created.set_phone("+49 30 5550 1234");
    created.set_sector("manufacturing");
    created.set_region("North");
    created.set_owner("Ada Lindqvist");
    return command;
}

class NumberedSource final : public CommandSource {
public:
    NumberedSource(std::string prefix, Clock::time_point until) : prefix_(std::move(prefix)), until_(until) {}
    std::variant<ToSend, PacedUntil, NoMore, Failed> next() override {
        if (Clock::now() >= until_) return NoMore{};
        ToSend made{.command = create_customer(prefix_, made_), .tag = made_};
        ++made_;
        return made;
    }
    void answered(std::uint64_t, const v1::Outcome& outcome) override {
        if (outcome.status() != v1::ACCEPTED)
            throw std::runtime_error("a command of the benchmark was not accepted: " + outcome.ShortDebugString());
        ++answered_;
    }
    [[nodiscard]] std::uint64_t answers() const { return answered_; }

private:
    std::string prefix_;
    Clock::time_point until_;
    std::uint64_t made_ = 0;
    std::uint64_t answered_ = 0;
};

class Bench {
public:
    Bench(const BenchArguments& arguments, const BenchParts& parts, std::filesystem::path directory)
        : arguments_(arguments),
          parts_(parts),
          directory_(std::move(directory)),
          time_(std::chrono::seconds(arguments.seconds)) {}

    std::expected<void, std::string> run() {
        if (auto done = floors(); !done) return done;
        auto bed = parts_.open_bed(directory_ / "bed");
        if (!bed) return std::unexpected(bed.error());
        for (const std::size_t in_flight : {1U, 256U, 4096U}) {
            if (auto done = in_process(**bed, in_flight); !done) return done;
        }
        if (auto done = singles(**bed); !done) return done;
        if (auto done = bulk(**bed); !done) return done;
        return over_history(**bed);
    }
    [[nodiscard]] const std::vector<Figure>& figures() const { return figures_; }

private:
    void add(Figure figure) {
        fmt::print(stderr, "  {}\n", figure.name);
        figures_.push_back(std::move(figure));
    }

    // Calls `step`, which says how much it did, until the time is over.
    template <class Step>
    std::expected<double, std::string> rate(Step step) {
        std::uint64_t done = 0;
        const auto started = Clock::now();
        while (Clock::now() - started < time_) {
            auto did = step();
            if (!did) return std::unexpected(did.error());
            done += *did;
        }
        return static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - started).count();
    }

    // What the disk and the hashes allow: one synced write of a value, and of a block of N records, each hashed into
    // its leaf.
    std::expected<void, std::string> floors() {
        auto store = parts_.open_plain(directory_ / "plain");
        if (!store) return std::unexpected(store.error());
        std::uint64_t key = 0;
        const auto write = [&](std::string value, std::uint64_t worth) -> std::expected<std::uint64_t, std::string> {
            consumers::KvBatch batch;
            batch.put(0, fmt::format("{:016}", key++), std::move(value));
            if (auto written = (*store)->write(std::move(batch), consumers::Durability::synced); !written)
                return std::unexpected(written.error().what);
            return worth;
        };
        const std::string value(typical_record, 'x');
        auto single = rate([&] { return write(value, 1); });
        if (!single) return std::unexpected(single.error());
        add({.name = "floor: synced single write", .per_second = *single});
        for (const std::uint64_t count : {64U, 256U, 1000U}) {
            auto group = rate([&] { return write(sealed_block(count), count); });
            if (!group) return std::unexpected(group.error());
            add({.name = fmt::format("floor: one block per group of {}", count), .per_second = *group});
        }
        return {};
    }

    static std::string sealed_block(std::uint64_t count) {
        events::BlockBuilder builder;
        const std::string payload(typical_record - 180, 'x');
        for (std::uint64_t i = 0; i < count; ++i) {
            events::RecordHeader header;
            header.sequence = i;
            header.version = 1;
            header.tenant = "default";
            header.stream_kind = "customer";
            header.stream_id = "bench-00000001";
            header.command_id = "bench:00000001";
            header.actor = "bench";
            builder.add(header, payload);
        }
        return std::string(builder.seal({})->stored());
    }

    std::expected<void, std::string> in_process(BenchBed& bed, std::size_t in_flight) {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t under_way = 0;
        std::uint64_t answered = 0;
        std::string failure;
        const std::string prefix = fmt::format("p{}", in_flight);
        const auto started = Clock::now();
        for (std::uint64_t number = 0; Clock::now() - started < time_; ++number) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return under_way < in_flight; });
            if (!failure.empty()) break;
            ++under_way;
            lock.unlock();
            consumers::Submission submission{.command = create_customer(prefix, number),
                                             .answer = [&](v1::Outcome outcome) {
                                                 const std::lock_guard held(mutex);
                                                 if (outcome.status() != v1::ACCEPTED)
                                                     failure = outcome.ShortDebugString();
                                                 --under_way;
                                                 ++answered;
                                                 changed.notify_all();
                                             }};
            submission.command.set_tenant(std::string(events::default_tenant));
            while (bed.commands().submit({&submission, 1}) == 0) std::this_thread::yield();
        }
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return under_way == 0; });
        if (!failure.empty()) return std::unexpected("a command of the benchmark was not accepted: " + failure);
        const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
        add({.name = fmt::format("durable commands in process, {} in flight", in_flight),
             .per_second = static_cast<double>(answered) / seconds,
             .against = in_flight == 1     ? "floor: synced single write"
                        : in_flight == 256 ? "floor: one block per group of 256"
                                           : "floor: one block per group of 1000"});
        return {};
    }

    std::expected<void, std::string> singles(BenchBed& bed) {
        constexpr std::size_t connections = 64;
        const auto request = [](std::uint64_t number) {
            const v1::Command command = create_customer("h", number);
            return LoadRequest{.target = "/v1/customers/" + command.stream_id() + "/create-customer",
                               .content_type = "application/json",
                               .body = json::text_of(command.customer().create_customer())};
        };
        {
            const BareServer bare;
            auto load = put_load(bare.port(), connections, time_, request);
            if (!load) return std::unexpected("bare server: " + load.error());
            add_load("floor: bare HTTP server, 64 connections", *load, {});
        }
        auto load = put_load(bed.port(), connections, time_, request);
        if (!load) return std::unexpected("HTTP: " + load.error());
        add_load("HTTP single commands, 64 connections", *load, "floor: bare HTTP server, 64 connections");
        return {};
    }
    void add_load(std::string name, const LoadResult& load, std::string against) {
        add({.name = std::move(name),
             .per_second = static_cast<double>(load.requests) / load.seconds,
             .against = std::move(against),
             .p50_ms = load.p50_ms,
             .p99_ms = load.p99_ms});
    }

    std::expected<void, std::string> bulk(BenchBed& bed) {
        Client client({.host = "127.0.0.1", .port = std::to_string(bed.port())});
        auto started = Clock::now();
        NumberedSource source("b", started + time_);
        if (auto sent = client.send(source); !sent) return sent;
        add({.name = "bulk Protobuf over loopback",
             .per_second =
                 static_cast<double>(source.answers()) / std::chrono::duration<double>(Clock::now() - started).count(),
             .against = "floor: one block per group of 1000"});

        constexpr std::uint64_t lines_each = 20'000;
        std::uint64_t lines = 0;
        double seconds = 0;
        while (seconds < std::chrono::duration<double>(time_).count()) {
            std::string body;
            for (std::uint64_t i = 0; i < lines_each; ++i)
                body += json::text_of(create_customer("n", lines + i)) + "\n";
            started = Clock::now();
            const auto reply = client.post("/v1/commands", "application/x-ndjson", std::move(body));
            if (!reply) return std::unexpected(reply.error());
            if (reply->status != 200)
                return std::unexpected("bulk NDJSON: " + std::to_string(reply->status) + " " +
                                       reply->body.substr(0, 300));
            const auto answers = static_cast<std::uint64_t>(std::ranges::count(reply->body, '\n'));
            if (answers != lines_each)
                return std::unexpected(fmt::format("bulk NDJSON: {} outcomes for {} lines", answers, lines_each));
            seconds += std::chrono::duration<double>(Clock::now() - started).count();
            lines += lines_each;
        }
        add({.name = "bulk NDJSON over loopback",
             .per_second = static_cast<double>(lines) / seconds,
             .against = "floor: one block per group of 1000"});
        return {};
    }

    // Scan, replay and rebuild over what the figures before have written, topped up to the number asked for.
    std::expected<void, std::string> over_history(BenchBed& bed) {
        if (auto filled = fill(bed); !filled) return filled;
        std::uint64_t records = 0;
        const auto started = Clock::now();
        for (events::Partition p = 0; p < bed.log().identity().partitions; ++p) {
            for (events::Sequence next = 0, end = bed.log().end(p).tip.next_sequence; next < end;) {
                const auto blocks = bed.log().read(p, next, 8 << 20);
                if (!blocks) return std::unexpected(blocks.error());
                for (const auto& block : *blocks) {
                    for (std::size_t i = 0; i < block->size(); ++i) {
                        if (!events::decode_record(block->record(i)))
                            return std::unexpected("a record does not decode");
                        ++records;
                    }
                    next = block->next_sequence();
                }
            }
        }
        const double scan = std::chrono::duration<double>(Clock::now() - started).count();
        add({.name = fmt::format("scan of {} records", grouped(records)),
             .per_second = static_cast<double>(records) / scan,
             .against = {}});

        const auto folded = fold_log(bed.log(), nullptr, [](consumers::Progress) {});
        if (!folded) return std::unexpected(folded.error());
        add({.name = "replay through the aggregates",
             .per_second = static_cast<double>(folded->records) / folded->seconds,
             .against = figures_.back().name});

        const auto rebuild_started = Clock::now();
        if (auto rebuilt = bed.projector().rebuild({}, [](consumers::Progress) {}); !rebuilt) return rebuilt;
        const double rebuild = std::chrono::duration<double>(Clock::now() - rebuild_started).count();
        add({.name = "rebuild of every view",
             .per_second = static_cast<double>(records) / rebuild,
             .against = figures_[figures_.size() - 2].name});
        return {};
    }
    std::expected<void, std::string> fill(BenchBed& bed) {
        std::uint64_t there = 0;
        for (events::Partition p = 0; p < bed.log().identity().partitions; ++p)
            there += bed.log().end(p).tip.next_sequence;
        if (there >= arguments_.events) return {};
        struct Fill final : CommandSource {
            std::uint64_t made = 0, wanted = 0;
            std::variant<ToSend, PacedUntil, NoMore, Failed> next() override {
                if (made == wanted) return NoMore{};
                ToSend one{.command = create_customer("f", made), .tag = made};
                ++made;
                return one;
            }
            void answered(std::uint64_t, const v1::Outcome&) override {}
        } source;
        source.wanted = arguments_.events - there;
        return Client({.host = "127.0.0.1", .port = std::to_string(bed.port())}).send(source);
    }

    const BenchArguments& arguments_;
    const BenchParts& parts_;
    std::filesystem::path directory_;
    std::chrono::milliseconds time_;
    std::vector<Figure> figures_;
};

double floor_of(const std::vector<Figure>& figures, const Figure& figure) {
    for (const Figure& one : figures) {
        if (one.name == figure.against) return one.per_second;
    }
    return 0;
}

void print(const std::vector<Figure>& figures) {
    fmt::print("{:<46} {:>12} {:>8} {:>9} {:>9}  {}\n", "figure", "per second", "ratio", "p50 ms", "p99 ms",
               "held against");
    for (const Figure& figure : figures) {
        const double floor = floor_of(figures, figure);
        fmt::print("{:<46} {:>12} {:>8} {:>9} {:>9}  {}\n", figure.name,
                   grouped(static_cast<std::uint64_t>(figure.per_second)),
                   floor > 0 ? fmt::format("{:.2f}", figure.per_second / floor) : "",
                   figure.p50_ms > 0 ? fmt::format("{:.2f}", figure.p50_ms) : "",
                   figure.p99_ms > 0 ? fmt::format("{:.2f}", figure.p99_ms) : "", figure.against);
    }
}

boost::json::array as_json(const std::vector<Figure>& figures) {
    boost::json::array all;
    for (const Figure& figure : figures) {
        boost::json::object one{{"name", figure.name}, {"per_second", figure.per_second}};
        if (const double floor = floor_of(figures, figure); floor > 0) {
            one["against"] = figure.against;
            one["ratio"] = figure.per_second / floor;
        }
        if (figure.p50_ms > 0) one["p50_ms"] = figure.p50_ms;
        if (figure.p99_ms > 0) one["p99_ms"] = figure.p99_ms;
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace

ExitCode run_bench(const BenchArguments& arguments, const BenchParts& parts) {
    const bool own = arguments.data.empty();
    std::filesystem::path directory = arguments.data;
    if (own) {
        std::string pattern = (std::filesystem::temp_directory_path() / "tidemark-bench-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) return complain(pattern + ": cannot be made");
        directory = pattern;
    } else if (std::filesystem::exists(directory) && !std::filesystem::is_empty(directory)) {
        return complain(directory.string() + ": is not empty; the benchmark wants a directory of its own",
                        ExitCode::usage);
    }
    fmt::print(stderr, "measuring in {}\n", directory.string());
    std::vector<Figure> figures;
    std::expected<void, std::string> done;
    {
        Bench bench(arguments, parts, directory);
        done = bench.run();
        figures = bench.figures();
    }
    std::error_code ignored;  // what is left in a temporary directory fails no benchmark
    std::filesystem::remove_all(directory, ignored);
    print(figures);
    if (!done) return complain(done.error());
    if (!arguments.json.empty()) {
        std::ofstream file(arguments.json);
        file << boost::json::serialize(as_json(figures)) << '\n';
        if (!file.flush()) return complain(arguments.json.string() + ": cannot be written");
    }
    return ExitCode::ok;
}

}  // namespace tidemark::api
