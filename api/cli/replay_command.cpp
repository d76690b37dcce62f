#include "aggregates/aggregate_type.hpp"
#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "api/cli/store_commands.hpp"
#include "api/http/answers.hpp"
#include "api/json/write.hpp"
#include "events/event.hpp"
#include "events/time.hpp"

#include <fmt/core.h>

namespace tidemark::api {

namespace {

// What happened; below it who, for whom, why and because of what; below that the event.
void print_record(const v1::EventRecord& record, const events::RecordHeader& header) {
    fmt::print("{:>6}  {}  {:<24} {}{}{}\n", record.version(), events::format_time(record.occurred_at()), record.type(),
               record.actor(), record.on_behalf_of().empty() ? "" : " for " + record.on_behalf_of(),
               record.reason().empty() ? "" : ": " + record.reason());
    fmt::print("        recorded {} at {}:{} by command {}{}\n", events::format_time(record.recorded_at()),
               record.position().partition(), record.position().sequence(), record.command_id(),
               record.causation_id().empty() ? "" : " because of " + record.causation_id());
    const auto& payload = record.GetReflection()->GetMessage(
        record, v1::EventRecord::descriptor()->FindFieldByName(std::string(header.stream_kind)));
    fmt::print("        {}\n", json::text_of(payload));
}

// That nothing differs is nothing to go by when nothing was compared.
void print_compared(const ReplayedLog& told) {
    if (told.snapshots_compared > 0) {
        fmt::print("{} snapshots compared, {} differ\n", grouped(told.snapshots_compared), told.differences.size());
    } else {
        fmt::print(
            "no snapshot was compared: no stream has one of its last version. `tidemark rebuild derived` makes one of "
            "every stream\n");
    }
}

}  // namespace

ExitCode replay_log(consumers::Log& log, const consumers::DerivedStores& derived, const ReplayArguments& arguments) {
    std::expected<ReplayedLog, std::string> told;
    {
        ProgressBar bar("replaying", "records");
        told = fold_log(log, arguments.verify ? &derived : nullptr,
                        [&](consumers::Progress at) { bar.show(at.done, at.total, at.done); });
    }
    if (!told) return complain(told.error());
    const double rate = static_cast<double>(told->records) / std::max(told->seconds, 1e-9);
    if (arguments.json) {
        fmt::print(
            "{{\"blocks\":{},\"records\":{},\"events\":{},\"streams\":{},\"seconds\":{:.3f},\"records_per_second\":{:."
            "0f},"
            "\"snapshots_compared\":{},\"differences\":{}}}\n",
            told->blocks, told->records, told->events, told->streams, told->seconds, rate, told->snapshots_compared,
            told->differences.size());
    } else {
        fmt::print("{} records in {} blocks folded into {} streams in {:.2f} s: {} records/s\n", grouped(told->records),
                   grouped(told->blocks), grouped(told->streams), told->seconds,
                   grouped(static_cast<std::uint64_t>(rate)));
        if (arguments.verify) print_compared(*told);
    }
    for (const std::string& difference : told->differences) complain(difference);
    return told->differences.empty() ? ExitCode::ok : ExitCode::failed;
}

ExitCode show_stream(consumers::History& history, const ReplayArguments& arguments) {
    const auto slash = arguments.stream.find('/');
    const auto* type = aggregates::find_kind(arguments.stream.substr(0, slash));
    if (slash == std::string::npos || type == nullptr)
        return complain(arguments.stream + ": a stream is written as sale/ID", ExitCode::usage);
    const events::StreamName name{
        .tenant = arguments.tenant.empty() ? std::string(events::default_tenant) : arguments.tenant,
        .kind = std::string(type->kind),
        .id = arguments.stream.substr(slash + 1)};
    constexpr std::size_t page = 1'000;
    for (events::Version first = 1;;) {
        const auto events = history.events(name, first, page);
        if (!events) return complain(events.error());
        if (events->empty() && first == 1) return complain("there is no " + arguments.stream);
        for (const auto& stored : *events) {
            const auto record = show(stored.view);
            if (!record) return complain(record.error());
            if (arguments.json) {
                fmt::print("{}\n", json::text_of(*record));
            } else {
                print_record(*record, stored.view.header);
            }
        }
        if (events->size() < page) return ExitCode::ok;
        first += page;
    }
}

}  // namespace tidemark::api
