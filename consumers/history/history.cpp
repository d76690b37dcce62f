#include "consumers/history/history.hpp"

namespace tidemark::consumers {
namespace {

constexpr events::Version no_end = 0xffff'fffe;

bool is_after(const events::RecordHeader& header, const AsOf& as_of) {
    if (as_of.recorded_at) return header.recorded_at > *as_of.recorded_at;
    return as_of.version && header.version > *as_of.version;
}

}  // namespace

History::History(Log& log, DerivedStores& derived) : log_(log), derived_(derived) {}

std::expected<std::optional<StoredRecord>, std::string> History::record(events::Position position) {
    events::BlockPtr block = blocks_.find(position);
    if (!block) {
        const auto read = log_.read(position.partition, position.sequence, 1);
        if (!read) return std::unexpected(read.error());
        for (const events::BlockPtr& candidate : *read) {
            const bool holds = candidate->header().first_sequence <= position.sequence &&
                               position.sequence < candidate->next_sequence();
            if (holds) block = candidate;
        }
        if (!block) return std::nullopt;
        blocks_.add(block);
    }
    const auto view = events::decode_record(block->record(position.sequence - block->header().first_sequence));
    if (!view) return std::unexpected(view.error().what);
    return StoredRecord{*view, block};
}

std::expected<std::vector<StoredRecord>, std::string> History::events(const events::StreamName& stream,
                                                                      events::Version first, std::size_t limit) {
    const events::Partition partition =
        events::partition_of(stream.tenant, stream.kind, stream.id, log_.identity().partitions);
    const events::Version last = limit >= no_end - first ? no_end : first + limit - 1;
    std::vector<StoredRecord> records;
    for (const events::Sequence sequence :
         derived_.stream(events::stream_key(stream.tenant, stream.kind, stream.id), first, last)) {
        auto found = record({partition, sequence});
        if (!found) return std::unexpected(found.error());
        if (!*found) {
            return std::unexpected("the stream index names record " + std::to_string(sequence) + " of partition " +
                                   std::to_string(partition) + " and the log ends before it");
        }
        const events::RecordHeader& header = (*found)->view.header;
        // Another stream whose name has the same 128 bits.
        if (header.stream_id != stream.id || header.stream_kind != stream.kind || header.tenant != stream.tenant)
            continue;
        records.push_back(std::move(**found));
    }
    return records;
}

std::expected<std::optional<PastState>, std::string> History::state(const events::StreamName& stream,
                                                                    const AsOf& as_of) {
    const aggregates::AggregateType* type = aggregates::find_kind(stream.kind);
    if (type == nullptr) return std::unexpected("there is no kind of aggregate named " + stream.kind);
    PastState past;
    past.state = type->make();
    past.position.partition = events::partition_of(stream.tenant, stream.kind, stream.id, log_.identity().partitions);

    // A snapshot does not tell when its events happened, so it serves for "now" and for "at version" only.
    if (!as_of.occurred_at && !as_of.recorded_at) {
        const auto snapshot = derived_.snapshot(events::stream_key(stream.tenant, stream.kind, stream.id));
        const bool usable = snapshot && snapshot->fold_version == type->fold_version &&
                            (!as_of.version || snapshot->version <= *as_of.version);
        if (usable) {
            if (!past.state->restore(snapshot->state)) {
                return std::unexpected("the snapshot of " + stream.kind + " " + stream.id +
                                       " does not parse: run `tidemark rebuild derived`");
            }
            past.version = snapshot->version;
        }
    }
    // The last event of the snapshot is read too: it says where the state stands in the log.
    const events::Version first = past.version == 0 ? 1 : past.version;
    const std::size_t limit = as_of.version ? *as_of.version - std::min(*as_of.version, first) + 1 : no_end;
    const auto tail = events(stream, first, limit);
    if (!tail) return std::unexpected(tail.error());
    for (const StoredRecord& stored : *tail) {
        const events::RecordHeader& header = stored.view.header;
        if (is_after(header, as_of)) break;
        if (as_of.occurred_at && header.occurred_at > *as_of.occurred_at) continue;
        past.position.sequence = header.sequence;
        if (header.version <= past.version) continue;
        if (auto folded = past.state->evolve(stored.view); !folded) return std::unexpected(folded.error().what);
        past.version = header.version;
    }
    if (past.version == 0) return std::nullopt;
    return past;
}

}  // namespace tidemark::consumers
