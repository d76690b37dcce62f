// What the parts of the key-value store on RocksDB share.
#pragma once

#include "infra/rocksdb/recovery.hpp"
#include "infra/rocksdb/rocks_kv.hpp"
#include "infra/rocksdb/write_order.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string_view>

namespace tidemark::infra {

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

// A default-made string_view has no data, and RocksDB asserts that there is some.
inline rocksdb::Slice slice(std::string_view text) {
    return {text.empty() ? "" : text.data(), text.size()};
}
inline std::string_view view(const rocksdb::Slice& bytes) {
    return {bytes.data(), bytes.size()};
}

struct RocksKv::Impl {
    [[nodiscard]] std::expected<FamilyPtr, consumers::KvError> family(consumers::Table table) const {
        const std::scoped_lock lock(mutex);
        if (table >= families.size()) {
            return std::unexpected(
                consumers::KvError{"the database in " + directory.string() + " has no table " + std::to_string(table)});
        }
        return families[table];
    }
    [[nodiscard]] consumers::KvError error(const char* what, const rocksdb::Status& status) const {
        return {std::string("cannot ") + what + " the database in " + directory.string() + ": " + status.ToString(),
                status.IsCorruption()};
    }
    // Before every write: is there room, and has RocksDB recovered from the last one, if that failed?
    [[nodiscard]] std::expected<void, consumers::KvError> ready() const {
        if (!has_room(*db, room_for_rows))
            return std::unexpected(consumers::KvError{"no room for the database in " + directory.string() +
                                                      ": less than " + std::to_string(room_for_rows >> 20) +
                                                      " MiB are free"});
        if (failed.exchange(false) && recover(*db) == Recovered::only_by_restart) {
            failed = true;
            return std::unexpected(consumers::KvError{
                "the database in " + directory.string() +
                " has ended in the middle of a file when its disk was full. Make room, then restart the server"});
        }
        return {};
    }
    [[nodiscard]] consumers::KvError write_error(const char* what, const rocksdb::Status& status) const {
        failed = true;
        return error(what, status);
    }
    [[nodiscard]] std::expected<void, consumers::KvError> add(const consumers::KvBatch& batch,
                                                              rocksdb::WriteBatch& to) const;
    [[nodiscard]] std::expected<void, consumers::KvError> put(rocksdb::WriteBatch& batch, bool synced);
    [[nodiscard]] std::expected<std::string, consumers::KvError> write_file(
        const Family& into, const std::function<rocksdb::Status(rocksdb::SstFileWriter&)>& fill);
    // Files that were made to be taken over. What was not goes: on a full disk it would be in its own way.
    struct Files {
        rocksdb::Env& env;
        std::vector<rocksdb::IngestExternalFileArg> arguments;
        std::vector<FamilyPtr> used;  // the arguments point to their handles
        explicit Files(rocksdb::Env& where) : env(where) {}
        ~Files();
        Files(const Files&) = delete;
        Files& operator=(const Files&) = delete;
        void add(const FamilyPtr& into, std::string file);
    };
    [[nodiscard]] std::expected<void, consumers::KvError> take_over(const Files& made) const;

    std::filesystem::path directory;
    RocksKvOptions options;
    std::vector<std::string> names;
    rocksdb::ColumnFamilyOptions table_options;
    std::shared_ptr<rocksdb::DB> db;
    WriteOrder order;
    std::atomic<std::uint64_t> files{0};
    mutable std::atomic<bool> failed{false};  // the last write did
    mutable std::mutex mutex;
    std::vector<FamilyPtr> families;  // by table
};

}  // namespace tidemark::infra
