// A directory for one test, gone with it.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace tidemark::tests {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        static std::atomic<unsigned> made{0};
        path_ = std::filesystem::temp_directory_path() /
                ("tidemark-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
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

private:
    std::filesystem::path path_;
};

}  // namespace tidemark::tests
