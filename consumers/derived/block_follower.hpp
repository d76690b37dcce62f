// Turns the blocks of one partition into derived rows: what a block adds to the stream index, the
// outcomes, the references and the Merkle tiles. One thread; the same for catching up and following.
#pragma once

#include "consumers/derived/generation.hpp"
#include "consumers/derived/merkle_tiles.hpp"
#include "events/chain.hpp"

#include <functional>

namespace tidemark::consumers {

// The reference as it stands before the event; nullptr: none yet.
using FindReference = std::function<std::shared_ptr<const v1::Reference>(const events::Key128& stream)>;

class BlockFollower {
public:
    BlockFollower(const events::Uuid& log_id, events::Partition partition, Place place);

    // Reads the open Merkle tiles, and holds them and the place to the block of the log that was followed last.
    [[nodiscard]] std::expected<void, std::string> load(KvStore& store, Log& log);

    // Folds a block that counts into `into`; one that was folded before (its number is behind the place) is passed
    // over.
    [[nodiscard]] std::expected<void, std::string> follow(const events::Block& block, const FindReference& find,
                                                          FollowedRows& into);
    [[nodiscard]] Place place() const;
    [[nodiscard]] MerkleTiles& tiles() { return tiles_; }

private:
    [[nodiscard]] std::expected<void, std::string> follow_record(const events::RecordView& record,
                                                                 const FindReference& find, FollowedRows& into);

    events::Partition partition_;
    events::ChainFold chain_;  // of headers: the roots are held to the tiles
    MerkleTiles tiles_;
};

}  // namespace tidemark::consumers
