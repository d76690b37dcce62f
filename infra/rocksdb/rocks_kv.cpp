#include "infra/rocksdb/rocks_kv.hpp"

#include "infra/rocksdb/rocks_logger.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>

namespace tidemark::infra {

using consumers::KvBatch;
using consumers::KvError;
using consumers::KvRun;
using consumers::Table;
namespace fs = std::filesystem;

namespace {

// A column family that is let go of when nobody uses it any more, also after it was dropped.
struct Family {
    std::shared_ptr<rocksdb::DB> db;
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    Family(std::shared_ptr<rocksdb::DB> database, rocksdb::ColumnFamilyHandle* its)
        : db(std::move(database)), handle(its) {}
    ~Family() { static_cast<void>(db->DestroyColumnFamilyHandle(handle)); }  // fails only for the default one
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;
};
using FamilyPtr = std::shared_ptr<const Family>;

// Files that were written to be ingested. What was not goes: on a full disk it would be in its own way.
struct RunFiles {
    std::vector<std::string> paths;
    RunFiles() = default;
    ~RunFiles() {
        std::error_code gone;
        for (const std::string& path : paths) fs::remove(path, gone);
    }
    RunFiles(const RunFiles&) = delete;
    RunFiles& operator=(const RunFiles&) = delete;
};

// A default-made string_view has no data, and RocksDB asserts that there is some.
rocksdb::Slice slice(std::string_view text) {
    return {text.empty() ? "" : text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& bytes) {
    return {bytes.data(), bytes.size()};
}

bool supported(rocksdb::CompressionType wanted) {
    const auto all = rocksdb::GetSupportedCompressions();
    return std::ranges::find(all, wanted) != all.end();
}

rocksdb::ColumnFamilyOptions table_options(const RocksKvOptions& options, std::size_t tables,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions layout;
    layout.block_cache = cache;
    layout.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    layout.cache_index_and_filter_blocks = true;  // so that the cache's size bounds them too
    layout.cache_index_and_filter_blocks_with_high_priority = true;
    layout.pin_l0_filter_and_index_blocks_in_cache = true;
    layout.block_size = 8u << 10;
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(layout));
    family.write_buffer_size =
        std::max<std::size_t>(1u << 20, options.write_buffer_bytes / std::min<std::size_t>(4, tables));
    family.max_write_buffer_number = 2;
    family.level0_file_num_compaction_trigger = 8;
    family.level0_slowdown_writes_trigger = 30;
    family.level0_stop_writes_trigger = 48;
    family.level_compaction_dynamic_level_bytes = true;
    family.compression = supported(rocksdb::kLZ4Compression) ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
    family.bottommost_compression = supported(rocksdb::kZSTD) ? rocksdb::kZSTD : rocksdb::kDisableCompressionOption;
    return family;
}

rocksdb::DBOptions database_options(const RocksKvOptions& options) {
    rocksdb::DBOptions database;
    database.create_if_missing = true;
    database.create_missing_column_families = true;
    database.paranoid_checks = true;
    database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    database.db_write_buffer_size = options.write_buffer_bytes;
    database.max_total_wal_size = 4 * options.write_buffer_bytes;
    database.max_open_files = 1024;
    database.max_background_jobs = 2;
    database.info_log = rocks_logger();
    return database;
}

std::string in_words(const fs::path& directory, const rocksdb::Status& status) {
    const std::string where = "cannot open the database in " + directory.string() + ": ";
    if (status.ToString().find("lock") != std::string::npos) {
        return where + "another process holds it (" + status.ToString() + ")";
    }
    if (status.IsCorruption()) {
        return where + "it is damaged (" + status.ToString() +
               "). All of it can be made again from the log: move the directory away and start again";
    }
    return where + status.ToString();
}

}  // namespace

struct RocksKv::Impl {
    [[nodiscard]] std::expected<FamilyPtr, KvError> family(Table table) const {
        const std::scoped_lock lock(mutex);
        if (table >= families.size()) {
            return std::unexpected(
                KvError{"the database in " + directory.string() + " has no table " + std::to_string(table)});
        }
        return families[table];
    }
    [[nodiscard]] KvError error(const char* what, const rocksdb::Status& status) const {
        return {std::string("cannot ") + what + " the database in " + directory.string() + ": " + status.ToString(),
                status.IsCorruption()};
    }
    [[nodiscard]] std::expected<void, KvError> add(const KvBatch& batch, rocksdb::WriteBatch& to) const;
    [[nodiscard]] std::expected<void, KvError> put(rocksdb::WriteBatch& batch, bool synced) const;
    // RocksDB refuses every write after one that failed, until it is told that the world may be better now.
    void resume() const {
        if (failed.exchange(false)) static_cast<void>(db->Resume());
    }
    [[nodiscard]] KvError write_error(const char* what, const rocksdb::Status& status) const {
        failed = true;
        return error(what, status);
    }
    [[nodiscard]] std::expected<std::string, KvError> write_file(const KvRun& run, const Family& into);

    fs::path directory;
    RocksKvOptions options;
    std::vector<std::string> names;
    rocksdb::ColumnFamilyOptions table_options;
    std::shared_ptr<rocksdb::DB> db;
    std::atomic<std::uint64_t> files{0};
    mutable std::atomic<bool> failed{false};  // the last write did
    mutable std::mutex mutex;
    std::vector<FamilyPtr> families;  // by table
};

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
    const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
    impl->table_options = table_options(options, std::max<std::size_t>(1, tables.size()), cache);

    // Every table that is there has to be opened, wanted or not.
    const rocksdb::DBOptions database = database_options(options);
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
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : all) {
        descriptors.emplace_back(name, impl->table_options);
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    if (const auto status = rocksdb::DB::Open(database, directory.string(), descriptors, &handles, &db); !status.ok()) {
        return std::unexpected(in_words(directory, status));
    }
    impl->db.reset(db);
    std::vector<FamilyPtr> opened;
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
        opened.push_back(std::make_shared<const Family>(impl->db, handle));
    }
    for (const std::string& name : tables) {
        impl->families.push_back(opened[static_cast<std::size_t>(std::ranges::find(all, name) - all.begin())]);
    }
    for (std::size_t i = 1; options.drop_other_tables && i < all.size(); ++i) {
        if (std::ranges::find(tables, all[i]) == tables.end()) {
            if (const auto status = db->DropColumnFamily(opened[i]->handle); !status.ok()) {
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
    for (const KvBatch::Op& op : batch.ops()) {
        const auto into = family(op.table);
        if (!into) {
            return std::unexpected(into.error());
        }
        const auto status = op.value ? to.Put((*into)->handle, op.key, *op.value) : to.Delete((*into)->handle, op.key);
        if (!status.ok()) {
            return std::unexpected(error("write to", status));
        }
    }
    return {};
}

std::expected<void, KvError> RocksKv::Impl::put(rocksdb::WriteBatch& batch, bool synced) const {
    rocksdb::WriteOptions writing;
    writing.sync = synced;
    if (const auto status = db->Write(writing, &batch); !status.ok()) {
        return std::unexpected(write_error("write to", status));
    }
    return {};
}

std::expected<void, KvError> RocksKv::write(KvBatch batch, consumers::Durability durability) {
    rocksdb::WriteBatch ops;
    if (auto added = impl_->add(batch, ops); !added) {
        return added;
    }
    impl_->resume();
    return impl_->put(ops, durability == consumers::Durability::synced);
}

// The name of a file that holds the run's rows.
std::expected<std::string, KvError> RocksKv::Impl::write_file(const KvRun& run, const Family& into) {
    std::string file = (directory / "ingest" / (std::to_string(files++) + ".sst")).string();
    rocksdb::Options writing(rocksdb::DBOptions(), table_options);
    // The writer would take its file for one of the last level; compaction writes it again before it gets there.
    writing.bottommost_compression = rocksdb::kDisableCompressionOption;
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), writing, into.handle);
    auto status = writer.Open(file);
    for (std::size_t i = 0; i < run.size() && status.ok(); ++i) {
        const auto [key, value] = run[i];
        status = writer.Put(slice(key), slice(value));
    }
    if (status.ok()) {
        status = writer.Finish();
    }
    if (!status.ok()) {
        std::error_code gone;
        fs::remove(file, gone);
        return std::unexpected(error("write a run for", status));
    }
    return file;
}

std::expected<void, KvError> RocksKv::ingest(std::vector<KvRun> runs, KvBatch then) {
    rocksdb::WriteBatch ops;
    std::vector<rocksdb::IngestExternalFileArg> files;
    std::vector<FamilyPtr> used;  // the arguments point to their handles
    RunFiles written;
    std::error_code failed;
    impl_->resume();
    fs::create_directories(impl_->directory / "ingest", failed);
    for (const KvRun& run : runs) {
        const auto into = impl_->family(run.table());
        if (!into) {
            return std::unexpected(into.error());
        }
        if (!run.ascending()) {
            return std::unexpected(
                KvError{"a run for table " + impl_->names[run.table()] + " is not in ascending order"});
        }
        if (run.empty()) {
            continue;
        }
        if (run.size() < impl_->options.ingest_rows) {
            for (std::size_t i = 0; i < run.size(); ++i) {
                const auto [key, value] = run[i];
                if (const auto status = ops.Put((*into)->handle, slice(key), slice(value)); !status.ok()) {
                    return std::unexpected(impl_->error("write to", status));
                }
            }
            continue;
        }
        auto file = impl_->write_file(run, **into);
        if (!file) {
            return std::unexpected(file.error());
        }
        written.paths.push_back(*file);
        rocksdb::IngestExternalFileArg argument;
        argument.column_family = (*into)->handle;
        argument.external_files = {std::move(*file)};
        argument.options.move_files = true;
        files.push_back(std::move(argument));
        used.push_back(*into);
    }
    if (!files.empty()) {
        if (const auto status = impl_->db->IngestExternalFiles(files); !status.ok()) {
            return std::unexpected(impl_->write_error("ingest a run into", status));
        }
    }
    if (auto added = impl_->add(then, ops); !added) {
        return added;
    }
    return impl_->put(ops, false);
}

std::expected<void, KvError> RocksKv::clear(Table table) {
    const auto old = impl_->family(table);
    if (!old) {
        return std::unexpected(old.error());
    }
    auto status = impl_->db->DropColumnFamily((*old)->handle);
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
