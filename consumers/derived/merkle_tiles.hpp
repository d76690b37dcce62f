// The Merkle tree of one partition cut into tiles of 256 hashes (C2SP tlog-tiles: tile N of level L
// holds the nodes of height 8 L, from N * 256 on), so that any proof needs a few tiles only.
#pragma once

#include "consumers/store/kv_store.hpp"
#include "events/digest.hpp"
#include "events/ids.hpp"
#include "events/merkle.hpp"

#include <expected>
#include <string>
#include <vector>

namespace tidemark::consumers {

inline constexpr std::size_t tile_width = 256;

[[nodiscard]] std::string tile_key(events::Partition partition, std::uint8_t level, std::uint64_t tile);

// The growing right edge of the tiles: the open tile of each level. One thread.
class MerkleTiles {
public:
    explicit MerkleTiles(events::Partition partition) : partition_(partition) {}

    void append(const events::Digest& leaf);
    // Rows that are new or have grown since the last call: full tiles, and the open ones as they stand.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> take_rows();
    // Goes on where `size` leaves have been stored.
    [[nodiscard]] std::expected<void, std::string> load(KvStore& store, Table table, std::uint64_t size);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] events::Digest root() const;  // of all leaves so far

private:
    void push(std::size_t level, const events::Digest& hash);

    events::Partition partition_;
    std::uint64_t size_ = 0;
    struct Level {
        std::uint64_t tile = 0;  // number of the open tile
        std::vector<events::Digest> hashes;
        events::MerkleEdge edge;  // of the open tile's hashes
        bool grown = false;
    };
    std::vector<Level> levels_;
    std::vector<std::pair<std::string, std::string>> full_;
};

}  // namespace tidemark::consumers
