// A block: the records of one commit group of one partition, and the one unit that is appended to a
// log, in every mode. It names the block before it by digest, so a partition is a chain.
// docs/format.md gives the bytes.
#pragma once

#include "events/digest.hpp"
#include "events/ids.hpp"
#include "events/record.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::events {

inline constexpr std::size_t max_block_bytes = 512 * 1024;     // Kafka's default limit is 1 MiB
inline constexpr std::size_t max_decision_bytes = 256 * 1024;  // the records of one command

// Up to where an input (a commands topic's partition, a reaction's source) is decided.
struct InputPlace {
    std::string input;
    std::uint32_t partition = 0;
    std::uint64_t next = 0;
    bool operator==(const InputPlace&) const = default;
};

enum class Compression : std::uint8_t { none = 0, zstd = 1 };

struct BlockHeader {
    Uuid log_id;
    std::uint64_t incarnation = 0;  // a new one after every restore from a backup
    Partition partition = 0;
    std::uint64_t number = 0;  // of the block in its partition: 0, 1, 2 ...
    Sequence first_sequence = 0;
    std::uint32_t count = 0;  // of records; 0: a barrier
    std::uint64_t owner_epoch = 0;
    Uuid owner;
    std::vector<InputPlace> inputs;
    std::uint64_t tree_size = 0;  // after the block
    Digest root{};                // after the block
    Digest previous{};            // digest of the block before; of block 0: genesis_digest()
    Compression compression = Compression::none;
};

// What block 0 names as the one before it: bound to log and partition, so that partitions cannot be swapped.
[[nodiscard]] Digest genesis_digest(const Uuid& log_id, Partition partition);

// Immutable; may be read from any thread.
class Block {
public:
    [[nodiscard]] const BlockHeader& header() const { return header_; }
    [[nodiscard]] const Digest& digest() const { return digest_; }     // SHA-256 over the header's bytes
    [[nodiscard]] std::string_view stored() const { return stored_; }  // as appended
    [[nodiscard]] std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
    [[nodiscard]] std::string_view record(std::size_t index) const;  // canonical bytes
    [[nodiscard]] Sequence next_sequence() const { return header_.first_sequence + header_.count; }
    // Leaf hashes, one per record: known where the block was built, empty where it was read.
    [[nodiscard]] std::span<const Digest> leaf_hashes() const { return leaf_hashes_; }
    [[nodiscard]] std::size_t memory_bytes() const;

private:
    friend class BlockBuilder;
    friend std::expected<std::shared_ptr<const Block>, DecodeError> decode_block(std::string stored);
    BlockHeader header_;
    Digest digest_{};
    std::string stored_;
    std::string body_;  // records, uncompressed; empty when they lie uncompressed in stored_
    std::vector<std::uint32_t> offsets_;
    std::vector<Digest> leaf_hashes_;
};
using BlockPtr = std::shared_ptr<const Block>;

// Gathers records and seals them. One thread.
class BlockBuilder {
public:
    // Appends a record whose partition and sequence the caller has set; returns its bytes (valid until the next call).
    std::string_view add(const RecordHeader& header, std::string_view payload);
    [[nodiscard]] std::size_t count() const { return offsets_.size(); }
    [[nodiscard]] std::size_t bytes() const { return body_.size(); }
    [[nodiscard]] std::span<const Digest> leaf_hashes();  // hashes what has not been yet, as seal() does
    void truncate(std::size_t count);                     // forgets the records from `count` on
    // `header` comes with everything but count; the builder is empty afterwards.
    [[nodiscard]] BlockPtr seal(BlockHeader header);

private:
    std::string body_;
    std::vector<std::uint32_t> offsets_;
    std::vector<Digest> leaf_hashes_;
};

// Checks magic, format, sizes, checksum (CRC-32C) and the record frame; not the chain (events/chain.hpp).
[[nodiscard]] std::expected<BlockPtr, DecodeError> decode_block(std::string stored);

}  // namespace tidemark::events
