#include "consumers/command_processor/partition_writer.hpp"

#include "events/event.hpp"

#include <algorithm>

namespace tidemark::consumers {
namespace {

// What a smaller body gains is not worth setting up the compressor for; the embedded log's database compresses such
// blocks together.
constexpr std::size_t worth_compressing = 4096;

}  // namespace

void PartitionWriter::reset(Log::End end, events::Micros last_recorded_at) {
    tip_ = end.tip;
    edge_ = std::move(end.edge);
    open_.truncate(0);
    closed_.truncate(0);
    open_first_ = tip_.next_sequence;
    last_recorded_at_ = last_recorded_at;
}

PartitionWriter::Written PartitionWriter::append(const v1::Command& command, std::string_view kind,
                                                 const events::Digest& body, events::Version version,
                                                 std::span<const Draft> drafts, events::Micros now) {
    last_recorded_at_ = std::max(last_recorded_at_, now);
    const Written written{next_sequence(), last_recorded_at_};
    events::RecordHeader header;
    header.partition = partition_;
    header.schema_version = events::schema_version_of(kind);
    header.count = static_cast<std::uint16_t>(drafts.size());
    header.occurred_at = command.occurred_at();
    header.recorded_at = last_recorded_at_;
    header.body_digest = body;
    header.tenant = command.tenant();
    header.stream_kind = kind;
    header.stream_id = command.stream_id();
    header.command_id = command.command_id();
    header.correlation_id = command.correlation_id();
    header.causation_id = command.causation_id();
    header.actor = command.actor();
    header.on_behalf_of = command.on_behalf_of();
    header.reason = command.reason();
    for (const Draft& draft : drafts) {
        header.kind = draft.kind;
        header.type = draft.type;
        header.sequence = next_sequence();
        header.version = draft.kind == events::RecordKind::event ? ++version : version;
        header.event_id = events::event_uuid(owner_.log.id, {partition_, header.sequence}, header.recorded_at);
        (void)open_.add(header, draft.payload);
        ++header.index;
    }
    return written;
}

void PartitionWriter::close() {
    open_first_ += open_.count();
    std::swap(open_, closed_);
}

events::BlockPtr PartitionWriter::seal() {
    return seal_as(tip_.owner_epoch);
}

events::BlockPtr PartitionWriter::seal_barrier() {
    return seal_as(tip_.owner_epoch + 1);
}

events::BlockPtr PartitionWriter::seal_as(std::uint64_t epoch) {
    for (const events::Digest& leaf : closed_.leaf_hashes()) edge_.append(leaf);
    events::BlockHeader header;
    header.log_id = owner_.log.id;
    header.incarnation = owner_.log.incarnation;
    header.partition = partition_;
    header.number = tip_.next_number;
    header.first_sequence = tip_.next_sequence;
    header.owner_epoch = epoch;
    header.owner = owner_.id;
    header.tree_size = edge_.size();
    header.root = edge_.root();
    header.previous = tip_.digest;
    header.compression =
        owner_.compress && closed_.bytes() >= worth_compressing ? events::Compression::zstd : events::Compression::none;
    events::BlockPtr block = closed_.seal(std::move(header));
    tip_ = {block->header().number + 1, block->next_sequence(), epoch, owner_.id, block->digest()};
    return block;
}

}  // namespace tidemark::consumers
