#include "tests/support/fault_disk.hpp"

#include <rocksdb/io_status.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <vector>

namespace tidemark::tests {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

struct File {
    fs::path at;  // where its bytes are now: by its name, or in the attic
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
};
using FilePtr = std::shared_ptr<File>;
using Names = std::map<std::string, FilePtr>;

// A change to the directory that is not synced yet, done as a whole or not at all.
struct Change {
    std::string gone;  // a name; empty: none
    std::string name;  // of the file, if there is one
    FilePtr file;
};

void follow(const Change& change, Names& names) {
    names.erase(change.gone);
    if (change.file) names[change.name] = change.file;
}

std::string bytes_of(const File& file) {
    std::ifstream in(file.at, std::ios::binary);
    std::string bytes(file.size, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    return bytes;
}

// What is left of the bytes that were not synced.
std::string survivors(const File& file, std::mt19937_64& random) {
    std::string bytes = bytes_of(file);
    const std::size_t loose = bytes.size() - std::min<std::size_t>(bytes.size(), file.synced);
    if (loose == 0) return bytes;
    const std::size_t kept = file.synced + random() % (loose + 1);
    constexpr std::size_t page = 4096;
    switch (random() % 4) {
        case 0: bytes.resize(file.synced); break;
        case 1: bytes.resize(kept); break;
        case 2:
            // The length was written, and not all of what is in it: what needs several writes may come in any order.
            for (std::size_t at = (file.synced / page + 1) * page; loose > 2 * page && at < bytes.size(); at += page) {
                const auto hole = bytes.begin() + static_cast<std::ptrdiff_t>(at);
                if (random() % 2 == 0) std::fill_n(hole, std::min(page, bytes.size() - at), '\0');
            }
            break;
        default: break;  // it had come to the disk all the same
    }
    return bytes;
}

IOStatus status_of(DiskAnswer answer, const std::string& file) {
    switch (answer) {
        case DiskAnswer::torn:
        case DiskAnswer::failed: return IOStatus::IOError("the disk of the test fails", file);
        case DiskAnswer::full: return IOStatus::NoSpace("the disk of the test is full", file);
        // As RocksDB says EROFS.
        case DiskAnswer::read_only:
            return IOStatus::IOError("While appending to file: " + file, "Read-only file system");
        case DiskAnswer::done:
        case DiskAnswer::lost:
        case DiskAnswer::flipped: break;
    }
    return IOStatus::OK();
}

}  // namespace

class FaultDisk::Files final : public rocksdb::FileSystemWrapper {
public:
    Files(fs::path directory, fs::path attic, DiskWatch watch)
        : FileSystemWrapper(rocksdb::FileSystem::Default()),
          directory_(std::move(directory)),
          attic_(std::move(attic)),
          watch_(std::move(watch)) {
        fs::create_directories(attic_);
        if (!fs::exists(directory_)) return;
        for (const auto& entry : fs::directory_iterator(directory_)) {
            if (!entry.is_regular_file()) continue;
            const std::uint64_t size = entry.file_size();
            synced_names_[entry.path().filename()] = std::make_shared<File>(File{entry.path(), size, size});
        }
        names_ = synced_names_;
    }
    static const char* kClassName() { return "FaultDisk"; }
    const char* Name() const override { return kClassName(); }

    IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) override;
    IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) override;
    IOStatus ReuseWritableFile(const std::string& name, const std::string&, const rocksdb::FileOptions&,
                               std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
        return IOStatus::NotSupported("writing over a file", name);
    }
    IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions&,
                             std::unique_ptr<rocksdb::FSRandomRWFile>*, IODebugContext*) override {
        return IOStatus::NotSupported("writing within a file", name);
    }
    IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                          std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext* debug) override;
    IOStatus DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) override;
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                        IODebugContext* debug) override;
    IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override;
    IOStatus Truncate(const std::string& name, std::size_t, const IOOptions&, IODebugContext*) override {
        return IOStatus::NotSupported("cutting a file by its name", name);
    }

    IOStatus GetFreeSpace(const std::string& path, const IOOptions& options, std::uint64_t* free,
                          IODebugContext* debug) override {
        const std::uint64_t said = said_free;
        if (said == said_nothing) return FileSystemWrapper::GetFreeSpace(path, options, free, debug);
        *free = said;
        return IOStatus::OK();
    }

    DiskAnswer ask(DiskOp op, const std::string& file) { return watch_ ? watch_(op, file) : DiskAnswer::done; }
    void lose_power(const fs::path& target, std::mt19937_64& random);
    void sync_names() {
        const std::scoped_lock lock(mutex);
        synced_names_ = names_;
        changes_.clear();
    }

    static constexpr std::uint64_t said_nothing = UINT64_MAX;
    std::atomic<std::uint64_t> said_free = said_nothing;
    std::mutex mutex;  // of all below, and of every write

private:
    std::string short_name(const std::string& path) const { return fs::path(path).lexically_relative(directory_); }
    void change(Change change) {
        follow(change, names_);
        changes_.push_back(std::move(change));
    }
    void to_attic(const std::string& name) {
        const auto there = names_.find(name);
        if (there == names_.end()) return;
        const fs::path kept = attic_ / std::to_string(kept_++);
        fs::rename(there->second->at, kept);
        there->second->at = kept;
    }

    const fs::path directory_;
    const fs::path attic_;
    const DiskWatch watch_;
    Names names_;
    Names synced_names_;
    std::vector<Change> changes_;
    std::uint64_t kept_ = 0;
};

namespace {

// Of one file that is being written. `Disk` is FaultDisk::Files, which is private.
template <class Disk>
class WatchedFile final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    WatchedFile(std::unique_ptr<rocksdb::FSWritableFile> real, Disk& disk, FilePtr file, std::string name)
        : FSWritableFileOwnerWrapper(std::move(real)), disk_(disk), file_(std::move(file)), name_(std::move(name)) {}

    IOStatus Append(const rocksdb::Slice& bytes, const IOOptions& options, IODebugContext* debug) override {
        const DiskAnswer answer = disk_.ask(DiskOp::write, name_);
        IOStatus failed = status_of(answer, name_);
        if (!failed.ok() && answer != DiskAnswer::torn) return failed;
        std::string changed(bytes.data(), answer == DiskAnswer::torn ? bytes.size() / 2 : bytes.size());
        if (answer == DiskAnswer::flipped && !changed.empty()) changed[changed.size() / 2] ^= 0x10;
        const std::scoped_lock lock(disk_.mutex);
        IOStatus written = FSWritableFileOwnerWrapper::Append(changed, options, debug);
        if (written.ok()) file_->size += changed.size();
        return failed.ok() ? written : failed;
    }
    IOStatus Append(const rocksdb::Slice& bytes, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                    IODebugContext* debug) override {
        return Append(bytes, options, debug);
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
        const std::scoped_lock lock(disk_.mutex);
        IOStatus cut = FSWritableFileOwnerWrapper::Truncate(size, options, debug);
        if (cut.ok()) {
            file_->size = size;
            file_->synced = std::min(file_->synced, size);
        }
        return cut;
    }
    IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(); }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }
    void PrepareWrite(std::size_t, std::size_t, const IOOptions&, IODebugContext*) override {}
    IOStatus Allocate(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
        return IOStatus::OK();  // room ahead is not needed, and takes time
    }
    IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
        return IOStatus::OK();  // promises nothing
    }

private:
    IOStatus sync() {
        const std::uint64_t size = size_now();
        const DiskAnswer answer = disk_.ask(DiskOp::sync, name_);
        if (IOStatus failed = status_of(answer, name_); !failed.ok()) return failed;
        const std::scoped_lock lock(disk_.mutex);
        if (answer != DiskAnswer::lost) file_->synced = std::max(file_->synced, size);
        return IOStatus::OK();
    }
    std::uint64_t size_now() {
        const std::scoped_lock lock(disk_.mutex);
        return file_->size;
    }

    Disk& disk_;
    FilePtr file_;
    std::string name_;
};

template <class Disk>
class WatchedDirectory final : public rocksdb::FSDirectoryWrapper {
public:
    WatchedDirectory(std::unique_ptr<rocksdb::FSDirectory> real, Disk& disk, std::string name)
        : FSDirectoryWrapper(std::move(real)), disk_(disk), name_(std::move(name)) {}

    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
        const DiskAnswer answer = disk_.ask(DiskOp::sync_directory, name_);
        if (IOStatus failed = status_of(answer, name_); !failed.ok()) return failed;
        if (answer != DiskAnswer::lost) disk_.sync_names();
        return IOStatus::OK();
    }
    IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                                 const rocksdb::DirFsyncOptions&) override {
        return Fsync(options, debug);
    }

private:
    Disk& disk_;
    std::string name_;
};

}  // namespace

IOStatus FaultDisk::Files::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) {
    if (IOStatus failed = status_of(ask(DiskOp::name, name), name); !failed.ok()) return failed;
    const std::scoped_lock lock(mutex);
    to_attic(short_name(name));
    std::unique_ptr<rocksdb::FSWritableFile> real;
    IOStatus made = FileSystemWrapper::NewWritableFile(name, options, &real, debug);
    if (!made.ok()) return made;
    const auto file = std::make_shared<File>(File{name, 0, 0});
    change({"", short_name(name), file});
    *result = std::make_unique<WatchedFile<Files>>(std::move(real), *this, file, name);
    return made;
}

// To sync it: what is ingested lay elsewhere before.
IOStatus FaultDisk::Files::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) {
    const std::scoped_lock lock(mutex);
    const auto there = names_.find(short_name(name));
    if (there == names_.end()) return IOStatus::PathNotFound(name);
    std::unique_ptr<rocksdb::FSWritableFile> real;
    IOStatus opened = FileSystemWrapper::ReopenWritableFile(name, options, &real, debug);
    if (opened.ok()) *result = std::make_unique<WatchedFile<Files>>(std::move(real), *this, there->second, name);
    return opened;
}

IOStatus FaultDisk::Files::LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                                    IODebugContext* debug) {
    if (IOStatus failed = status_of(ask(DiskOp::name, to), to); !failed.ok()) return failed;
    const std::scoped_lock lock(mutex);
    IOStatus linked = FileSystemWrapper::LinkFile(from, to, options, debug);
    if (const auto file = names_.find(short_name(from)); linked.ok() && file != names_.end()) {
        change({"", short_name(to), file->second});
    }
    return linked;
}

IOStatus FaultDisk::Files::NewDirectory(const std::string& name, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext* debug) {
    std::unique_ptr<rocksdb::FSDirectory> real;
    IOStatus made = FileSystemWrapper::NewDirectory(name, options, &real, debug);
    if (made.ok()) *result = std::make_unique<WatchedDirectory<Files>>(std::move(real), *this, name);
    return made;
}

IOStatus FaultDisk::Files::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
    if (IOStatus failed = status_of(ask(DiskOp::name, name), name); !failed.ok()) return failed;
    const std::scoped_lock lock(mutex);
    if (!names_.contains(short_name(name))) return IOStatus::PathNotFound(name);
    to_attic(short_name(name));
    change({short_name(name), "", nullptr});
    return IOStatus::OK();
}

IOStatus FaultDisk::Files::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                      IODebugContext* debug) {
    if (IOStatus failed = status_of(ask(DiskOp::name, from), from); !failed.ok()) return failed;
    const std::scoped_lock lock(mutex);
    to_attic(short_name(to));
    IOStatus renamed = FileSystemWrapper::RenameFile(from, to, options, debug);
    if (const auto file = names_.find(short_name(from)); renamed.ok() && file != names_.end()) {
        const FilePtr moved = file->second;
        moved->at = to;
        change({short_name(from), short_name(to), moved});
    }
    return renamed;
}

void FaultDisk::Files::lose_power(const fs::path& target, std::mt19937_64& random) {
    const std::scoped_lock lock(mutex);
    Names left = synced_names_;
    const std::size_t journalled = random() % (changes_.size() + 1);
    for (std::size_t i = 0; i < journalled; ++i) follow(changes_[i], left);
    fs::create_directories(target);
    for (const auto& [name, file] : left) {
        if (name.find('/') != std::string::npos) continue;  // files to be ingested, which an opening deletes
        std::ofstream(target / name, std::ios::binary) << survivors(*file, random);
    }
}

FaultDisk::FaultDisk(fs::path directory, fs::path attic, DiskWatch watch)
    : files_(std::make_shared<Files>(std::move(directory), std::move(attic), std::move(watch))) {}
FaultDisk::~FaultDisk() = default;

void FaultDisk::say_free(std::uint64_t bytes) const {
    files_->said_free = bytes;
}

std::shared_ptr<rocksdb::FileSystem> FaultDisk::files() const {
    return files_;
}

void FaultDisk::lose_power(const fs::path& target, std::mt19937_64& random) const {
    files_->lose_power(target, random);
}

}  // namespace tidemark::tests
