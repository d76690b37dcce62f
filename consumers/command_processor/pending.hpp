// A command on its way through the processor.
#pragma once

#include "aggregates/aggregate_type.hpp"
#include "consumers/command_processor/command_processor.hpp"
#include "events/digest.hpp"

#include <memory>

namespace tidemark::consumers {

struct Pending {
    Submission submission;
    const aggregates::AggregateType* type = nullptr;
    events::Key128 stream;
    events::Key128 command;
    events::Digest body{};
    events::Partition partition = 0;
    std::size_t bytes = 0;     // what it counts for in the queue
    std::uint64_t ticket = 0;  // order of arrival
};
using PendingPtr = std::unique_ptr<Pending>;

// What can be known of commands before they are decided: worked out by the threads that submit them, for the
// processor has only one. Immutable: any thread.
class Preparation {
public:
    Preparation(std::string_view digest_key, std::uint32_t partitions) : key_(digest_key), partitions_(partitions) {}

    [[nodiscard]] PendingPtr pending_of(Submission submission, std::size_t bytes) const;

private:
    events::KeyedDigest key_;
    std::uint32_t partitions_;
};

}  // namespace tidemark::consumers
