// The Merkle tree of a partition (RFC 6962 2.1) as it grows: only its right edge is kept.
#pragma once

#include "events/digest.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tidemark::events {

// The roots of the perfect subtrees that make up a tree, largest first.
class MerkleEdge {
public:
    void append(const Digest& leaf);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] Digest root() const;  // of the empty tree: SHA-256 of nothing
    [[nodiscard]] const std::vector<Digest>& peaks() const { return peaks_; }
    // The edge of a tree of `size` leaves, read from stored peaks.
    [[nodiscard]] static MerkleEdge from(std::uint64_t size, std::vector<Digest> peaks);

private:
    std::uint64_t size_ = 0;
    std::vector<Digest> peaks_;
};

// RFC 6962 2.1.1 and 2.1.2 as RFC 9162 2.1.3.2 and 2.1.4.2 verify them.
[[nodiscard]] bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf,
                                    std::span<const Digest> proof, const Digest& root);
[[nodiscard]] bool verify_consistency(std::uint64_t old_size, std::uint64_t new_size, std::span<const Digest> proof,
                                      const Digest& old_root, const Digest& new_root);

}  // namespace tidemark::events
