// The database of the embedded log: blocks by partition, first sequence and number, and what the log is.
// Knows RocksDB; does not know which block may be written (embedded_log) nor how far it must reach (mark).
#pragma once

#include "consumers/log/log.hpp"
#include "infra/rocksdb/recovery.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class FileSystem;
}  // namespace rocksdb

namespace tidemark::infra {

// Why blocks were not written.
struct WriteFailure {
    bool no_space = false;  // may succeed later; anything else is for the end of the process
    std::string what;
};

struct StoredEnd {
    events::Partition partition = 0;
    consumers::Log::End end;
};

// Called with each block in order; false ends the visit.
using BlockVisitor = std::function<bool(const events::BlockPtr&)>;
// Called before a block is decoded, with its number and its stored bytes; false ends the visit.
using BlockWanted = std::function<bool(std::uint64_t number, std::size_t bytes)>;

struct BlockTableOptions {
    std::uint32_t partitions = 16;
    std::size_t write_buffer_bytes = 64u << 20;
    std::shared_ptr<rocksdb::FileSystem> files;  // none: the system's own
    // Reads what is there and changes no file: opening to write does, it writes anew what the write-ahead log holds.
    bool only_look = false;
    // Leaves out a last write that the power was lost in (wal_tail.hpp).
    bool without_torn_write = false;
};

// Any thread; write from one thread at a time.
class BlockTable {
public:
    // Makes the database with a new identity if there is none. The error is for people: held by another
    // process, damaged, of an unknown format, of another number of partitions, not ours.
    [[nodiscard]] static std::expected<std::unique_ptr<BlockTable>, std::string> open(
        const std::filesystem::path& directory, const BlockTableOptions& options);
    ~BlockTable();
    BlockTable(const BlockTable&) = delete;
    BlockTable& operator=(const BlockTable&) = delete;

    [[nodiscard]] const consumers::LogIdentity& identity() const { return identity_; }

    // All or nothing, synced. `ends` are places to start from at the next opening instead of block 0.
    [[nodiscard]] std::expected<void, WriteFailure> write(const std::vector<events::BlockPtr>& blocks,
                                                          const std::vector<StoredEnd>& ends);
    // After no_space, before the next write.
    [[nodiscard]] Recovered recover();
    [[nodiscard]] bool has_room();

    // Makes in `target`, which must not be there, a database with all that is written now: files that do not change any
    // more are linked when they lie on the same file system, else copied. Writing goes on meanwhile.
    [[nodiscard]] std::expected<void, std::string> checkpoint(const std::filesystem::path& target);
    // From now on, this is another incarnation of the log. Synced.
    [[nodiscard]] std::expected<void, std::string> renew(std::uint64_t incarnation);

    // An end written before, if it is still one of this partition's blocks.
    [[nodiscard]] std::expected<std::optional<consumers::Log::End>, std::string> stored_end(
        events::Partition partition);

    // From the first block that holds record `from` or stands where it would be. Each is checked to name the one before
    // it.
    [[nodiscard]] std::expected<void, std::string> visit(events::Partition partition, events::Sequence from,
                                                         bool read_ahead, const BlockVisitor& visitor,
                                                         const BlockWanted& wanted = {});
    // From the last block back.
    [[nodiscard]] std::expected<void, std::string> visit_back(events::Partition partition, const BlockVisitor& visitor);

private:
    BlockTable() = default;
    [[nodiscard]] std::expected<void, std::string> identify(const BlockTableOptions& options);
    [[nodiscard]] std::expected<void, std::string> write_identity();

    std::filesystem::path directory_;
    consumers::LogIdentity identity_;
    std::unique_ptr<rocksdb::Env> env_;  // of `files`
    std::unique_ptr<rocksdb::DB> db_;
    rocksdb::ColumnFamilyHandle* meta_ = nullptr;
    rocksdb::ColumnFamilyHandle* blocks_ = nullptr;
};

}  // namespace tidemark::infra
