#include "events/merkle.hpp"

#include <bit>
#include <stdexcept>
#include <string>

namespace tidemark::events {

void MerkleEdge::append(const Digest& leaf) {
    // Every low bit set in the size is a perfect subtree that the new one completes.
    Digest subtree = leaf;
    for (std::uint64_t rest = size_; rest & 1; rest >>= 1) {
        subtree = node_hash(peaks_.back(), subtree);
        peaks_.pop_back();
    }
    peaks_.push_back(subtree);
    ++size_;
}

Digest MerkleEdge::root() const {
    if (peaks_.empty()) return sha256("");
    Digest root = peaks_.back();
    for (std::size_t i = peaks_.size() - 1; i-- > 0;) root = node_hash(peaks_[i], root);
    return root;
}

MerkleEdge MerkleEdge::from(std::uint64_t size, std::vector<Digest> peaks) {
    if (static_cast<std::size_t>(std::popcount(size)) != peaks.size()) {
        throw std::invalid_argument("Merkle edge: a tree of " + std::to_string(size) + " leaves has " +
                                    std::to_string(std::popcount(size)) + " peaks, not " +
                                    std::to_string(peaks.size()));
    }
    MerkleEdge edge;
    edge.size_ = size;
    edge.peaks_ = std::move(peaks);
    return edge;
}

bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf, std::span<const Digest> proof,
                      const Digest& root) {
    if (index >= size) return false;
    std::uint64_t node = index;
    std::uint64_t last = size - 1;
    Digest hash = leaf;
    for (const Digest& sibling : proof) {
        if (last == 0) return false;
        if ((node & 1) || node == last) {
            hash = node_hash(sibling, hash);
            while (!(node & 1) && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && hash == root;
}

bool verify_consistency(std::uint64_t old_size, std::uint64_t new_size, std::span<const Digest> proof,
                        const Digest& old_root, const Digest& new_root) {
    if (old_size == 0 || old_size > new_size) return false;  // that something continues the empty tree proves nothing
    if (old_size == new_size) return proof.empty() && old_root == new_root;
    if (proof.empty()) return false;

    std::uint64_t node = old_size - 1;
    std::uint64_t last = new_size - 1;
    while (node & 1) {
        node >>= 1;
        last >>= 1;
    }
    // A perfect old tree is the first node itself, and is left out of the proof.
    const bool perfect = std::has_single_bit(old_size);
    Digest old_hash = perfect ? old_root : proof.front();
    Digest new_hash = old_hash;
    for (const Digest& sibling : proof.subspan(perfect ? 0 : 1)) {
        if (last == 0) return false;
        if ((node & 1) || node == last) {
            old_hash = node_hash(sibling, old_hash);
            new_hash = node_hash(sibling, new_hash);
            while (!(node & 1) && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && old_hash == old_root && new_hash == new_root;
}

}  // namespace tidemark::events
