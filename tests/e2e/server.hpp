// The real binary as a child process on a data directory of its own: started, stopped and killed by its process id.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::e2e {

// Removed with everything in it at the end, unless the test failed half-way and throws.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

using Environment = std::vector<std::pair<std::string, std::string>>;  // variables with their values

struct Finished {
    int exit_code = -1;  // -1: ended by a signal
    std::string output;  // standard output and error
};

// Runs `tidemark` with these arguments to its end.
[[nodiscard]] Finished run_tidemark(const std::vector<std::string>& arguments);

class Server {
public:
    // Starts `tidemark serve` on a free loopback port and waits until it is ready; throws with its output if it does
    // not get there.
    explicit Server(const std::filesystem::path& data, const Environment& environment = {});
    // Does not wait: the process has only begun to start.
    struct Beginning {};
    Server(Beginning, const std::filesystem::path& data, const Environment& environment = {});
    ~Server();  // kills what still runs
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::size_t resident_bytes() const;  // 0: it has ended
    void kill();                                       // SIGKILL, and waits for its end
    void ask_to_stop();                                // SIGTERM
    [[nodiscard]] int wait_for_exit(
        std::chrono::seconds deadline);  // exit code; -1: ended by a signal; throws when it still runs
    [[nodiscard]] std::string output() const;

private:
    std::filesystem::path log_;
    std::uint16_t port_ = 0;
    int pid_ = -1;
    void wait_until_ready();
};

}  // namespace tidemark::e2e
