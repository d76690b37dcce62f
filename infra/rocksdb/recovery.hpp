// Writing goes on by itself after the disk was full. RocksDB (7.8.3) takes no write then until it has recovered, for
// which it looks for room every five seconds. But where room runs out at the beginning of a new write-ahead log it
// never recovers while it is open. So who writes looks for room first, and RocksDB hardly ever sees a full disk; and
// whoever finds that it does not recover says so. (tests/infra/failing_disk_test.cpp does both.)
#pragma once

#include <cstdint>

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace tidemark::infra {

// Less is a full disk: what is in memory must fit when it is written to files. Derived rows and views leave some to the
// log.
inline constexpr std::uint64_t room_for_log = 64u << 20;
inline constexpr std::uint64_t room_for_rows = 96u << 20;

// Whether so many bytes are free where the database lies. True also if nobody can tell.
[[nodiscard]] bool has_room(rocksdb::DB& db, std::uint64_t bytes);

enum class Recovered : std::uint8_t { yes, not_yet, only_by_restart };
[[nodiscard]] Recovered recover(rocksdb::DB& db);

}  // namespace tidemark::infra
