#include "consumers/derived/merkle_tiles.hpp"

#include <cstring>
#include <optional>

namespace tidemark::consumers {
namespace {

std::string bytes_of(const std::vector<events::Digest>& hashes) {
    std::string out;
    out.reserve(hashes.size() * sizeof(events::Digest));
    for (const events::Digest& hash : hashes) out.append(hash.begin(), hash.end());
    return out;
}

}  // namespace

std::string tile_key(events::Partition partition, std::uint8_t level, std::uint64_t tile) {
    std::string key;
    for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>((partition >> shift) & 0xff));
    key.push_back(static_cast<char>(level));
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>((tile >> shift) & 0xff));
    return key;
}

void MerkleTiles::append(const events::Digest& leaf) {
    ++size_;
    push(0, leaf);
}

void MerkleTiles::push(std::size_t level, const events::Digest& hash) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    levels_[level].hashes.push_back(hash);
    levels_[level].edge.append(hash);
    levels_[level].grown = true;
    if (levels_[level].hashes.size() < tile_width) return;
    Level& full = levels_[level];
    full_.emplace_back(tile_key(partition_, static_cast<std::uint8_t>(level), full.tile), bytes_of(full.hashes));
    const events::Digest root = full.edge.root();
    full.hashes.clear();
    full.edge = {};
    full.grown = false;
    ++full.tile;
    push(level + 1, root);  // may move levels_
}

// The peaks of the tree are those of the open tiles, the highest level's first; folded from the last to the first.
events::Digest MerkleTiles::root() const {
    std::optional<events::Digest> root;
    for (const Level& level : levels_) {
        for (std::size_t i = level.edge.peaks().size(); i-- > 0;) {
            root = root ? events::node_hash(level.edge.peaks()[i], *root) : level.edge.peaks()[i];
        }
    }
    return root ? *root : events::MerkleEdge().root();
}

std::vector<std::pair<std::string, std::string>> MerkleTiles::take_rows() {
    auto rows = std::move(full_);
    full_.clear();
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        Level& open = levels_[level];
        if (!open.grown) continue;
        rows.emplace_back(tile_key(partition_, static_cast<std::uint8_t>(level), open.tile), bytes_of(open.hashes));
        open.grown = false;
    }
    return rows;
}

std::expected<void, std::string> MerkleTiles::load(KvStore& store, Table table, std::uint64_t size) {
    size_ = size;
    levels_.clear();
    full_.clear();
    std::size_t level = 0;
    for (std::uint64_t nodes = size; nodes > 0; nodes /= tile_width, ++level) {
        levels_.push_back({nodes / tile_width, {}, {}, false});
        const std::size_t open = nodes % tile_width;
        if (open == 0) continue;
        auto row = store.get(table, tile_key(partition_, static_cast<std::uint8_t>(level), nodes / tile_width));
        if (!row) return std::unexpected(row.error().what);
        // The row may have been written for a larger tree than the place that was kept with it.
        if (!*row || (*row)->size() < open * sizeof(events::Digest)) {
            return std::unexpected(
                "Merkle tile " + std::to_string(nodes / tile_width) + " of level " + std::to_string(level) +
                " of partition " + std::to_string(partition_) +
                " is missing or short: make the derived stores again with `tidemark rebuild derived`");
        }
        for (std::size_t i = 0; i < open; ++i) {
            events::Digest hash;
            std::memcpy(hash.data(), (*row)->data() + i * sizeof(events::Digest), sizeof(events::Digest));
            levels_[level].hashes.push_back(hash);
            levels_[level].edge.append(hash);
        }
    }
    return {};
}

}  // namespace tidemark::consumers
