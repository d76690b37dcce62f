#include "infra/rocksdb/write_order.hpp"

#include "events/wire.hpp"
#include "infra/rocksdb/wal_tail.hpp"

#include <algorithm>
#include <optional>

namespace tidemark::infra {

namespace wire = events::wire;
using rocksdb::Slice;
using rocksdb::Status;

namespace {

// In the default column family, which no table is in: the number of the last write.
constexpr const char* key = "write";

class FindNumber final : public rocksdb::WriteBatch::Handler {
public:
    Status PutCF(std::uint32_t family, const Slice& name, const Slice& value) override {
        if (family == 0 && name == key && value.size() == sizeof(std::uint64_t)) {
            found = wire::get_at<std::uint64_t>({value.data(), value.size()}, 0);
        }
        return Status::OK();
    }
    Status DeleteCF(std::uint32_t, const Slice&) override { return Status::OK(); }

    std::optional<std::uint64_t> found;
};

}  // namespace

Status WriteOrder::write(rocksdb::DB& db, const rocksdb::WriteOptions& options, rocksdb::WriteBatch& batch) {
    std::string number;
    const std::scoped_lock lock(mutex_);
    wire::put(number, last_ + 1);
    if (auto added = batch.Put(db.DefaultColumnFamily(), key, number); !added.ok()) return added;
    Status written = db.Write(options, &batch);
    // One that failed may be there after the next opening, and another with its number behind it: both are replayed.
    if (written.ok()) ++last_;
    return written;
}

Status WriteOrder::go_on(rocksdb::DB& db) {
    std::string number;
    Status read = db.Get({}, db.DefaultColumnFamily(), key, &number);
    if (read.IsNotFound()) return Status::OK();
    if (!read.ok()) return read;
    if (number.size() != sizeof(std::uint64_t)) return Status::Corruption("the number of the last write is unreadable");
    last_ = wire::get_at<std::uint64_t>(number, 0);
    return read;
}

void NumbersInLogs::ColumnFamilyLogNumberMap(const std::map<std::uint32_t, std::uint64_t>& first_needed,
                                             const std::map<std::string, std::uint32_t>&) {
    for (const auto& [family, log] : first_needed) in_files_ = std::max(in_files_, log);
}

rocksdb::WalFilter::WalProcessingOption NumbersInLogs::LogRecordFound(unsigned long long log, const std::string& file,
                                                                      const rocksdb::WriteBatch& batch,
                                                                      rocksdb::WriteBatch*, bool*) {
    FindNumber number;
    if (!batch.Iterate(&number).ok() || !number.found) return WalProcessingOption::kIgnoreCurrentRecord;
    if (!runs_.empty() && runs_.back().log == log && *number.found <= runs_.back().last + 1) {
        runs_.back().last = std::max(runs_.back().last, *number.found);
    } else {
        runs_.push_back({log, file, *number.found, *number.found});
    }
    return WalProcessingOption::kIgnoreCurrentRecord;
}

bool NumbersInLogs::hole_before_files(std::uint64_t last) const {
    for (std::size_t i = 0; i < runs_.size(); ++i) {
        const Run& run = runs_[i];
        if (run.first <= last + 1) {
            last = std::max(last, run.last);
            continue;
        }
        // The hole is in this log, or, if this one is whole from its first byte on, in those before it.
        const bool here = (i > 0 && runs_[i - 1].log == run.log) || !begins_with_whole_write(run.file);
        return here ? run.log < in_files_ : run.log <= in_files_;
    }
    return false;
}

rocksdb::WalFilter::WalProcessingOption InOrder::LogRecordFound(unsigned long long, const std::string&,
                                                                const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
                                                                bool*) {
    FindNumber number;
    if (!batch.Iterate(&number).ok()) return WalProcessingOption::kCorruptedRecord;
    if (!number.found) return WalProcessingOption::kContinueProcessing;  // written before writes were numbered
    if (*number.found > last_ + 1) {
        gap_ = true;
        return WalProcessingOption::kCorruptedRecord;
    }
    last_ = std::max(last_, *number.found);
    return WalProcessingOption::kContinueProcessing;
}

}  // namespace tidemark::infra
