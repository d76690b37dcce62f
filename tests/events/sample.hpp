// Records and blocks to test with.
#pragma once

#include "events/block.hpp"
#include "events/chain.hpp"

#include <string>
#include <vector>

namespace tidemark::events::sample {

inline Uuid uuid(std::uint8_t seed) {
    Uuid uuid;
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) uuid.bytes[i] = static_cast<std::uint8_t>(seed + i);
    return uuid;
}

inline const Uuid log_id = uuid(0x10);

// Every field has a value of its own, so that a test finds two that are mixed up.
inline RecordHeader record_header(Sequence sequence = 7) {
    RecordHeader header;
    header.kind = RecordKind::event;
    header.type = 7;
    header.schema_version = 2;
    header.index = 1;
    header.count = 3;
    header.partition = 5;
    header.sequence = sequence;
    header.version = 12;
    header.occurred_at = 1'767'225'600'000'001;
    header.recorded_at = 1'767'225'600'000'002;
    header.event_id = uuid(0x40);
    header.body_digest = sha256("body");
    header.tenant = "default";
    header.stream_kind = "sale";
    header.stream_id = "sale-1";
    header.command_id = "command-1";
    header.correlation_id = "correlation-1";
    header.causation_id = "causation-1";
    header.actor = "ada";
    header.on_behalf_of = "grace";
    header.reason = "客户同意";
    header.key_id = "key-1";
    return header;
}

// What continues the chain of partition 5 at its tip.
inline BlockHeader next_header(const ChainFold& chain) {
    BlockHeader header;
    header.log_id = log_id;
    header.partition = 5;
    header.number = chain.tip().next_number;
    header.first_sequence = chain.tip().next_sequence;
    header.owner_epoch = 1;
    header.owner = uuid(0x80);
    header.previous = chain.tip().digest;
    return header;
}

// `header` completed for a block of `count` records.
inline BlockPtr block(BlockHeader header, MerkleEdge edge, std::size_t count) {
    BlockBuilder builder;
    for (std::size_t i = 0; i < count; ++i) {
        builder.add(record_header(header.first_sequence + i), "payload " + std::to_string(i));
        edge.append(builder.leaf_hashes().back());
    }
    header.tree_size = edge.size();
    header.root = edge.root();
    return builder.seal(header);
}

inline BlockPtr next_block(const ChainFold& chain, std::size_t count) {
    return block(next_header(chain), chain.edge(), count);
}

// As a reader finds it: without leaf hashes.
inline BlockPtr read_back(const BlockPtr& block) {
    return decode_block(std::string(block->stored())).value();
}

}  // namespace tidemark::events::sample
