// What was asked for on the command line. The only file pair that knows CLI11.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tidemark::api {

// Every subcommand ends with one of these.
enum class ExitCode : int {
    ok = 0,
    failed = 1,    // the world failed, or `check` found a fault
    usage = 2,     // the command line, a mapping or a configuration is wrong
    rejected = 3,  // some rows or commands were rejected; the others are done
};

// Which server a client command speaks to: one that runs, or a data directory that is opened and served meanwhile.
struct Where {
    std::string server = "http://127.0.0.1:8080";
    std::filesystem::path data;    // empty: the server
    std::filesystem::path config;  // with `data`: the settings of its server; empty: none
    std::string tenant;            // empty: the default one
};

// A data directory that a command opens itself.
struct OpenedBy {
    std::filesystem::path data;
    std::filesystem::path config;  // as above
};

struct ServeArguments {
    std::filesystem::path config;  // empty: none
    // Settings given as flags: they go before the environment and the file. Names are those of the file.
    std::vector<std::pair<std::string, std::string>> settings;
};
struct ImportArguments {
    Where where;
    std::filesystem::path mapping;
    std::vector<std::filesystem::path> files;
    std::filesystem::path rejects = ".";
    std::filesystem::path key;
    bool dry_run = false;
    bool json = false;
};
struct SendArguments {
    Where where;
    std::filesystem::path file;  // "-": standard input
    bool json = false;
};
struct KpiArguments {
    Where where;
    std::string name;  // empty: all of them
    std::string from, to, grain;
    std::vector<std::string> by;
    std::vector<std::string> filter;
    bool json = false;
};
struct ReplayArguments {
    OpenedBy store;
    std::string tenant;
    std::string stream;  // "sale/s-1"; empty: every event, through the aggregates
    bool verify = false;
    bool json = false;
};
struct RebuildArguments {
    OpenedBy store;
    std::vector<std::string> what;  // "views", "derived" or names of views; empty: both
    bool json = false;
};
struct CheckArguments {
    OpenedBy store;
    bool json = false;
};
struct BackupArguments {
    Where where;
    std::string name;              // of the backup; empty: the time, 20260131T093000Z
    std::filesystem::path verify;  // only reads this backup back
    bool json = false;
};
struct RestoreArguments {
    std::filesystem::path backup;
    std::filesystem::path data;
    bool replace = false;
    bool json = false;
};
struct SimulateArguments {
    Where where;
    std::uint64_t seed = 1;
    std::uint32_t days = 1;
    std::uint32_t customers = 200;
    std::uint32_t sales_per_day = 60;
    std::string end;              // the day after the last; empty: today
    std::uint64_t rate = 0;       // commands per second; 0: as fast as they are taken
    std::filesystem::path write;  // NDJSON there instead of sending; "-": standard output
    bool json = false;
};
struct BenchArguments {
    std::filesystem::path data;   // a directory that is made and removed
    std::uint32_t seconds = 3;    // of each burst
    std::uint32_t sustain = 10;   // seconds
    std::uint64_t live = 50'000;  // sales
    std::uint64_t events = 200'000;
    std::vector<std::string> only;  // sections; empty: all
    std::filesystem::path json;     // written there too
};
struct CompletionArguments {
    std::string script;
};
struct Finished {
    ExitCode code = ExitCode::ok;  // help or an error was printed
};

using Arguments = std::variant<Finished, ServeArguments, ImportArguments, SendArguments, KpiArguments, ReplayArguments,
                               RebuildArguments, CheckArguments, BackupArguments, RestoreArguments, SimulateArguments,
                               BenchArguments, CompletionArguments>;

// `settings_help` is shown by `tidemark serve --help`.
[[nodiscard]] Arguments parse_command_line(int argc, const char* const* argv, const std::string& settings_help);

}  // namespace tidemark::api
