// A plain HTTP client for end-to-end tests: blocking, one connection, no code shared with the server or its own client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::e2e {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Reply {
    unsigned status = 0;  // 0: no header came
    Fields headers;
    std::string body;       // as much as came
    bool complete = false;  // false: the connection broke or the deadline passed before the end
    [[nodiscard]] std::string header(std::string_view name) const;
};

// One thread. Connects when needed, and again after a failure.
class Connection {
public:
    explicit Connection(std::uint16_t port);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] Reply get(const std::string& target, const Fields& headers = {});
    [[nodiscard]] Reply post(const std::string& target, std::string body, const std::string& content_type,
                             const Fields& headers = {});

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::e2e
