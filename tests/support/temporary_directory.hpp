// A directory for one test, gone with it.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace tidemark::tests {

class TemporaryDirectory {
public:
    explicit TemporaryDirectory(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
        static std::atomic<unsigned> made{0};
        path_ = parent / ("tidemark-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
        std::filesystem::remove_all(path_);  // of a process that had our number and died
        std::filesystem::create_directories(path_);
    }
    ~TemporaryDirectory() {
        std::error_code ignored;  // a test that has passed does not fail for what it leaves in /tmp
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    // A parent in memory, where there is one: for tests that open many stores, and need no real sync.
    [[nodiscard]] static std::filesystem::path in_memory() {
        const std::filesystem::path shared = "/dev/shm";
        return ::access(shared.c_str(), W_OK) == 0 ? shared : std::filesystem::temp_directory_path();
    }

private:
    std::filesystem::path path_;
};

}  // namespace tidemark::tests
