#include "events/chain.hpp"

#include <optional>
#include <stdexcept>

namespace tidemark::events {
namespace {

Tip genesis(const Uuid& log_id, Partition partition) {
    Tip tip;
    tip.digest = genesis_digest(log_id, partition);
    return tip;
}

// What contradicts the chain in the header of a block that continues it; nothing: all is well.
std::optional<std::string> contradiction(const BlockHeader& header, const Uuid& log_id, Partition partition,
                                         const Tip& tip) {
    const auto differs = [](const char* field, std::uint64_t is, std::uint64_t should) {
        return std::string(field) + " is " + std::to_string(is) + " and should be " + std::to_string(should);
    };
    if (header.log_id != log_id) return "it names another log, " + header.log_id.text();
    if (header.partition != partition) return differs("partition", header.partition, partition);
    if (header.number != tip.next_number) return differs("block number", header.number, tip.next_number);
    if (header.first_sequence != tip.next_sequence)
        return differs("first sequence", header.first_sequence, tip.next_sequence);
    const std::uint64_t leaves = tip.next_sequence + header.count;
    if (header.tree_size != leaves) return differs("tree size", header.tree_size, leaves);
    if (header.owner_epoch < tip.owner_epoch) {
        return "owner epoch goes back from " + std::to_string(tip.owner_epoch) + " to " +
               std::to_string(header.owner_epoch);
    }
    const bool first = tip.next_number == 0;
    if (!first && header.owner_epoch == tip.owner_epoch && header.owner != tip.owner) {
        return "two owners in owner epoch " + std::to_string(tip.owner_epoch);
    }
    return std::nullopt;
}

}  // namespace

ChainFold::ChainFold(const Uuid& log_id, Partition partition)
    : log_id_(log_id), partition_(partition), tip_(genesis(log_id, partition)) {}

ChainFold::ChainFold(const Uuid& log_id, Partition partition, Tip tip, MerkleEdge edge)
    : log_id_(log_id),
      partition_(partition),
      tip_(std::move(tip)),
      edge_(std::move(edge)),
      edge_known_(edge_.size() == tip_.next_sequence) {}

std::expected<Verdict, Damage> ChainFold::fold(const Block& block, Verify verify) {
    const BlockHeader& header = block.header();
    if (header.previous != tip_.digest) return Verdict::ignored;
    const auto damage = [&](const std::string& what) {
        return std::unexpected(Damage{"partition " + std::to_string(partition_) + ", block " +
                                      std::to_string(tip_.next_number) + ": it continues the chain, but " + what});
    };
    if (const auto wrong = contradiction(header, log_id_, partition_, tip_)) return damage(*wrong);

    const bool by_records = verify == Verify::records;
    if (by_records && !edge_known_) {
        throw std::logic_error("chain: records cannot be verified after blocks whose leaves are not known");
    }
    // A block that was built here knows its leaf hashes; they are taken at their word only where records are not asked
    // for.
    const bool leaves_known = by_records || block.leaf_hashes().size() == header.count;
    if (edge_known_ && leaves_known) {
        MerkleEdge edge = edge_;
        if (by_records) {
            for (std::size_t i = 0; i < block.size(); ++i) edge.append(leaf_hash(block.record(i)));
        } else {
            for (const Digest& leaf : block.leaf_hashes()) edge.append(leaf);
        }
        if (edge.root() != header.root) return damage("its Merkle root is not that of its records");
        edge_ = std::move(edge);
    } else {
        edge_known_ = false;
    }
    tip_ = {.next_number = header.number + 1,
            .next_sequence = block.next_sequence(),
            .owner_epoch = header.owner_epoch,
            .owner = header.owner,
            .digest = block.digest()};
    return Verdict::counts;
}

}  // namespace tidemark::events
