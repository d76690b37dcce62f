// A reader of the feed as server-sent events that is far slower than the events come.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::e2e {

struct ReadSlowly {
    std::vector<std::string> event_ids;  // whole events, in order
    std::string last_cursor;             // that came with the last of them
    bool ended = false;                  // by the server
};

// Reads a little now and then, on a thread of its own.
class SlowReader {
public:
    SlowReader(std::uint16_t port, const std::string& target, const std::string& tenant);
    ~SlowReader();
    // Reads what has been sent as fast as it can, until the server's end of the stream or a deadline.
    [[nodiscard]] ReadSlowly read_to_end();

private:
    class Socket;
    void read(Socket& socket, const std::stop_token& in_a_hurry);

    std::string bytes_;
    bool ended_ = false;
    std::jthread thread_;
};

}  // namespace tidemark::e2e
