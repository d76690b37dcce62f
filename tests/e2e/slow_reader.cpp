#include "tests/e2e/slow_reader.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace tidemark::e2e {

namespace {

constexpr std::size_t a_little = 512;
constexpr int now_and_then_ms = 250;
constexpr std::chrono::seconds longest{30};  // for the rest, when in a hurry
using Clock = std::chrono::steady_clock;

// Without the head and the framing of chunks; what a broken connection has cut off is cut off here too.
std::string body_of(std::string_view bytes) {
    const auto head = bytes.find("\r\n\r\n");
    if (head == std::string_view::npos || !bytes.starts_with("HTTP/1.1 200"))
        throw std::runtime_error("no answer to a reader: " + std::string(bytes.substr(0, 300)));
    std::string body;
    for (std::size_t at = head + 4; at < bytes.size();) {
        const auto line = bytes.find("\r\n", at);
        if (line == std::string_view::npos) break;
        const std::size_t size = std::stoull(std::string(bytes.substr(at, line - at)), nullptr, 16);
        body += bytes.substr(line + 2, size);
        at = std::min(bytes.size(), line + 2 + size + 2);
    }
    return body;
}

// Events are separated by an empty line; one without it has not come whole.
ReadSlowly events_of(std::string_view body) {
    ReadSlowly read;
    for (std::size_t at = 0;;) {
        const auto end = body.find("\n\n", at);
        if (end == std::string_view::npos) return read;
        for (std::string_view block = body.substr(at, end - at + 1); !block.empty();) {
            const std::string_view line = block.substr(0, block.find('\n'));
            block.remove_prefix(line.size() + 1);
            if (line.starts_with("id: ")) read.last_cursor = std::string(line.substr(4));
            if (line.starts_with("data: ")) add_event(line.substr(6), read.event_ids);
        }
        at = end + 2;
    }
}

}  // namespace

void add_event(std::string_view json, EventIds& ids) {
    const auto event = boost::json::parse({json.data(), json.size()});
    ids[event.at("position").at("partition").to_number<std::uint64_t>()].emplace_back(event.at("event_id").as_string());
}

std::size_t count(const EventIds& ids) {
    std::size_t all = 0;
    for (const auto& [partition, of_it] : ids) all += of_it.size();
    return all;
}

class SlowReader::Socket {
public:
    explicit Socket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const int small = 8 * 1024;
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        sockaddr_in server{};
        server.sin_family = AF_INET;
        server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        server.sin_port = htons(port);
        const auto* any = static_cast<const sockaddr*>(static_cast<const void*>(&server));
        if (fd_ < 0 || ::connect(fd_, any, sizeof server) != 0) throw std::runtime_error("a reader cannot connect");
    }
    ~Socket() { ::close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void send(const std::string& bytes) { (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    // False: nothing came in time.
    bool wait(int milliseconds) {
        pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
        return ::poll(&waiting, 1, milliseconds) > 0;
    }
    // Nothing: the stream has ended.
    std::string_view read(std::size_t most) {
        const auto got = ::recv(fd_, piece_.data(), std::min(most, piece_.size()), 0);
        return {piece_.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }

private:
    int fd_;
    std::array<char, 64 * 1024> piece_{};
};

SlowReader::SlowReader(std::uint16_t port, const std::string& target, const std::string& tenant) {
    auto socket = std::make_shared<Socket>(port);
    socket->send("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nTidemark-Tenant: " +
                 tenant + "\r\n\r\n");
    thread_ = std::jthread([this, socket](const std::stop_token& in_a_hurry) { read(*socket, in_a_hurry); });
}

SlowReader::~SlowReader() = default;

void SlowReader::read(Socket& socket, const std::stop_token& in_a_hurry) {
    while (!in_a_hurry.stop_requested()) {
        (void)::poll(nullptr, 0, now_and_then_ms);
        if (!socket.wait(now_and_then_ms)) continue;
        const auto piece = socket.read(a_little);
        ended_ = piece.empty();
        if (ended_) return;
        bytes_ += piece;
    }
    for (const auto deadline = Clock::now() + longest; Clock::now() < deadline;) {
        if (!socket.wait(now_and_then_ms)) continue;
        const auto piece = socket.read(64 * 1024);
        ended_ = piece.empty();
        if (ended_) return;
        bytes_ += piece;
    }
}

ReadSlowly SlowReader::read_to_end() {
    thread_.request_stop();
    thread_.join();
    auto read = events_of(body_of(bytes_));
    read.ended = ended_;
    return read;
}

}  // namespace tidemark::e2e
