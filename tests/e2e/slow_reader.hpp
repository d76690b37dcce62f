// A reader of the feed as server-sent events that is far slower than the events come.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tidemark::e2e {

// Ids of events by partition, in the order in which they came: between partitions no order is promised.
using EventIds = std::map<std::uint64_t, std::vector<std::string>>;

// An event as the feed tells it in JSON.
void add_event(std::string_view json, EventIds& ids);
[[nodiscard]] std::size_t count(const EventIds& ids);

struct ReadSlowly {
    EventIds event_ids;       // of whole events
    std::string last_cursor;  // that came with the last of them
    bool ended = false;       // by the server
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
