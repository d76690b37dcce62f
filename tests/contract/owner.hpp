// An owner of partitions, as small as can be: builds blocks that continue what it knows, and appends them.
#pragma once

#include "consumers/log/log.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::tests {

inline constexpr std::chrono::seconds long_enough{20};

class Owner {
public:
    Owner(consumers::Log& log, std::uint8_t name) : log_(log) { id_.bytes[0] = name; }

    // Forgets what it knew of a partition and goes on from the end of the log, an owner epoch later.
    void learn(events::Partition partition) {
        known_[partition] = log_.end(partition);
        ++known_[partition].tip.owner_epoch;
    }

    // The next block of a partition, with so many records; none: a barrier. It counts on the ones before it.
    events::BlockPtr block(events::Partition partition, std::size_t records) {
        if (!known_.contains(partition)) {
            learn(partition);
        }
        consumers::Log::End& known = known_[partition];
        events::BlockBuilder builder;
        for (std::size_t i = 0; i < records; ++i) {
            const events::Sequence sequence = known.tip.next_sequence + i;
            events::RecordHeader header;
            header.partition = partition;
            header.sequence = sequence;
            header.version = sequence + 1;
            header.tenant = events::default_tenant;
            header.stream_kind = "sale";
            header.stream_id = "S-1";
            header.command_id = "c";
            builder.add(header, "payload " + std::to_string(sequence) + " of " + std::to_string(id_.bytes[0]));
        }
        for (const events::Digest& leaf : builder.leaf_hashes()) {
            known.edge.append(leaf);
        }
        events::BlockHeader header;
        header.log_id = log_.identity().id;
        header.incarnation = log_.identity().incarnation;
        header.partition = partition;
        header.number = known.tip.next_number;
        header.first_sequence = known.tip.next_sequence;
        header.owner_epoch = known.tip.owner_epoch;
        header.owner = id_;
        header.tree_size = known.edge.size();
        header.root = known.edge.root();
        header.previous = known.tip.digest;
        if (change) {
            std::exchange(change, nullptr)(header);
        }
        events::BlockPtr sealed = builder.seal(std::move(header));
        known.tip = {sealed->header().number + 1, sealed->next_sequence(), sealed->header().owner_epoch, id_,
                     sealed->digest()};
        return sealed;
    }

    std::vector<consumers::AppendResult> append(std::vector<events::BlockPtr> group) {
        auto reported = std::make_shared<std::promise<std::vector<consumers::AppendResult>>>();
        auto results = reported->get_future();
        log_.append(std::move(group),
                    [reported](std::vector<consumers::AppendResult> all) { reported->set_value(std::move(all)); });
        REQUIRE(results.wait_for(long_enough) == std::future_status::ready);
        return results.get();
    }

    // Appends one block and says what became of it.
    consumers::AppendStatus append(events::Partition partition, std::size_t records) {
        const auto results = append({block(partition, records)});
        REQUIRE(results.size() == 1);
        return results.front().status;
    }

    std::function<void(events::BlockHeader&)> change;  // made to the header of the next block: a planted fault

private:
    consumers::Log& log_;
    events::Uuid id_;
    std::map<events::Partition, consumers::Log::End> known_;
};

// Everything of a partition, read in pieces of `max_bytes` as a follower reads.
inline std::vector<events::BlockPtr> read_all(consumers::Log& log, events::Partition partition, std::size_t max_bytes) {
    events::ChainFold chain(log.identity().id, partition);
    std::vector<events::BlockPtr> all;
    for (;;) {
        const auto piece = log.read(partition, chain.tip().next_sequence, max_bytes);
        REQUIRE(piece.has_value());
        const std::size_t had = all.size();
        for (const events::BlockPtr& block : *piece) {
            const auto verdict = chain.fold(*block, events::Verify::records);
            REQUIRE(verdict.has_value());
            if (*verdict == events::Verdict::counts) {
                all.push_back(block);
            }
        }
        if (all.size() == had) {
            return all;
        }
    }
}

}  // namespace tidemark::tests
