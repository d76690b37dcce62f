// A server that does what a test tells it, over plain sockets: reads one bulk request, answers some of its commands,
// and closes or goes on. One thread of its own.
#pragma once

#include "aggregates/command.pb.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::tests {

// What to do on one connection.
struct Scripted {
    std::string refuse;                                      // this whole response instead of a stream; empty: stream
    std::size_t answer = SIZE_MAX;                           // so many commands, then close the connection
    std::function<v1::Outcome(const v1::Command&)> outcome;  // none: ACCEPTED
    std::string without_id;                                  // the outcome of this command names none
};

class ScriptedServer {
public:
    explicit ScriptedServer(std::vector<Scripted> connections);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }
    // Command ids as they arrived, of all connections one after the other.
    [[nodiscard]] std::vector<std::string> arrived();

private:
    void serve();
    void serve_one(int connection, const Scripted& script);

    std::vector<Scripted> connections_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::vector<std::string> arrived_;
    std::thread thread_;
};

}  // namespace tidemark::tests
