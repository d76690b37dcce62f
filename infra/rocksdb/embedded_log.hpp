// The log on one machine: a RocksDB database under <data>/log, one synced write for all blocks that wait,
// a mark outside the database (mark.hpp), and the tail in memory.
#pragma once

#include "consumers/log/log.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace rocksdb {
class FileSystem;
}

namespace tidemark::infra {

struct EmbeddedLogOptions {
    std::filesystem::path data;                   // the data directory; made if it is not there
    std::uint32_t partitions = 16;                // fixed when the log is made
    std::size_t tail_bytes = 64u << 20;           // of the newest blocks kept in memory
    bool accept_missing_mark = false;             // opens a log without its mark or mark key, and makes them anew
    std::size_t write_buffer_bytes = 64u << 20;   // of the database, of which there may be two
    std::shared_ptr<rocksdb::FileSystem> files;   // that the database lies on; none: the system's own. For tests
    std::function<int(bool sealing)> mark_fault;  // for tests: Mark::fail_with
};

struct BackupTold;  // backup.hpp

struct EmbeddedLogStats {
    std::uint64_t writes = 0;  // synced writes to the database
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;     // of stored blocks
    std::uint64_t write_us = 0;  // time spent in those writes
    std::uint64_t refused = 0;   // blocks not written for want of room on the disk, or after a write that failed
    std::size_t tail_bytes = 0;
};

// Any thread. Appends are written by a thread of its own, so that the next group can be decided while one is
// synced; append_here writes on the caller's if nothing else is being written. `done` is called by the thread that
// writes: what it runs delays the next write.
// When the database or the mark cannot be written or synced, and not for want of room, what was written is in doubt
// until the next opening reads what is there: this log appends nothing more (every append is `unknown`, and says why),
// and goes on being read.
class EmbeddedLog final : public consumers::Log {
public:
    // Opens or makes the log. The error is for people and says what to do: another process holds it, not a
    // data directory of Tidemark, another format or number of partitions, damaged, shorter than its mark.
    [[nodiscard]] static std::expected<std::unique_ptr<EmbeddedLog>, std::string> open(EmbeddedLogOptions options);
    // Writes and reports what was appended, seals the mark.
    ~EmbeddedLog() override;
    EmbeddedLog(const EmbeddedLog&) = delete;
    EmbeddedLog& operator=(const EmbeddedLog&) = delete;

    [[nodiscard]] const consumers::LogIdentity& identity() const override;
    [[nodiscard]] End end(events::Partition partition) override;
    [[nodiscard]] events::Tip tip(events::Partition partition) override;
    [[nodiscard]] std::uint64_t records() override;
    void append(std::vector<events::BlockPtr> group, consumers::AppendDone done) override;
    void append_here(std::vector<events::BlockPtr> group, consumers::AppendDone done) override;
    [[nodiscard]] std::expected<std::vector<events::BlockPtr>, std::string> read(events::Partition partition,
                                                                                 events::Sequence from,
                                                                                 std::size_t max_bytes) override;
    [[nodiscard]] std::uint64_t wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) override;
    void interrupt() override;

    // Copies everything that was acknowledged, while appends go on (backup.hpp says what into). Any thread.
    [[nodiscard]] std::expected<BackupTold, std::string> back_up(const std::filesystem::path& target);

    [[nodiscard]] EmbeddedLogStats stats() const;
    [[nodiscard]] std::string trouble() const override;

private:
    struct Impl;
    explicit EmbeddedLog(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::infra
