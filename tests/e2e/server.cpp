#include "tests/e2e/server.hpp"

#include "tests/e2e/http.hpp"

#include <arpa/inet.h>
#include <array>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <signal.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace tidemark::e2e {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "tidemark-e2e-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::system_error(errno, std::generic_category(), "mkdtemp " + pattern);
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    if (std::uncaught_exceptions() > 0) return;  // what failed may be looked at
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

namespace {

// A port that nobody listens on. It may be taken before the server binds it; then the server says so, and the test
// fails.
std::uint16_t free_port() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = static_cast<sockaddr*>(static_cast<void*>(&address));
    if (listener < 0 || ::bind(listener, any, size) != 0 || ::getsockname(listener, any, &size) != 0)
        throw std::system_error(errno, std::generic_category(), "no free port");
    ::close(listener);
    return ntohs(address.sin_port);
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Forks and executes the binary with its output in `output`.
int spawn(const std::vector<std::string>& arguments, const fs::path& output, const Environment& environment = {}) {
    std::vector<std::string> words = {TIDEMARK_BINARY};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) throw std::system_error(errno, std::generic_category(), output.string());
    const int pid = ::fork();
    if (pid == 0) {
        ::dup2(out, STDOUT_FILENO);
        ::dup2(out, STDERR_FILENO);
        for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(out);
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    return pid;
}

int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void pause_before_asking_again() {
    (void)::poll(nullptr, 0, 10);
}

}  // namespace

Finished run_tidemark(const std::vector<std::string>& arguments) {
    const TemporaryDirectory directory;
    const int pid = spawn(arguments, directory.path() / "output");
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid) throw std::system_error(errno, std::generic_category(), "waitpid");
    return {exit_code_of(status), text_of(directory.path() / "output")};
}

Server::Server(const fs::path& data, const Environment& environment)
    : log_(data.string() + ".log"), port_(free_port()) {
    pid_ =
        spawn({"serve", "--data", data.string(), "--listen", "127.0.0.1:" + std::to_string(port_)}, log_, environment);
    wait_until_ready();
}

Server::Server(Beginning, const fs::path& data, const Environment& environment)
    : log_(data.string() + ".log"), port_(free_port()) {
    pid_ =
        spawn({"serve", "--data", data.string(), "--listen", "127.0.0.1:" + std::to_string(port_)}, log_, environment);
}

void Server::wait_until_ready() {
    for (const auto deadline = Clock::now() + std::chrono::seconds(90);;) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            throw std::runtime_error("the server ended with " + std::to_string(exit_code_of(status)) + ":\n" +
                                     output());
        }
        Connection connection(port_);
        if (connection.get("/readyz").status == 200) return;
        if (Clock::now() > deadline) {
            kill();
            throw std::runtime_error("the server was not ready within 90 s:\n" + output());
        }
        pause_before_asking_again();
    }
}

Server::~Server() {
    if (pid_ > 0) kill();
}

void Server::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    (void)::waitpid(pid_, &status, 0);
    pid_ = -1;
}

void Server::ask_to_stop() {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
}

int Server::wait_for_exit(std::chrono::seconds patience) {
    for (const auto deadline = Clock::now() + patience;;) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            return exit_code_of(status);
        }
        if (Clock::now() > deadline) throw std::runtime_error("the server still runs:\n" + output());
        pause_before_asking_again();
    }
}

std::size_t Server::resident_bytes() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
    }
    return 0;
}

std::string Server::output() const {
    return text_of(log_);
}

}  // namespace tidemark::e2e
