// Tells a write-ahead log that the power was lost in from one that was damaged. RocksDB 7.8 cannot: it
// accepts a last write that was cut short, and refuses one that is as long as it was to be and has holes (a file system
// may write the length first).
#pragma once

#include <filesystem>

namespace tidemark::infra {

// True: a write-ahead log of the database in `directory` is whole up to some write, and nothing behind the beginning of
// that one is whole; and none is damaged otherwise. (There may be two: one that a former opening left out of account
// was to be deleted, and power was lost again.) Every write is synced before the next begins, so only one that nobody
// was told of can look like that, or the last one if its bytes were damaged later: which, the mark knows. False: there
// is another fault, or none, or it cannot be read.
[[nodiscard]] bool ends_in_torn_write(const std::filesystem::path& directory);
// Whether the first fragment of a write-ahead log is whole, and begins a write.
[[nodiscard]] bool begins_with_whole_write(const std::filesystem::path& file);

}  // namespace tidemark::infra
