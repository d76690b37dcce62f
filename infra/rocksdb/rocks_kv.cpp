#include "infra/rocksdb/rocks_kv.hpp"

#include "infra/rocksdb/rocks_kv_impl.hpp"
#include "infra/rocksdb/rocks_logger.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

namespace tidemark::infra {

using consumers::KvBatch;
using consumers::KvError;
using consumers::Table;
namespace fs = std::filesystem;

namespace {

constexpr int cache_shard_bits = 3;  // few: a shard has to hold the largest block many times

bool supported(rocksdb::CompressionType wanted) {
    const auto all = rocksdb::GetSupportedCompressions();
    return std::ranges::find(all, wanted) != all.end();
}

rocksdb::ColumnFamilyOptions table_options(const RocksKvOptions& options, std::size_t tables,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions layout;
    layout.block_cache = cache;
    layout.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    layout.cache_index_and_filter_blocks = !options.filters_in_memory;  // so that the cache's size bounds them too
    // In pieces: the filter of a large file is larger than what one shard of the cache holds, and would be read again,
    // whole, for every look-up.
    if (!options.filters_in_memory) layout.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    layout.partition_filters = !options.filters_in_memory;
    layout.metadata_block_size = 4u << 10;
    layout.pin_top_level_index_and_filter = true;
    layout.cache_index_and_filter_blocks_with_high_priority = true;
    layout.pin_l0_filter_and_index_blocks_in_cache = true;
    layout.block_size = 8u << 10;
    layout.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;  // most reads are get()
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(layout));
    family.write_buffer_size =
        std::max<std::size_t>(1u << 20, options.write_buffer_bytes / std::min<std::size_t>(4, tables));
    family.max_write_buffer_number = 2;
    // Most look-ups are for keys that are not there (a new command's, a new row's): the filter says so without a
    // search.
    family.memtable_whole_key_filtering = true;
    family.memtable_prefix_bloom_size_ratio = 0.05;
    family.level0_file_num_compaction_trigger = 8;
    family.level0_slowdown_writes_trigger = 30;
    family.level0_stop_writes_trigger = 48;
    family.level_compaction_dynamic_level_bytes = true;
    family.compression = supported(rocksdb::kLZ4Compression) ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
    return family;
}

rocksdb::DBOptions database_options(const RocksKvOptions& options) {
    rocksdb::DBOptions database;
    database.create_if_missing = true;
    database.create_missing_column_families = true;
    database.paranoid_checks = true;
    database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    database.db_write_buffer_size = options.write_buffer_bytes;
    database.max_total_wal_size = 4 * options.write_buffer_bytes;
    database.max_open_files = 1024;
    database.max_background_jobs = 2;
    database.info_log = rocks_logger();
    return database;
}

std::string in_words(const fs::path& directory, const rocksdb::Status& status) {
    const std::string where = "cannot open the database in " + directory.string() + ": ";
    if (status.IsCorruption() || status.IsPathNotFound() || status.IsNotFound()) {
        return where + "it is damaged (" + status.ToString() +
               "). All of it can be made again from the log: move the directory away and start again";
    }
    const std::string said = status.ToString();
    if (said.find("lock file") != std::string::npos || said.find("lock hold") != std::string::npos) {
        return where + "another process holds it (" + said + ")";
    }
    return where + status.ToString();
}

}  // namespace

class RocksSnapshot final : public consumers::KvSnapshot {
public:
    explicit RocksSnapshot(const RocksKv::Impl& store) : db_(store.db), directory_(store.directory) {
        const std::scoped_lock lock(store.mutex);
        families_ = store.families;
        moment_ = db_->GetSnapshot();
    }
    ~RocksSnapshot() override { db_->ReleaseSnapshot(moment_); }
    RocksSnapshot(const RocksSnapshot&) = delete;
    RocksSnapshot& operator=(const RocksSnapshot&) = delete;

    std::expected<std::optional<std::string>, KvError> get(Table table, std::string_view key) const override {
        if (table >= families_.size()) {
            return std::unexpected(no_such(table));
        }
        rocksdb::ReadOptions reading;
        reading.snapshot = moment_;
        std::string value;
        const auto status = db_->Get(reading, families_[table]->handle, slice(key), &value);
        if (status.IsNotFound()) {
            return std::nullopt;
        }
        if (!status.ok()) {
            return std::unexpected(failed(status));
        }
        return value;
    }

    std::expected<void, KvError> scan(Table table, std::string_view first, std::string_view last,
                                      const consumers::KvVisitor& visit) const override {
        return walk(table, first, last, visit, true);
    }
    std::expected<void, KvError> scan_back(Table table, std::string_view first, std::string_view last,
                                           const consumers::KvVisitor& visit) const override {
        return walk(table, first, last, visit, false);
    }

private:
    std::expected<void, KvError> walk(Table table, std::string_view first, std::string_view last,
                                      const consumers::KvVisitor& visit, bool forward) const {
        if (table >= families_.size()) {
            return std::unexpected(no_such(table));
        }
        if (!last.empty() && first >= last) {
            return {};
        }
        const rocksdb::Slice lower = slice(first);
        const rocksdb::Slice upper = slice(last);
        rocksdb::ReadOptions reading;
        reading.snapshot = moment_;
        reading.iterate_lower_bound = &lower;
        reading.iterate_upper_bound = last.empty() ? nullptr : &upper;
        reading.auto_prefix_mode = true;
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(reading, families_[table]->handle));
        forward ? at->SeekToFirst() : at->SeekToLast();
        while (at->Valid() && visit(view(at->key()), view(at->value()))) {
            forward ? at->Next() : at->Prev();
        }
        if (!at->status().ok()) {
            return std::unexpected(failed(at->status()));
        }
        return {};
    }
    [[nodiscard]] KvError no_such(Table table) const {
        return {"the database in " + directory_.string() + " has no table " + std::to_string(table)};
    }
    [[nodiscard]] KvError failed(const rocksdb::Status& status) const {
        return {"cannot read the database in " + directory_.string() + ": " + status.ToString()};
    }

    std::shared_ptr<rocksdb::DB> db_;
    fs::path directory_;
    std::vector<FamilyPtr> families_;
    const rocksdb::Snapshot* moment_ = nullptr;
};

namespace {

using Tables = std::vector<rocksdb::ColumnFamilyDescriptor>;

struct Opened {
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
};

// The number of the last write that is in files, and not in write-ahead logs only.
rocksdb::Status look(rocksdb::DBOptions database, const fs::path& directory, const Tables& there, std::uint64_t& last) {
    NumbersInLogs numbers;  // lives longer than the database, which writes down its name
    database.wal_filter = &numbers;
    Opened looked;
    auto status = rocksdb::DB::OpenForReadOnly(database, directory.string(), there, &looked.handles, &looked.db);
    if (!status.ok()) {
        return status;
    }
    const std::unique_ptr<rocksdb::DB> db(looked.db);
    WriteOrder order;
    status = order.go_on(*db);
    last = order.last();
    for (rocksdb::ColumnFamilyHandle* handle : looked.handles) {
        static_cast<void>(db->DestroyColumnFamilyHandle(handle));
    }
    if (status.ok() && numbers.hole_before_files(last)) {
        status = rocksdb::Status::Corruption("writes that had been synced are missing in the write-ahead logs");
    }
    return status;
}

// What was written is there up to the first write that is not whole.
rocksdb::Status open_in_order(rocksdb::DBOptions database, const fs::path& directory, const Tables& there,
                              const Tables& all, InOrder& in_order, Opened& opened) {
    if (!there.empty()) {
        std::uint64_t last = 0;
        if (auto status = look(database, directory, there, last); !status.ok()) {
            return status;
        }
        in_order.begin(last);
    }
    database.wal_filter = &in_order;
    auto status = rocksdb::DB::Open(database, directory.string(), all, &opened.handles, &opened.db);
    if (status.ok() && in_order.gap()) {
        spdlog::warn(
            "the write-ahead logs in {} have a hole, as a loss of power leaves it: what was written behind it "
            "is made again",
            directory.string());
    }
    return status;
}

}  // namespace

std::expected<std::unique_ptr<RocksKv>, std::string> RocksKv::open(const fs::path& directory,
                                                                   const std::vector<std::string>& tables,
                                                                   RocksKvOptions options) {
    std::error_code failed;
    fs::create_directories(directory, failed);
    if (failed) {
        return std::unexpected("cannot make " + directory.string() + ": " + failed.message());
    }
    fs::remove_all(directory / "ingest", failed);  // files of a run that a killed process had not handed over
    auto impl = std::make_shared<Impl>();
    impl->directory = directory;
    impl->options = options;
    impl->names = tables;
    const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes, cache_shard_bits);
    impl->table_options = table_options(options, std::max<std::size_t>(1, tables.size()), cache);

    // Every table that is there has to be opened, wanted or not.
    rocksdb::DBOptions database = database_options(options);
    std::shared_ptr<rocksdb::Env> env;
    const auto in_order = std::make_shared<InOrder>();
    if (options.files) {
        env = rocksdb::NewCompositeEnv(options.files);
        database.env = env.get();
    }
    std::vector<std::string> there;
    if (fs::exists(directory / "CURRENT")) {
        if (const auto status = rocksdb::DB::ListColumnFamilies(database, directory.string(), &there); !status.ok()) {
            return std::unexpected(in_words(directory, status));
        }
    }
    std::vector<std::string> all = {rocksdb::kDefaultColumnFamilyName};
    for (const std::vector<std::string>* names : {&tables, static_cast<const std::vector<std::string>*>(&there)}) {
        for (const std::string& name : *names) {
            if (std::ranges::find(all, name) == all.end()) {
                all.push_back(name);
            }
        }
    }
    const auto described = [&](const std::vector<std::string>& names) {
        Tables descriptors;
        for (const std::string& name : names) descriptors.emplace_back(name, impl->table_options);
        return descriptors;
    };
    Opened made;
    if (const auto status = open_in_order(database, directory, described(there), described(all), *in_order, made);
        !status.ok()) {
        return std::unexpected(in_words(directory, status));
    }
    impl->db.reset(made.db, [env, in_order](rocksdb::DB* db) { delete db; });  // it uses both to its end
    std::vector<FamilyPtr> opened;
    for (rocksdb::ColumnFamilyHandle* handle : made.handles) {
        opened.push_back(std::make_shared<const Family>(impl->db, handle));
    }
    if (const auto status = impl->order.go_on(*impl->db); !status.ok()) {
        return std::unexpected(in_words(directory, status));
    }
    for (const std::string& name : tables) {
        impl->families.push_back(opened[static_cast<std::size_t>(std::ranges::find(all, name) - all.begin())]);
    }
    for (std::size_t i = 1; options.drop_other_tables && i < all.size(); ++i) {
        if (std::ranges::find(tables, all[i]) == tables.end()) {
            if (const auto status = impl->db->DropColumnFamily(opened[i]->handle); !status.ok()) {
                return std::unexpected("cannot drop the table " + all[i] + " in " + directory.string() + ": " +
                                       status.ToString());
            }
        }
    }
    return std::unique_ptr<RocksKv>(new RocksKv(std::move(impl)));
}

RocksKv::RocksKv(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksKv::~RocksKv() = default;

std::expected<std::optional<std::string>, KvError> RocksKv::get(Table table, std::string_view key) {
    const auto family = impl_->family(table);
    if (!family) {
        return std::unexpected(family.error());
    }
    std::string value;
    const auto status = impl_->db->Get({}, (*family)->handle, slice(key), &value);
    if (status.IsNotFound()) {
        return std::nullopt;
    }
    if (!status.ok()) {
        return std::unexpected(impl_->error("read", status));
    }
    return value;
}

std::unique_ptr<consumers::KvSnapshot> RocksKv::snapshot() {
    return std::make_unique<RocksSnapshot>(*impl_);
}

std::expected<void, KvError> RocksKv::Impl::add(const KvBatch& batch, rocksdb::WriteBatch& to) const {
    FamilyPtr into;
    Table table = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const KvBatch::Op op = batch[i];
        if (!into || op.table != table) {
            auto found = family(op.table);
            if (!found) {
                return std::unexpected(found.error());
            }
            into = std::move(*found);
            table = op.table;
        }
        const auto status =
            op.value ? to.Put(into->handle, slice(op.key), slice(*op.value)) : to.Delete(into->handle, slice(op.key));
        if (!status.ok()) {
            return std::unexpected(error("write to", status));
        }
    }
    return {};
}

std::expected<void, KvError> RocksKv::Impl::put(rocksdb::WriteBatch& batch, bool synced) {
    rocksdb::WriteOptions writing;
    writing.sync = synced;
    if (const auto status = order.write(*db, writing, batch); !status.ok()) {
        return std::unexpected(write_error("write to", status));
    }
    return {};
}

std::expected<void, KvError> RocksKv::write(KvBatch batch, consumers::Durability durability) {
    rocksdb::WriteBatch ops(batch.bytes() + 16 * batch.size());
    if (auto added = impl_->add(batch, ops); !added) {
        return added;
    }
    if (auto ready = impl_->ready(); !ready) return ready;
    return impl_->put(ops, durability == consumers::Durability::synced);
}

std::expected<void, KvError> RocksKv::clear(Table table) {
    const auto old = impl_->family(table);
    if (!old) {
        return std::unexpected(old.error());
    }
    // A table that is gone is gone at once; what was written before, such as that it is not in use, must not come back.
    auto status = impl_->db->FlushWAL(true);
    if (status.ok()) {
        status = impl_->db->DropColumnFamily((*old)->handle);
    }
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    if (status.ok()) {
        status = impl_->db->CreateColumnFamily(impl_->table_options, impl_->names[table], &handle);
    }
    if (!status.ok()) {
        return std::unexpected(impl_->error("clear a table of", status));
    }
    const std::scoped_lock lock(impl_->mutex);
    impl_->families[table] = std::make_shared<const Family>(impl_->db, handle);
    return {};
}

std::uint64_t RocksKv::disk_bytes(Table table) {
    const auto family = impl_->family(table);
    if (!family) {
        return 0;
    }
    std::uint64_t files = 0;
    std::uint64_t memory = 0;
    static_cast<void>(
        impl_->db->GetIntProperty((*family)->handle, rocksdb::DB::Properties::kTotalSstFilesSize, &files));
    static_cast<void>(
        impl_->db->GetIntProperty((*family)->handle, rocksdb::DB::Properties::kCurSizeActiveMemTable, &memory));
    return files + memory;
}

}  // namespace tidemark::infra
