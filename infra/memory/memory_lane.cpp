#include "infra/memory/memory_lane.hpp"

#include <utility>

namespace tidemark::infra {

using consumers::AppendResult;
using consumers::AppendStatus;
using events::BlockPtr;

AppendResult MemoryLane::land(const BlockPtr& block, Fate fate) {
    const auto lost = [](const char* what) {
        return AppendResult{AppendStatus::unknown, std::make_error_code(std::errc::timed_out), what};
    };
    if (fate == Fate::lost) {
        return lost("the append timed out");
    }
    if (fate == Fate::late) {
        late_.push_back(block);
        return lost("the append timed out; it is still on its way");
    }
    if (fate == Fate::overtaken) {
        if (const auto verdict = put(stranger()); !verdict) {
            return {AppendStatus::unknown, std::make_error_code(std::errc::io_error), verdict.error().what};
        }
    }
    const auto verdict = put(block);
    if (!verdict) {
        return {AppendStatus::unknown, std::make_error_code(std::errc::invalid_argument), verdict.error().what};
    }
    std::vector<BlockPtr> behind = std::exchange(late_, {});
    if (fate == Fate::doubled) {
        behind.push_back(block);
    }
    for (const BlockPtr& other : behind) {
        if (const auto also = put(other); !also) {
            return {AppendStatus::unknown, std::make_error_code(std::errc::io_error), also.error().what};
        }
    }
    if (fate == Fate::unreported) {
        return lost("the append timed out after it had been sent");
    }
    return {*verdict == events::Verdict::counts ? AppendStatus::counted : AppendStatus::superseded, {}, {}};
}

// Lands a message; the chain rule says whether it counts. A damaged one is kept out: no reader could go on behind it.
std::expected<events::Verdict, events::Damage> MemoryLane::put(const BlockPtr& block) {
    const bool hashed = block->leaf_hashes().size() == block->header().count;
    const auto verdict = chain_.fold(*block, hashed ? events::Verify::headers : events::Verify::records);
    if (!verdict) {
        return verdict;
    }
    messages_.push_back(block);
    if (*verdict == events::Verdict::counts) {
        counted_.push_back(block);
    }
    return verdict;
}

// The barrier of an owner that nobody here knows, at the end of the chain.
BlockPtr MemoryLane::stranger() {
    events::BlockHeader header;
    header.log_id = identity_.id;
    header.incarnation = identity_.incarnation;
    header.partition = partition_;
    header.number = chain_.tip().next_number;
    header.first_sequence = chain_.tip().next_sequence;
    header.owner_epoch = chain_.tip().owner_epoch + 1;
    header.owner.bytes.fill(0xee);
    header.owner.bytes[15] = static_cast<std::uint8_t>(++strangers_);
    header.tree_size = chain_.edge().size();
    header.root = chain_.edge().root();
    header.previous = chain_.tip().digest;
    events::BlockBuilder builder;
    return builder.seal(std::move(header));
}

}  // namespace tidemark::infra
