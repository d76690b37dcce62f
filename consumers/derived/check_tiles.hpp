// Holds the stored Merkle tiles of one partition to hashes computed anew from its records.
#pragma once

#include "consumers/derived/check_faults.hpp"
#include "consumers/derived/merkle_tiles.hpp"

#include <map>

namespace tidemark::consumers {

class TileCheck {
public:
    // `followed`: leaves that the derived stores have followed; what is stored beyond may be there or not.
    TileCheck(const KvSnapshot& store, events::Partition partition, std::uint64_t followed, Faults& faults)
        : store_(store), partition_(partition), followed_(followed), faults_(faults), tiles_(partition) {}

    void append(const events::Digest& leaf);
    void finish();

private:
    void take_tiles();
    void check(std::string_view key, std::string_view expected);

    const KvSnapshot& store_;
    events::Partition partition_;
    std::uint64_t followed_;
    Faults& faults_;
    MerkleTiles tiles_;
    std::map<std::string, std::string> open_;  // tiles that are not full yet, as they last stood
    std::uint64_t found_ = 0;
};

}  // namespace tidemark::consumers
