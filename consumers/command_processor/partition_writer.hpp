// The writing end of one partition: gives records their place and time, and seals blocks so that they continue the
// chain. Two threads may share it: one has the open end (append, has_room, close), one the sealing end (seal), and
// close() hands over from one to the other. Nothing else may be under way in reset() and seal_barrier().
#pragma once

#include "consumers/command_processor/answered.hpp"
#include "consumers/log/log.hpp"

#include <vector>

namespace tidemark::consumers {

struct Owner {
    events::Uuid id;
    LogIdentity log;
    bool compress = true;
};

// One record of a command, before it has a place.
struct Draft {
    events::RecordKind kind = events::RecordKind::event;
    std::uint16_t type = 0;
    std::string payload;
};

class PartitionWriter {
public:
    PartitionWriter(events::Partition partition, const Owner& owner) : partition_(partition), owner_(owner) {}

    // Forgets what is open and continues from there.
    void reset(Log::End end, events::Micros last_recorded_at);

    // Records of one command, in order; returns the place of the first. `version` is the stream's before the command.
    struct Written {
        events::Sequence first;
        events::Micros recorded_at;
    };
    Written append(const v1::Command& command, std::string_view kind, const events::Digest& body,
                   events::Version version, std::span<const Draft> drafts, events::Micros now);

    // Whether a command of the largest size still fits the open block.
    [[nodiscard]] bool has_room() const {
        return open_.bytes() + events::max_decision_bytes <= events::max_block_bytes;
    }
    [[nodiscard]] bool empty() const { return open_.count() == 0; }
    [[nodiscard]] events::Sequence next_sequence() const { return open_first_ + open_.count(); }
    void close();  // the open block is to be sealed next, and another one is opened behind it; the former is sealed

    [[nodiscard]] events::BlockPtr seal();          // what was closed
    [[nodiscard]] events::BlockPtr seal_barrier();  // with the next owner epoch, and no records

private:
    [[nodiscard]] events::BlockPtr seal_as(std::uint64_t epoch);

    events::Partition partition_;
    const Owner& owner_;
    // The open end's.
    events::BlockBuilder open_;
    events::Sequence open_first_ = 0;
    events::Micros last_recorded_at_ = 0;
    // The sealing end's.
    events::BlockBuilder closed_;
    events::Tip tip_;  // after everything sealed
    events::MerkleEdge edge_;
};

}  // namespace tidemark::consumers
