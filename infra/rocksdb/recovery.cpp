#include "infra/rocksdb/recovery.hpp"

#include <rocksdb/db.h>
#include <rocksdb/file_system.h>

namespace tidemark::infra {

bool has_room(rocksdb::DB& db, std::uint64_t bytes) {
    std::uint64_t free = 0;
    const auto told = db.GetFileSystem()->GetFreeSpace(db.GetName(), {}, &free, nullptr);
    return !told.ok() || free >= bytes;
}

Recovered recover(rocksdb::DB& db) {
    const auto status = db.Resume();
    if (status.ok()) return Recovered::yes;
    return status.severity() >= rocksdb::Status::kFatalError ? Recovered::only_by_restart : Recovered::not_yet;
}

}  // namespace tidemark::infra
