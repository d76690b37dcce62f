// The subcommands that speak to a server. Each says on standard output what it did, on standard error how
// far it is and what went wrong, and returns the exit code.
#pragma once

#include "api/cli/client.hpp"
#include "api/cli/command_line.hpp"
#include "consumers/derived/derived_stores.hpp"

#include <functional>

namespace tidemark::api {

// What a backup holds, read back.
struct BackupRead {
    std::string log_id;
    std::uint64_t incarnation = 0;
    std::uint64_t blocks = 0;
    std::uint64_t records = 0;
};

// What main puts around them.
struct Surroundings {
    // The address of the server that `where` names; a data directory is opened and served first.
    std::function<std::expected<ServerAddress, std::string>(const Where& where)> reach;
    // A key of 32 random bytes in a file of its own, made if it is not there.
    std::function<std::expected<std::string, std::string>(const std::filesystem::path& file)> read_or_make_key;
    std::function<std::expected<BackupRead, std::string>(const std::filesystem::path& backup,
                                                         const consumers::OnProgress& progress)>
        read_back;
    std::function<std::expected<BackupRead, std::string>(const RestoreArguments& arguments,
                                                         const consumers::OnProgress& progress)>
        restore;
    events::Micros now = 0;
    std::int32_t today = 0;  // days since 1970-01-01
};

[[nodiscard]] ExitCode run_import(const ImportArguments& arguments, const Surroundings& around);
[[nodiscard]] ExitCode run_send(const SendArguments& arguments, const Surroundings& around);
[[nodiscard]] ExitCode run_simulate(const SimulateArguments& arguments, const Surroundings& around);
[[nodiscard]] ExitCode run_backup(const BackupArguments& arguments, const Surroundings& around);
[[nodiscard]] ExitCode run_restore(const RestoreArguments& arguments, const Surroundings& around);
[[nodiscard]] ExitCode run_kpi(const KpiArguments& arguments, const Surroundings& around);

// "tidemark: why" on standard error, and the code back.
ExitCode complain(const std::string& why, ExitCode code = ExitCode::failed);

}  // namespace tidemark::api
