// More clients than a server can serve, none of which waits politely: streams that send as fast as they can, streams
// and followers that never read, single commands and queries back to back, clients that wait for what they have just
// written, bodies as large as is allowed and larger. Their commands belong to a tenant of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace tidemark::e2e {

inline constexpr const char* crowd_tenant = "crowd";

struct CrowdSize {
    std::size_t greedy_streams = 0;  // send commands and read their outcomes
    std::size_t mute_streams = 0;    // send commands and read nothing
    std::size_t single_clients = 0;  // the next command as soon as the former is answered
    std::size_t large_bodies = 0;    // commands of a megabyte, and of a little more
    std::size_t mute_followers = 0;  // of the feed, and read nothing
    std::size_t askers = 0;          // the next query as soon as the former is answered
    std::size_t waiters = 0;         // a command, then a query that waits for it (Tidemark-At-Least), and again
};

// What the crowd was told.
struct Told {
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> refused{0};  // 429 or 503
    std::atomic<std::size_t> refused_without_retry_after{0};
    std::atomic<std::size_t> too_large{0};  // 413
    std::atomic<std::size_t> broken{0};     // no whole answer came
    std::atomic<std::size_t> unexpected{0};
    std::atomic<std::uint64_t> outcome_bytes{0};  // of streams
};

// Runs on a thread of its own from its making to stop().
class Crowd {
public:
    Crowd(std::uint16_t port, const CrowdSize& size);
    ~Crowd();
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;
    void stop();  // all leave at once, whatever they are in the middle of
    [[nodiscard]] const Told& told() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::e2e
