#include "api/cli/commands.hpp"
#include "api/cli/progress.hpp"
#include "events/time.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace tidemark::api {

namespace {

namespace json = boost::json;

consumers::OnProgress onto(ProgressBar& bar) {
    return [&bar](consumers::Progress at) { bar.show(at.done, at.total, at.done); };
}

constexpr std::chrono::hours longest_backup{13};  // the server gives up sooner

// 2026-01-31T09:30:00.000000Z -> 20260131T093000Z
std::string name_of(events::Micros now) {
    std::string text = events::format_time(now).substr(0, 19);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text + "Z";
}

std::string text_at(const json::value& value, std::string_view key) {
    const auto* object = value.if_object();
    const auto* found = object != nullptr ? object->if_contains(json::string_view(key.data(), key.size())) : nullptr;
    return found != nullptr && found->is_string() ? std::string(found->as_string().c_str()) : std::string();
}

// The directory that the server has made.
std::expected<std::string, std::string> ask_for(const std::string& name, const ServerAddress& address) {
    Client client(address, longest_backup);
    const auto reply = client.post("/v1/backups", "application/json", json::serialize(json::object{{"name", name}}));
    if (!reply) return std::unexpected(reply.error());
    json::error_code broken;
    const json::value told = json::parse(reply->body, broken);
    if (reply->status != 201) {
        const std::string detail = broken ? std::string() : text_at(told, "detail");
        return std::unexpected(detail.empty() ? "the server answered " + std::to_string(reply->status) : detail);
    }
    std::string directory = broken ? std::string() : text_at(told, "directory");
    if (directory.empty()) return std::unexpected("the server did not say where the backup is");
    return directory;
}

void tell(const std::string& what, const std::string& directory, const BackupRead& read, bool as_json) {
    if (as_json) {
        fmt::print("{}\n", json::serialize(json::object{{"directory", directory},
                                                        {"log_id", read.log_id},
                                                        {"incarnation", read.incarnation},
                                                        {"blocks", read.blocks},
                                                        {"records", read.records}}));
    } else {
        fmt::print("{}: {} records in {} blocks of log {}, incarnation {}\n", what, grouped(read.records),
                   grouped(read.blocks), read.log_id, read.incarnation);
    }
}

}  // namespace

ExitCode run_backup(const BackupArguments& arguments, const Surroundings& around) {
    std::string directory = arguments.verify.string();
    if (directory.empty()) {
        const auto address = around.reach(arguments.where);
        if (!address) return complain(address.error());
        const auto made = ask_for(arguments.name.empty() ? name_of(around.now) : arguments.name, *address);
        if (!made) return complain(made.error());
        directory = *made;
    }
    std::expected<BackupRead, std::string> read;
    {
        ProgressBar bar("reading back", "records");
        read = around.read_back(directory, onto(bar));
    }
    if (!read) return complain(read.error());
    tell(directory + " is whole", directory, *read, arguments.json);
    return ExitCode::ok;
}

ExitCode run_restore(const RestoreArguments& arguments, const Surroundings& around) {
    std::expected<BackupRead, std::string> restored;
    {
        ProgressBar bar("verifying", "records");
        restored = around.restore(arguments, onto(bar));
    }
    if (!restored) return complain(restored.error());
    tell(arguments.data.string() + " is restored", arguments.data.string(), *restored, arguments.json);
    return ExitCode::ok;
}

}  // namespace tidemark::api
