// Who sends commands: several at a time, again when they were not answered, again when they were, now and then another
// body under the same id. Remembers everything that was asked and answered, for the audit.
#pragma once

#include "consumers/command_processor/command_processor.hpp"
#include "tests/simulation/defect.hpp"
#include "tests/simulation/dice.hpp"

#include <deque>
#include <map>

namespace tidemark::tests::simulation {

inline constexpr const char* digest_key = "a key for simulations";

// One body under one command id.
struct Asked {
    v1::Command command;
    events::Digest body{};             // as the processor computes it
    std::uint64_t first_sent = 0;      // moments of the clients' own count
    std::uint64_t first_answered = 0;  // 0: never
    std::size_t under_way = 0;         // sent and not answered yet
    std::vector<v1::Outcome> answers;  // those that say what became of it
};

class Clients {
public:
    Clients(Dice& dice, Defect defect) : dice_(dice), defect_(defect) {}
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;

    [[nodiscard]] std::vector<consumers::Submission> batch(std::size_t fresh);
    [[nodiscard]] std::vector<consumers::Submission> again(std::size_t one_in);  // of what was never answered
    void refused(std::size_t submissions);  // so many at the end of the last batch found the queue full
    void server_died();                     // nothing that was under way will be answered

    [[nodiscard]] bool waiting() const;
    [[nodiscard]] const std::deque<Asked>& asked() const { return asked_; }

private:
    [[nodiscard]] v1::Command fresh_command();
    [[nodiscard]] v1::Command other_body(const Asked& asked);
    [[nodiscard]] std::string stream(const char* prefix, std::uint64_t count);
    void maybe_expect_version(v1::Command& command);
    Asked& ask(v1::Command command);
    [[nodiscard]] consumers::Submission send(Asked& asked);
    void answered(Asked& asked, v1::Outcome outcome);

    Dice& dice_;
    Defect defect_;
    std::deque<Asked> asked_;  // answers hold references into it
    std::vector<Asked*> last_batch_;
    std::map<std::string, std::uint64_t> known_versions_;  // by stream, as answers told
    std::uint64_t ids_ = 0;
    std::uint64_t moment_ = 0;
};

}  // namespace tidemark::tests::simulation
