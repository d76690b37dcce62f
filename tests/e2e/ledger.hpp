// What a server has promised: every command sent, and every answer that came. Held against the event feed later,
// it finds what was lost, doubled, changed or put out of order.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tidemark::e2e {

struct Sent {
    std::string command_id;
    std::string stream;  // "sale/s-1"
    std::string line;    // the NDJSON line, to be sent again as it was
};

// All calls may come from any thread.
class Ledger {
public:
    void sent(const Sent& command);
    // An outcome as it came. A second answer to a command must be the first one again, told as repeated.
    void answered(const boost::json::object& outcome);

    [[nodiscard]] std::size_t answers() const;
    [[nodiscard]] std::vector<Sent> unanswered() const;  // in the order they were sent
    [[nodiscard]] std::vector<Sent> every_nth_answered(std::size_t n) const;

    // Everything that does not fit, in words: what answers contradicted each other, and what the feed (all its lines,
    // in order) does not hold as promised. Empty: all is well.
    [[nodiscard]] std::vector<std::string> faults(const std::vector<boost::json::object>& feed) const;
    // The same, of these commands only: what else the feed holds may be anything, as long as it fits together.
    [[nodiscard]] std::vector<std::string> faults_of(const std::vector<Sent>& commands,
                                                     const std::vector<boost::json::object>& feed) const;

private:
    void forget_nothing_twice(const boost::json::object& former, const boost::json::object& outcome);

    mutable std::mutex mutex_;
    std::vector<Sent> sent_;
    std::map<std::string, boost::json::object> answers_;  // by command id; UNAVAILABLE is no answer
    std::vector<std::string> contradictions_;
};

}  // namespace tidemark::e2e
