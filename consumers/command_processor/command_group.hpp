// What one append carries: the answers that rest on it, and what must be known once it counts.
#pragma once

#include "consumers/command_processor/answered.hpp"
#include "consumers/command_processor/pending.hpp"

#include <utility>
#include <vector>

namespace tidemark::consumers {

struct GroupAnswer {
    PendingPtr pending;
    Answered answered;
    bool repeated = false;
    // Said instead: that another body came under the id of a command of this group. It is true only if that one counts.
    std::unique_ptr<v1::Outcome> conflict;
};

// To whom it may concern: what the answer rests on counts.
void give(GroupAnswer answer, const events::Uuid& log_id);

struct CommandGroup {
    std::uint64_t number = 1;
    std::size_t records = 0;
    events::Uuid log_id;
    std::vector<events::Partition> partitions;  // whose open blocks were closed for it
    std::vector<GroupAnswer> answers;
    std::vector<std::pair<events::Key128, events::Version>> streams;  // touched, and to which version

    [[nodiscard]] bool empty() const { return answers.empty(); }
};

}  // namespace tidemark::consumers
