// An open file that closes itself. One thread; movable.
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace tidemark::infra {

class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int number) : number_(number) {}
    ~FileDescriptor() { close(); }
    FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        close();
        number_ = std::exchange(other.number_, -1);
        return *this;
    }

    [[nodiscard]] bool valid() const { return number_ >= 0; }
    [[nodiscard]] int number() const { return number_; }
    void close() {
        if (valid()) {
            ::close(std::exchange(number_, -1));
        }
    }

private:
    int number_ = -1;
};

// "cannot DO PATH: why", of the errno of the call that has just failed.
[[nodiscard]] inline std::string failed_to(const char* what, const std::filesystem::path& path) {
    return std::string("cannot ") + what + " " + path.string() + ": " + std::generic_category().message(errno);
}

// Makes the names in a directory survive the loss of power.
[[nodiscard]] inline bool sync_directory(const std::filesystem::path& directory) {
    const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened.valid() && ::fsync(opened.number()) == 0;
}

}  // namespace tidemark::infra
