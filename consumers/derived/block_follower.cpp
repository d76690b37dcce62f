#include "consumers/derived/block_follower.hpp"

#include "aggregates/reference.hpp"

namespace tidemark::consumers {
namespace {

events::Tip tip_of(const events::Uuid& log_id, events::Partition partition, const Place& place) {
    if (place.next_number == 0) return {.digest = events::genesis_digest(log_id, partition)};
    return {place.next_number, place.next_sequence, place.owner_epoch, place.owner, place.digest};
}

// An edge of another size than the tip's: the chain does not hash what the tiles hash anyway.
events::MerkleEdge unknown_edge(const Place& place) {
    events::MerkleEdge edge;
    if (place.next_sequence == 0) edge.append({});
    return edge;
}

std::string where(events::Partition partition, std::uint64_t block) {
    return "partition " + std::to_string(partition) + ", block " + std::to_string(block);
}

}  // namespace

BlockFollower::BlockFollower(const events::Uuid& log_id, events::Partition partition, Place place)
    : partition_(partition),
      chain_(log_id, partition, tip_of(log_id, partition, place), unknown_edge(place)),
      tiles_(partition) {}

std::expected<void, std::string> BlockFollower::load(KvStore& store, Log& log) {
    const events::Tip& tip = chain_.tip();
    if (auto loaded = tiles_.load(store, DerivedTable::merkle, tip.next_sequence); !loaded) return loaded;
    if (tip.next_sequence == 0) return {};
    const auto blocks = log.read(partition_, tip.next_sequence - 1, 1);
    if (!blocks) return std::unexpected(blocks.error());
    for (const events::BlockPtr& block : *blocks) {
        if (block->size() == 0 || block->next_sequence() != tip.next_sequence) continue;
        if (block->header().root == tiles_.root()) return {};
        return std::unexpected(where(partition_, block->header().number) +
                               ": the stored Merkle tiles do not have its root: run `tidemark rebuild derived`");
    }
    return std::unexpected("no block of partition " + std::to_string(partition_) + " ends with record " +
                           std::to_string(tip.next_sequence - 1) + ", which the derived stores followed last: " +
                           "run `tidemark check`, then `tidemark rebuild derived`");
}

std::expected<void, std::string> BlockFollower::follow(const events::Block& block, const FindReference& find,
                                                       FollowedRows& into) {
    const std::uint64_t number = block.header().number;
    if (number < chain_.tip().next_number) return {};
    const auto verdict = chain_.fold(block, events::Verify::headers);
    if (!verdict) return std::unexpected(where(partition_, number) + ": " + verdict.error().what);
    if (*verdict == events::Verdict::ignored) {
        return std::unexpected(where(partition_, number) +
                               ": the log differs from what the derived stores followed; "
                               "if the log is the one you mean, run `tidemark rebuild derived`");
    }
    const auto leaves = block.leaf_hashes();
    for (std::size_t i = 0; i < block.size(); ++i) {
        const auto record = events::decode_record(block.record(i));
        if (!record) return std::unexpected(where(partition_, number) + ": " + record.error().what);
        tiles_.append(leaves.empty() ? events::leaf_hash(block.record(i)) : leaves[i]);
        if (auto followed = follow_record(*record, find, into); !followed) {
            return std::unexpected(where(partition_, number) + ": " + followed.error());
        }
    }
    if (block.size() > 0 && tiles_.root() != block.header().root) {
        return std::unexpected(where(partition_, number) +
                               ": its Merkle root is not that of its records; run `tidemark check`");
    }
    return {};
}

std::expected<void, std::string> BlockFollower::follow_record(const events::RecordView& record,
                                                              const FindReference& find, FollowedRows& into) {
    const events::RecordHeader& header = record.header;
    if (header.kind == events::RecordKind::control) {
        return std::unexpected("record " + std::to_string(header.sequence) +
                               " raises the log's level beyond what this program knows: run a newer version");
    }
    const events::Key128 stream = events::stream_key(header.tenant, header.stream_kind, header.stream_id);
    if (header.index == 0) {
        into.outcomes.emplace_back(events::command_key(stream, header.command_id), header.sequence);
    }
    if (header.kind != events::RecordKind::event) return {};
    into.index.push_back({stream, static_cast<std::uint32_t>(header.version), 0, header.sequence});
    if (!aggregates::changes_reference(header)) return {};

    // A stream's first event has nothing before it, and is what most references are made of.
    const auto before = header.version == 1 ? nullptr : find(stream);
    auto after = before ? std::make_shared<v1::Reference>(*before) : std::make_shared<v1::Reference>();
    if (auto folded = aggregates::fold_reference(*after, record); !folded) return std::unexpected(folded.error().what);
    into.references[stream] = std::move(after);
    return {};
}

Place BlockFollower::place() const {
    const events::Tip& tip = chain_.tip();
    return {tip.next_sequence, tip.next_number, tip.owner_epoch, tip.owner, tip.digest};
}

}  // namespace tidemark::consumers
