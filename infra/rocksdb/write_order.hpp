// Numbers the writes to a key-value store, and ends the replay of its write-ahead logs before the first that is
// missing.
//
// These writes are not synced one by one, so a loss of power may leave any part of them, and RocksDB 7.8 does not see
// every hole: zeros where a write should begin make it skip the rest of a block of 32 KiB, and a log that ends a write
// too early says nothing when there is another behind it. With a later batch and without an earlier one, rows would be
// missing behind a place in the log that has passed them.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tidemark::infra {

class WriteOrder {
public:
    // Writes the batch with the next number. Any thread; one after the other, as RocksDB would have it too.
    [[nodiscard]] rocksdb::Status write(rocksdb::DB& db, const rocksdb::WriteOptions& options,
                                        rocksdb::WriteBatch& batch);
    // After an opening: goes on behind the number that is stored.
    [[nodiscard]] rocksdb::Status go_on(rocksdb::DB& db);
    [[nodiscard]] std::uint64_t last() const { return last_; }

private:
    std::mutex mutex_;
    std::uint64_t last_ = 0;
};

// For an opening that only looks: which numbers stand in which log. Replays nothing.
class NumbersInLogs final : public rocksdb::WalFilter {
public:
    const char* Name() const override { return "tidemark.numbers_in_logs"; }
    void ColumnFamilyLogNumberMap(const std::map<std::uint32_t, std::uint64_t>& first_needed,
                                  const std::map<std::string, std::uint32_t>& ids) override;
    WalProcessingOption LogRecordFound(unsigned long long log, const std::string& file,
                                       const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* changed_batch,
                                       bool* changed) override;

    // True: files hold writes from behind a hole, so that the rest of those writes would be missing in the others. No
    // loss of power does that: what files go beyond was synced. `last`: the number in the files.
    [[nodiscard]] bool hole_before_files(std::uint64_t last) const;

private:
    struct Run {
        std::uint64_t log = 0;
        std::string file;
        std::uint64_t first = 0, last = 0;
    };
    std::vector<Run> runs_;
    std::uint64_t in_files_ = 0;  // of logs before this one, everything is in the files of some table
};

// For an opening to write. A gap is told to RocksDB as a damaged record, so that its point-in-time recovery goes by it.
class InOrder final : public rocksdb::WalFilter {
public:
    void begin(std::uint64_t last) { last_ = last; }  // the number in the files
    const char* Name() const override { return "tidemark.in_order"; }
    WalProcessingOption LogRecordFound(unsigned long long log, const std::string& file,
                                       const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* changed_batch,
                                       bool* changed) override;
    [[nodiscard]] bool gap() const { return gap_; }

private:
    std::uint64_t last_ = 0;
    bool gap_ = false;
};

}  // namespace tidemark::infra
