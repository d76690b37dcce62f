// A disk for the database of a test: it can lose power at any operation, fail, hang, and flip what is written.
//
// Files lie in one directory of the real file system and are read back as they were written, synced or not, as the page
// cache would. What a power loss leaves is kept beside: of each file what was synced, of the directory the names that
// were synced.
#pragma once

#include <rocksdb/file_system.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>

namespace tidemark::tests {

enum class DiskOp : std::uint8_t {
    write,           // bytes are appended to a file
    sync,            // of a file
    sync_directory,  // of the names in the directory
    name,            // a file is made, renamed or deleted
};

enum class DiskAnswer : std::uint8_t {
    done,
    lost,       // told as done, and not done: for syncs
    flipped,    // done, with one bit changed: for writes
    torn,       // half of it done, then EIO: for writes; else as failed
    failed,     // EIO
    full,       // ENOSPC
    read_only,  // EROFS
};

// Before every operation, from the thread that does it: may wait, may take a picture, may not touch the disk otherwise.
using DiskWatch = std::function<DiskAnswer(DiskOp, const std::string& file)>;

// Any thread. All operations that change something are done one after the other.
class FaultDisk {
public:
    // What lies in `directory` is synced. Its deleted files are kept in `attic` until it is gone.
    FaultDisk(std::filesystem::path directory, std::filesystem::path attic, DiskWatch watch);
    ~FaultDisk();
    FaultDisk(const FaultDisk&) = delete;
    FaultDisk& operator=(const FaultDisk&) = delete;

    [[nodiscard]] std::shared_ptr<rocksdb::FileSystem> files() const;

    // What it says is free from now on; until then, what the real one says.
    void say_free(std::uint64_t bytes) const;

    // Makes in `target` what is left if power is lost now. What was not synced is there as a whole, in part, torn,
    // as zeros, or not at all; names that were not synced are there as far as a journal had come.
    void lose_power(const std::filesystem::path& target, std::mt19937_64& random) const;

private:
    class Files;
    std::shared_ptr<Files> files_;
};

}  // namespace tidemark::tests
