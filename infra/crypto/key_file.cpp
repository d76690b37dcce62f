#include "infra/crypto/key_file.hpp"

#include "infra/runtime/file_descriptor.hpp"

#include <sys/random.h>
#include <sys/stat.h>

namespace tidemark::infra {

namespace {

std::expected<std::string, std::string> make_key(const std::filesystem::path& file) {
    std::error_code failed;
    std::filesystem::create_directories(file.parent_path(), failed);
    if (failed) {
        return std::unexpected("cannot make " + file.parent_path().string() + ": " + failed.message());
    }
    std::string key(key_bytes, '\0');
    if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
        return std::unexpected(failed_to("draw random bytes for", file));
    }
    // Written beside and renamed: whoever finds the file finds a whole key.
    const std::filesystem::path beside = file.string() + ".new";
    std::filesystem::remove(beside, failed);
    const FileDescriptor out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!out.valid() || ::write(out.number(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
        ::fsync(out.number()) != 0) {
        return std::unexpected(failed_to("write", beside));
    }
    if (::rename(beside.c_str(), file.c_str()) != 0 || !sync_directory(file.parent_path())) {
        return std::unexpected(failed_to("put in place", file));
    }
    return key;
}

}  // namespace

std::expected<std::string, std::string> read_key(const std::filesystem::path& file) {
    const FileDescriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!in.valid() || ::fstat(in.number(), &status) != 0) {
        return std::unexpected(failed_to("read the key", file));
    }
    if ((status.st_mode & 077) != 0) {
        return std::unexpected("the key " + file.string() + " can be read or changed by others: chmod 600 it");
    }
    std::string key(key_bytes + 1, '\0');
    const ssize_t got = ::read(in.number(), key.data(), key.size());
    if (got != static_cast<ssize_t>(key_bytes)) {
        return std::unexpected("the key " + file.string() + " is not " + std::to_string(key_bytes) +
                               " bytes long: put it back from a backup");
    }
    key.resize(key_bytes);
    return key;
}

std::expected<std::string, std::string> read_or_make_key(const std::filesystem::path& file) {
    std::error_code failed;
    const bool there = std::filesystem::exists(file, failed);
    if (failed) {
        return std::unexpected("cannot look for " + file.string() + ": " + failed.message());
    }
    return there ? read_key(file) : make_key(file);
}

}  // namespace tidemark::infra
