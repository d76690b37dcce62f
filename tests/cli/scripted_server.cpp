#include "tests/cli/scripted_server.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace tidemark::tests {

namespace {

constexpr int patience_ms = 20'000;

// Reads what comes from a socket, piece by piece; false at its end.
class Input {
public:
    explicit Input(int socket) : socket_(socket) {}
    bool line(std::string& text) {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n")) == std::string::npos) {
            if (!more()) return false;
        }
        text = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return true;
    }
    bool bytes(std::size_t count, std::string& into) {
        while (buffer_.size() < count) {
            if (!more()) return false;
        }
        into.append(buffer_, 0, count);
        buffer_.erase(0, count);
        return true;
    }

private:
    bool more() {
        pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, patience_ms) <= 0) return false;
        char piece[4096];
        const auto got = ::read(socket_, piece, sizeof piece);
        if (got <= 0) return false;
        buffer_.append(piece, static_cast<std::size_t>(got));
        return true;
    }
    int socket_;
    std::string buffer_;
};

void write_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;  // the client has gone: the test sees that
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string chunk(const std::string& content) {
    char size[32];
    const int length = std::snprintf(size, sizeof size, "%zx\r\n", content.size());
    return std::string(size, static_cast<std::size_t>(length)) + content + "\r\n";
}

std::string delimited(const google::protobuf::Message& message) {
    std::string bytes;
    std::uint8_t length[10];
    const auto* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(message.ByteSizeLong(), length);
    bytes.assign(reinterpret_cast<const char*>(length), static_cast<std::size_t>(end - length));
    message.AppendToString(&bytes);
    return bytes;
}

// Takes the commands that are whole from the front of `bytes`.
std::vector<v1::Command> take_commands(std::string& bytes) {
    std::vector<v1::Command> commands;
    for (;;) {
        google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                  static_cast<int>(bytes.size()));
        std::uint32_t size = 0;
        if (!in.ReadVarint32(&size)) return commands;
        const auto head = static_cast<std::size_t>(in.CurrentPosition());
        if (bytes.size() < head + size) return commands;
        commands.emplace_back().ParseFromArray(bytes.data() + head, static_cast<int>(size));
        bytes.erase(0, head + size);
    }
}

}  // namespace

ScriptedServer::ScriptedServer(std::vector<Scripted> connections)
    : connections_(std::move(connections)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 4) != 0 || ::getsockname(listener_, any, &size) != 0) {
        throw std::system_error(errno, std::generic_category(), "scripted server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

std::vector<std::string> ScriptedServer::arrived() {
    const std::lock_guard lock(mutex_);
    return arrived_;
}

void ScriptedServer::serve() {
    for (const Scripted& script : connections_) {
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) return;
        serve_one(connection, script);
        ::close(connection);
    }
}

void ScriptedServer::serve_one(int connection, const Scripted& script) {
    Input in(connection);
    std::string line;
    do {
        if (!in.line(line)) return;
    } while (!line.empty());
    if (!script.refuse.empty()) return write_all(connection, script.refuse);
    write_all(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string bytes;
    for (std::size_t answered = 0;;) {
        if (!in.line(line)) return;
        const std::size_t size = std::stoul(line, nullptr, 16);
        if (!in.bytes(size, bytes) || !in.line(line)) return;
        if (size == 0) return write_all(connection, "0\r\n\r\n");
        for (const v1::Command& command : take_commands(bytes)) {
            const std::lock_guard lock(mutex_);
            arrived_.push_back(command.command_id());
            if (answered == script.answer) return;
            v1::Outcome outcome;
            outcome.set_status(v1::ACCEPTED);
            if (script.outcome) outcome = script.outcome(command);
            if (script.without_id != command.command_id()) outcome.set_command_id(command.command_id());
            write_all(connection, chunk(delimited(outcome)));
            ++answered;
        }
    }
}

}  // namespace tidemark::tests
