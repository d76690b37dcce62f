// Connections, on Boost.Beast: one io_context and one accepting socket per thread (SO_REUSEPORT), keep-alive,
// limits and deadlines, strict heads (strict.hpp), bodies whole or in pieces. What is asked is up to
// the Application. Beast is known in listener.cpp, connection.cpp and exchange.cpp alone.
#pragma once

#include "api/http/http_server.hpp"
#include "api/http/message.hpp"

#include <expected>
#include <memory>
#include <string>

namespace tidemark::api {

class Listener {
public:
    Listener(Application& application, const HttpOptions& options);
    ~Listener();  // stops

    [[nodiscard]] std::expected<std::uint16_t, std::string> start();
    // From now on exchanges say that the server is stopping; stop() goes on from there.
    void announce_stop();
    // No new connections or requests; waits for those under way, at most options.drain; then closes what is left.
    void stop();

    [[nodiscard]] std::size_t connections() const;  // open now; any thread

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
