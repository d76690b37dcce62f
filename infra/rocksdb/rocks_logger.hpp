// What RocksDB has to say goes to our own log: warnings and errors only. Not to files beside its database:
// on a full disk those fail first, and a RocksDB with assertions on (Debian's) then ends the process.
#pragma once

#include <rocksdb/env.h>

#include <memory>

namespace tidemark::infra {

[[nodiscard]] std::shared_ptr<rocksdb::Logger> rocks_logger();

}  // namespace tidemark::infra
