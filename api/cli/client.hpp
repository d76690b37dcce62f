// Speaks HTTP to a Tidemark server. The only file pair of the command line that knows Beast. One thread.
#pragma once

#include "aggregates/command.pb.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tidemark::api {

struct ServerAddress {
    std::string host;
    std::string port;
    [[nodiscard]] std::string text() const { return host + ":" + port; }
};

// "http://127.0.0.1:8080". There is no TLS: Tidemark listens on loopback only.
[[nodiscard]] std::expected<ServerAddress, std::string> parse_server(std::string_view url);

struct Reply {
    unsigned status = 0;
    std::string body;
};
using RequestHeaders = std::vector<std::pair<std::string, std::string>>;

struct PacedUntil {
    std::chrono::steady_clock::time_point when;
};
struct NoMore {};
struct Failed {
    std::string why;
};
struct ToSend {
    v1::Command command;
    std::uint64_t tag = 0;  // comes back with the outcome
};

// Where the commands of a stream come from, and where their outcomes go.
class CommandSource {
public:
    virtual ~CommandSource() = default;
    virtual std::variant<ToSend, PacedUntil, NoMore, Failed> next() = 0;
    virtual void answered(std::uint64_t tag, const v1::Outcome& outcome) = 0;
};

struct SendOptions {
    std::size_t window = 4'096;                  // commands sent and not answered yet
    std::chrono::milliseconds patience{60'000};  // without any answer, over all attempts; then it is an error
};

class Client {
public:
    // `patience`: with one get or post.
    explicit Client(ServerAddress address, std::chrono::seconds patience = std::chrono::seconds(60));
    ~Client();

    // Over one connection that is kept alive. An error is of the connection; a status of 400 and above is a reply.
    [[nodiscard]] std::expected<Reply, std::string> get(const std::string& target, const RequestHeaders& headers = {});
    [[nodiscard]] std::expected<Reply, std::string> post(const std::string& target, const std::string& content_type,
                                                         std::string body, const RequestHeaders& headers = {});

    // Streams commands to POST /v1/commands and reads the outcomes meanwhile, in order, on a connection of
    // its own. A 503 or a broken connection means "unknown": what was not answered is sent again, with the same
    // command ids, so that nothing is done twice. A server that refuses the first connection is not waited for. Returns
    // when every command has its outcome.
    [[nodiscard]] std::expected<void, std::string> send(CommandSource& source, SendOptions options = {});

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
