#include "infra/rocksdb/block_table.hpp"

#include "events/wire.hpp"
#include "infra/rocksdb/recovery.hpp"
#include "infra/rocksdb/rocks_logger.hpp"
#include "infra/rocksdb/stored_end.hpp"

#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <system_error>

namespace tidemark::infra {

using events::BlockPtr;
namespace wire = events::wire;

namespace {

constexpr std::string_view format = "tidemark log 1";

void put_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>(value >> shift));
    }
}

std::string partition_key(std::uint64_t partition) {
    std::string key;
    put_big_endian(key, partition, 4);
    return key;
}

// Barriers have the first sequence of the block behind them; the number keeps them apart and in order.
std::string block_key(events::Partition partition, events::Sequence first, std::uint64_t number) {
    std::string key = partition_key(partition);
    put_big_endian(key, first, 8);
    put_big_endian(key, number, 8);
    return key;
}

std::uint64_t big_endian_at(const rocksdb::Slice& key, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + 8 && i < key.size(); ++i) {
        value = value << 8 | static_cast<unsigned char>(key[i]);
    }
    return value;
}

// Of a block's key.
events::Sequence first_sequence_in(const rocksdb::Slice& key) {
    return big_endian_at(key, 4);
}
std::uint64_t number_in(const rocksdb::Slice& key) {
    return big_endian_at(key, 12);
}

std::string end_key(events::Partition partition) {
    return "end/" + partition_key(partition);
}

rocksdb::DBOptions database_options() {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.paranoid_checks = true;
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    options.max_total_wal_size = 256u << 20;
    options.max_open_files = 512;
    options.max_background_jobs = 2;
    options.info_log = rocks_logger();
    return options;
}

rocksdb::ColumnFamilyOptions block_options(std::size_t write_buffer_bytes) {
    rocksdb::ColumnFamilyOptions options;
    options.write_buffer_size = write_buffer_bytes;
    options.max_write_buffer_number = 2;
    options.compression = rocksdb::kNoCompression;  // blocks come compressed
    // Blocks are never changed and never deleted: compaction moves their keys and leaves them where they are.
    options.enable_blob_files = true;
    options.min_blob_size = 4096;
    options.blob_file_size = 256u << 20;
    return options;
}

std::string in_words(const std::filesystem::path& directory, const rocksdb::Status& status) {
    constexpr const char* backup = ". Put the data directory back from a backup; nothing has been changed";
    const std::string where = "cannot open the log in " + directory.string() + ": ";
    if (status.IsCorruption()) {
        return where + "it is damaged (" + status.ToString() + ")" + backup;
    }
    if (status.IsInvalidArgument()) {
        return where + "this is not a log of Tidemark, or of a later version (" + status.ToString() + ")";
    }
    if (status.IsPathNotFound() || status.IsNotFound()) {
        return where + "a file of it is missing (" + status.ToString() + ")" + backup;
    }
    if (status.IsNoSpace()) {
        return where + "its disk is full (" + status.ToString() + "). Make room (256 MiB at least), then start again";
    }
    return where + status.ToString() + ". Look after the disk and the rights to the files, then start again";
}

std::string unreadable(const std::filesystem::path& directory, const rocksdb::Status& status) {
    return "cannot read the log in " + directory.string() + ": " + status.ToString() +
           (status.IsCorruption() ? ". It is damaged: put the data directory back from a backup" : "");
}

}  // namespace

std::expected<std::unique_ptr<BlockTable>, std::string> BlockTable::open(const std::filesystem::path& directory,
                                                                         const BlockTableOptions& options) {
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed) {
        return std::unexpected("cannot make " + directory.string() + ": " + failed.message());
    }
    std::unique_ptr<BlockTable> table(new BlockTable);
    table->directory_ = directory;
    const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
        {rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions()},
        {"blocks", block_options(options.write_buffer_bytes)}};
    rocksdb::DBOptions database = database_options();
    if (options.files) {
        table->env_ = rocksdb::NewCompositeEnv(options.files);
        database.env = table->env_.get();
    }
    if (options.without_torn_write) {
        database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const auto status = options.only_look
                            ? rocksdb::DB::OpenForReadOnly(database, directory.string(), families, &handles, &db)
                            : rocksdb::DB::Open(database, directory.string(), families, &handles, &db);
    if (!status.ok()) {
        return std::unexpected(in_words(directory, status));
    }
    table->db_.reset(db);
    table->meta_ = handles[0];
    table->blocks_ = handles[1];
    if (auto identified = table->identify(options); !identified) {
        return std::unexpected(identified.error());
    }
    return table;
}

BlockTable::~BlockTable() {
    if (db_) {
        for (rocksdb::ColumnFamilyHandle* handle : {meta_, blocks_}) {
            if (handle) {
                static_cast<void>(db_->DestroyColumnFamilyHandle(handle));  // fails for the default one only
            }
        }
    }
}

std::expected<void, std::string> BlockTable::identify(const BlockTableOptions& options) {
    std::string found;
    const auto status = db_->Get({}, meta_, "format", &found);
    if (status.IsNotFound()) {
        const std::unique_ptr<rocksdb::Iterator> any(db_->NewIterator({}, blocks_));
        any->SeekToFirst();
        if (any->Valid()) {
            return std::unexpected("the log in " + directory_.string() + " does not say what it is: it is damaged");
        }
        if (options.only_look) {
            return std::unexpected(
                "the log in " + directory_.string() +
                " holds nothing at all, and there is a mark of it. Acknowledged events are missing. Put the "
                "data directory back from a backup; nothing has been changed");
        }
        identity_ = {events::random_uuid(), 1, options.partitions};
        return write_identity();
    }
    if (!status.ok()) {
        return std::unexpected(in_words(directory_, status));
    }
    if (found != format) {
        return std::unexpected("the log in " + directory_.string() + " has the format \"" + found +
                               "\"; this version knows \"" + std::string(format) + "\" only");
    }
    std::string identity;
    if (const auto read = db_->Get({}, meta_, "identity", &identity); !read.ok()) {
        return std::unexpected(in_words(directory_, read));
    }
    wire::Reader in(identity);
    in.get(identity_.id.bytes);
    identity_.incarnation = in.get<std::uint64_t>();
    identity_.partitions = in.get<std::uint32_t>();
    if (!in.ok() || in.left() != 0) {
        return std::unexpected("the log in " + directory_.string() + " does not say which one it is: it is damaged");
    }
    if (identity_.partitions != options.partitions) {
        return std::unexpected("the log in " + directory_.string() + " has " + std::to_string(identity_.partitions) +
                               " partitions and " + std::to_string(options.partitions) +
                               " are asked for. The number is fixed when a log is made: ask for " +
                               std::to_string(identity_.partitions));
    }
    return {};
}

std::expected<void, std::string> BlockTable::checkpoint(const std::filesystem::path& target) {
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(db_.get(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) {
        constexpr std::uint64_t always_flush = 0;
        status = checkpoint->CreateCheckpoint(target.string(), always_flush);
    }
    if (!status.ok()) {
        return std::unexpected("cannot copy the log to " + target.string() + ": " + status.ToString());
    }
    return {};
}

std::expected<void, std::string> BlockTable::renew(std::uint64_t incarnation) {
    identity_.incarnation = incarnation;
    return write_identity();
}

std::expected<void, std::string> BlockTable::write_identity() {
    std::string identity;
    wire::put(identity, identity_.id.bytes);
    wire::put(identity, identity_.incarnation);
    wire::put(identity, identity_.partitions);
    rocksdb::WriteBatch batch;
    rocksdb::WriteOptions synced;
    synced.sync = true;
    auto status = batch.Put(meta_, "format", rocksdb::Slice(format.data(), format.size()));
    if (status.ok()) {
        status = batch.Put(meta_, "identity", identity);
    }
    if (status.ok()) {
        status = db_->Write(synced, &batch);
    }
    if (!status.ok()) {
        return std::unexpected(in_words(directory_, status));
    }
    return {};
}

std::expected<void, WriteFailure> BlockTable::write(const std::vector<BlockPtr>& blocks,
                                                    const std::vector<StoredEnd>& ends) {
    if (!has_room()) {
        return std::unexpected(WriteFailure{true, "cannot write to the log in " + directory_.string() + ": less than " +
                                                      std::to_string(room_for_log >> 20) + " MiB are free"});
    }
    rocksdb::WriteBatch batch;
    rocksdb::Status status;
    for (const BlockPtr& block : blocks) {
        const events::BlockHeader& header = block->header();
        if (status.ok()) {
            status = batch.Put(blocks_, block_key(header.partition, header.first_sequence, header.number),
                               rocksdb::Slice(block->stored().data(), block->stored().size()));
        }
    }
    for (const StoredEnd& stored : ends) {
        if (status.ok()) {
            status = batch.Put(meta_, end_key(stored.partition), encode_end(stored.end));
        }
    }
    rocksdb::WriteOptions synced;
    synced.sync = true;
    if (status.ok()) {
        status = db_->Write(synced, &batch);
    }
    if (!status.ok()) {
        const bool no_space = status.IsNoSpace();
        return std::unexpected(
            WriteFailure{no_space, "cannot write to the log in " + directory_.string() + ": " + status.ToString()});
    }
    return {};
}

bool BlockTable::has_room() {
    return infra::has_room(*db_, room_for_log);
}

Recovered BlockTable::recover() {
    return infra::recover(*db_);
}

std::expected<std::optional<consumers::Log::End>, std::string> BlockTable::stored_end(events::Partition partition) {
    std::string bytes;
    const auto status = db_->Get({}, meta_, end_key(partition), &bytes);
    if (status.IsNotFound()) {
        return std::nullopt;
    }
    if (!status.ok()) {
        return std::unexpected(in_words(directory_, status));
    }
    auto end = decode_end(bytes);
    if (!end || end->tip.next_number == 0) {
        return std::nullopt;
    }
    // It stands for all that is before it only if the block that it names is there and has its root.
    const std::uint64_t number = end->tip.next_number - 1;
    const std::string upper = partition_key(std::uint64_t{partition} + 1);
    const rocksdb::Slice bound(upper);
    rocksdb::ReadOptions reading;
    reading.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(reading, blocks_));
    at->SeekForPrev(block_key(partition, end->tip.next_sequence, number));
    if (!at->Valid() || !at->key().starts_with(partition_key(partition))) {
        return std::nullopt;
    }
    const auto block = events::decode_block(at->value().ToString());
    if (!block || (*block)->digest() != end->tip.digest || (*block)->header().root != end->edge.root()) {
        return std::nullopt;
    }
    return end;
}

std::expected<void, std::string> BlockTable::visit(events::Partition partition, events::Sequence from, bool read_ahead,
                                                   const BlockVisitor& visitor, const BlockWanted& wanted) {
    const std::string lower = partition_key(partition);
    const std::string upper = partition_key(std::uint64_t{partition} + 1);
    const rocksdb::Slice lower_bound(lower);
    const rocksdb::Slice upper_bound(upper);
    rocksdb::ReadOptions reading;
    reading.iterate_lower_bound = &lower_bound;
    reading.iterate_upper_bound = &upper_bound;
    reading.fill_cache = false;
    reading.readahead_size = read_ahead ? 2u << 20 : 0;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(reading, blocks_));
    at->Seek(block_key(partition, from, 0));
    if (at->status().ok() && !(at->Valid() && first_sequence_in(at->key()) == from)) {
        // The block before it may hold `from`.
        at->SeekForPrev(block_key(partition, from, 0));
        if (!at->Valid() && at->status().ok()) {
            at->SeekToFirst();
        }
    }
    BlockPtr before;
    for (; at->Valid(); at->Next()) {
        if (wanted && !wanted(number_in(at->key()), at->value().size())) {
            return {};
        }
        auto block = events::decode_block(at->value().ToString());
        if (!block) {
            return std::unexpected("the log in " + directory_.string() + ", partition " + std::to_string(partition) +
                                   ": a block is damaged: " + block.error().what + ". Put it back from a backup");
        }
        const events::BlockHeader& header = (*block)->header();
        if (before && (header.previous != before->digest() || header.number != before->header().number + 1)) {
            return std::unexpected("the log in " + directory_.string() + ", partition " + std::to_string(partition) +
                                   ": block " + std::to_string(header.number) + " does not continue block " +
                                   std::to_string(before->header().number));
        }
        before = *block;
        const bool holds_or_follows = (*block)->next_sequence() > from || header.first_sequence >= from;
        if (holds_or_follows && !visitor(*block)) {
            return {};
        }
    }
    if (!at->status().ok()) {
        return std::unexpected(unreadable(directory_, at->status()));
    }
    return {};
}

std::expected<void, std::string> BlockTable::visit_back(events::Partition partition, const BlockVisitor& visitor) {
    const std::string lower = partition_key(partition);
    const std::string upper = partition_key(std::uint64_t{partition} + 1);
    const rocksdb::Slice lower_bound(lower);
    const rocksdb::Slice upper_bound(upper);
    rocksdb::ReadOptions reading;
    reading.iterate_lower_bound = &lower_bound;
    reading.iterate_upper_bound = &upper_bound;
    reading.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(reading, blocks_));
    for (at->SeekToLast(); at->Valid(); at->Prev()) {
        auto block = events::decode_block(at->value().ToString());
        if (!block) {
            return std::unexpected("the log in " + directory_.string() + ", partition " + std::to_string(partition) +
                                   ": a block is damaged: " + block.error().what + ". Put it back from a backup");
        }
        if (!visitor(*block)) {
            return {};
        }
    }
    if (!at->status().ok()) {
        return std::unexpected(unreadable(directory_, at->status()));
    }
    return {};
}

}  // namespace tidemark::infra
