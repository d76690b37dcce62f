// Opening the embedded log: takes the data directory for this process, opens the database, folds what is behind
// the last stored end of each partition, and holds the result against the mark.
#pragma once

#include "infra/rocksdb/block_table.hpp"
#include "infra/rocksdb/embedded_log.hpp"
#include "infra/rocksdb/mark.hpp"
#include "infra/runtime/file_descriptor.hpp"

namespace tidemark::infra {

struct OpenedLog {
    FileDescriptor lock;  // held as long as the log is open
    std::unique_ptr<BlockTable> table;
    std::unique_ptr<Mark> mark;
    MarkedLog marked;                         // as of now
    std::vector<events::ChainFold> chains;    // by partition
    std::vector<std::uint64_t> end_barriers;  // by partition: how many stand at its end
};

[[nodiscard]] std::expected<OpenedLog, std::string> open_log(const EmbeddedLogOptions& options);

// The parts of it, for backup.cpp.

// Takes the data directory for this process; another one that holds it is an error, in words.
[[nodiscard]] std::expected<FileDescriptor, std::string> take_lock(const std::filesystem::path& data);
// Opens the database and folds what is behind the stored ends. A last write that the power was lost in is left out, and
// `options` say so afterwards.
[[nodiscard]] std::expected<void, std::string> read_log(const std::filesystem::path& directory,
                                                        BlockTableOptions& options, OpenedLog& log);
[[nodiscard]] MarkedLog mark_of(const OpenedLog& log, std::uint64_t generation);

}  // namespace tidemark::infra
