// Backups of the embedded log. A backup is a directory like a data directory, with what cannot be made again:
//
//     log/    a checkpoint of the database: all that was acknowledged when it was asked for, and perhaps more
//     mark    signed: the last block of each partition in it
//     keys/   as they are in the data directory, mode 0600
//
// Derived stores and views are left out: a server makes them again when it starts on what was restored.
#pragma once

#include "infra/rocksdb/open_log.hpp"

#include <functional>

namespace tidemark::infra {

// What a backup holds.
struct BackupTold {
    consumers::LogIdentity identity;
    std::uint64_t blocks = 0;
    std::uint64_t records = 0;
};

// Records read so far, and how many there are.
using BackupProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Backs up an opened log while it is written. `target` must not be there; whoever finds it finds it whole. `ends`: of
// each partition, at least so many blocks are in it. Any thread; one at a time for a target.
[[nodiscard]] std::expected<BackupTold, std::string> write_backup(BlockTable& table, const std::filesystem::path& data,
                                                                  const std::vector<std::uint64_t>& ends,
                                                                  const std::filesystem::path& target);

// Reads a backup back, every block and every record: chain, digests, Merkle roots, and the mark. Changes nothing.
[[nodiscard]] std::expected<BackupTold, std::string> verify_backup(const std::filesystem::path& backup,
                                                                   const BackupProgress& progress = {});

struct RestoreOptions {
    std::filesystem::path backup;
    std::filesystem::path data;     // made if it is not there
    bool replace = false;           // what `data` holds goes to data/replaced, which must not be there
    std::uint64_t incarnation = 0;  // the new one at least; it is greater than any that is known here
    std::function<void()> on_step;  // for tests: after each step that changes something in `data`
};

// Verifies the backup and puts it into a data directory as a new incarnation of its log: positions, cursors and derived
// stores of the former one are refused from then on. The copy is made whole in data/restoring first; a restore that is
// cut short before that has changed nothing, and one that is cut short behind it is finished by the same call again. In
// between no server opens the directory.
[[nodiscard]] std::expected<BackupTold, std::string> restore_backup(const RestoreOptions& options,
                                                                    const BackupProgress& progress = {});

}  // namespace tidemark::infra
