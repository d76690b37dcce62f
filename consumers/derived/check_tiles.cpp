#include "consumers/derived/check_tiles.hpp"

#include "consumers/derived/check_rows.hpp"
#include "consumers/derived/derived_stores.hpp"

#include <algorithm>

namespace tidemark::consumers {
namespace {

constexpr std::size_t hash_bytes = sizeof(events::Digest);
constexpr std::uint64_t take_every = 16 * tile_width;

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

std::string tiles_of(events::Partition partition) {
    return tile_key(partition, 0, 0).substr(0, 4);
}

}  // namespace

void TileCheck::append(const events::Digest& leaf) {
    tiles_.append(leaf);
    if (tiles_.size() % take_every == 0) take_tiles();
}

// A full tile never changes again and is compared at once; an open one waits for what it becomes.
void TileCheck::take_tiles() {
    for (auto& [key, hashes] : tiles_.take_rows()) {
        if (hashes.size() == tile_width * hash_bytes) {
            check(key, hashes);
            open_.erase(key);
        } else {
            open_[key] = std::move(hashes);
        }
    }
}

void TileCheck::finish() {
    take_tiles();
    for (const auto& [key, hashes] : open_) check(key, hashes);
    std::uint64_t rows = 0;
    const std::string prefix = tiles_of(partition_);
    const auto scanned =
        store_.scan(DerivedTable::merkle, prefix, after_prefix(prefix), [&](std::string_view, std::string_view) {
            ++rows;
            return true;
        });
    if (!scanned) return faults_.add("table merkle: " + scanned.error().what);
    if (rows != found_) {
        faults_.add("partition " + std::to_string(partition_) + " has " + std::to_string(rows) +
                    " Merkle tiles stored, and its records make " + std::to_string(found_) + " of them");
    }
}

// `expected` is the tile as of the log's end. What is stored may stand at any size from what was followed to there.
void TileCheck::check(std::string_view key, std::string_view expected) {
    const auto level = static_cast<unsigned char>(key[4]);
    const std::uint64_t tile = big_endian(key.substr(5));
    std::uint64_t nodes = followed_;
    for (unsigned i = 0; i < level; ++i) nodes /= tile_width;
    const std::uint64_t before = tile * tile_width;
    const std::uint64_t required = nodes <= before ? 0 : std::min<std::uint64_t>(nodes - before, tile_width);

    const auto where = [&] {
        return "Merkle tile " + std::to_string(tile) + " of level " + std::to_string(level) + " of partition " +
               std::to_string(partition_);
    };
    const auto stored = get_row(store_, DerivedTable::merkle, key, faults_);
    if (!stored) {
        if (required > 0) faults_.add(where() + " is missing");
        return;
    }
    ++found_;
    if (stored->size() % hash_bytes != 0 || stored->size() < required * hash_bytes) {
        faults_.add(where() + " has " + std::to_string(stored->size()) + " bytes, and " + std::to_string(required) +
                    " hashes should be there");
    } else if (!expected.starts_with(*stored)) {
        faults_.add(where() + " differs from the hashes of the records");
    }
}

}  // namespace tidemark::consumers
