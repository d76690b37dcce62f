#include "consumers/derived/block_follower.hpp"

#include "aggregates/reference.hpp"

namespace tidemark::consumers {
namespace {

events::Tip tip_of(const Place& place) {
    return {place.next_number, place.next_sequence, place.owner_epoch, place.owner, place.digest};
}

std::string where(events::Partition partition, std::uint64_t block) {
    return "partition " + std::to_string(partition) + ", block " + std::to_string(block);
}

}  // namespace

BlockFollower::BlockFollower(const events::Uuid& log_id, events::Partition partition, Place place)
    : partition_(partition),
      chain_(place.next_number == 0 ? events::ChainFold(log_id, partition)
                                    : events::ChainFold(log_id, partition, tip_of(place), events::MerkleEdge())),
      tiles_(partition) {}

std::expected<void, std::string> BlockFollower::load(KvStore& store) {
    return tiles_.load(store, DerivedTable::merkle, chain_.tip().next_sequence);
}

std::expected<void, std::string> BlockFollower::follow(const events::Block& block, const FindReference& find,
                                                       Generation& into) {
    const std::uint64_t number = block.header().number;
    if (number < chain_.tip().next_number) {
        if (number + 1 == chain_.tip().next_number && block.digest() != chain_.tip().digest) {
            return std::unexpected(where(partition_, number) +
                                   ": the log differs from what the derived stores followed; "
                                   "if the log is the one you mean, run `tidemark rebuild derived`");
        }
        return {};
    }
    const auto verdict = chain_.fold(block, events::Verify::headers);
    if (!verdict) return std::unexpected(where(partition_, number) + ": " + verdict.error().what);
    if (*verdict == events::Verdict::ignored) {
        return std::unexpected(where(partition_, number) +
                               ": does not continue what was followed; run `tidemark check`");
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
    return {};
}

std::expected<void, std::string> BlockFollower::follow_record(const events::RecordView& record,
                                                              const FindReference& find, Generation& into) {
    const events::RecordHeader& header = record.header;
    if (header.kind == events::RecordKind::control) {
        return std::unexpected("record " + std::to_string(header.sequence) +
                               " raises the log's level beyond what this program knows: run a newer version");
    }
    const events::Key128 stream = events::stream_key(header.tenant, header.stream_kind, header.stream_id);
    if (header.index == 0) into.add_outcome(events::command_key(stream, header.command_id), header.sequence);
    if (header.kind != events::RecordKind::event) return {};
    into.add_event(stream, header.version, header.sequence);
    if (!aggregates::changes_reference(header)) return {};

    const auto before = find(stream);
    auto after = before ? std::make_shared<v1::Reference>(*before) : std::make_shared<v1::Reference>();
    if (auto folded = aggregates::fold_reference(*after, record); !folded) return std::unexpected(folded.error().what);
    into.add_reference(stream, std::move(after));
    return {};
}

Place BlockFollower::place() const {
    const events::Tip& tip = chain_.tip();
    return {tip.next_sequence, tip.next_number, tip.owner_epoch, tip.owner, tip.digest};
}

}  // namespace tidemark::consumers
