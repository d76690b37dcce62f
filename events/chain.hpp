// The rule of compare-and-append: a block counts only if its `previous` is the digest of the last
// block that counted. Written once; every log adapter and every reader applies it.
#pragma once

#include "events/block.hpp"
#include "events/merkle.hpp"

#include <expected>
#include <string>

namespace tidemark::events {

// The end of a partition as a reader knows it.
struct Tip {
    std::uint64_t next_number = 0;
    Sequence next_sequence = 0;
    std::uint64_t owner_epoch = 0;
    Uuid owner;
    Digest digest{};  // of the last block that counted, or genesis
    bool operator==(const Tip&) const = default;
};

// A block that continues the chain by digest and contradicts it otherwise: no race, but damage. Stop the partition.
struct Damage {
    std::string what;
};

enum class Verdict : std::uint8_t { counts, ignored };

enum class Verify : std::uint8_t {
    headers,  // digest, numbers, sequence, epoch: cheap
    records,  // and the Merkle root, by hashing every record
};

// Folds one partition. One thread.
class ChainFold {
public:
    ChainFold(const Uuid& log_id, Partition partition);
    // Goes on from there. An edge of another size than the tip's says that the edge is not known.
    ChainFold(const Uuid& log_id, Partition partition, Tip tip, MerkleEdge edge);

    // `ignored` leaves everything as it was. With Verify::headers the edge is kept only while
    // blocks carry leaf hashes; see edge_known().
    [[nodiscard]] std::expected<Verdict, Damage> fold(const Block& block, Verify verify);

    [[nodiscard]] const Tip& tip() const { return tip_; }
    [[nodiscard]] const MerkleEdge& edge() const { return edge_; }
    [[nodiscard]] bool edge_known() const { return edge_known_; }

private:
    Uuid log_id_;
    Partition partition_;
    Tip tip_;
    MerkleEdge edge_;
    bool edge_known_ = true;
};

}  // namespace tidemark::events
