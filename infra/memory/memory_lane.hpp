// One partition of the log in memory: every message that landed, and which of them the chain rule lets count.
// Not locked: its owner is.
#pragma once

#include "infra/memory/memory_log.hpp"

namespace tidemark::infra {

class MemoryLane {
public:
    MemoryLane(const consumers::LogIdentity& identity, events::Partition partition)
        : identity_(identity), partition_(partition), chain_(identity.id, partition) {}

    // What becomes of the block, and what its appender is told.
    [[nodiscard]] consumers::AppendResult land(const events::BlockPtr& block, Fate fate);

    [[nodiscard]] const events::ChainFold& chain() const { return chain_; }
    [[nodiscard]] const std::vector<events::BlockPtr>& messages() const {
        return messages_;
    }  // in the order of landing
    [[nodiscard]] const std::vector<events::BlockPtr>& counted() const { return counted_; }

private:
    [[nodiscard]] std::expected<events::Verdict, events::Damage> put(const events::BlockPtr& block);
    [[nodiscard]] events::BlockPtr stranger();

    const consumers::LogIdentity& identity_;
    events::Partition partition_;
    events::ChainFold chain_;
    std::vector<events::BlockPtr> messages_;
    std::vector<events::BlockPtr> counted_;
    std::vector<events::BlockPtr> late_;  // land behind the next one
    std::uint64_t strangers_ = 0;
};

}  // namespace tidemark::infra
