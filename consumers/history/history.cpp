#include "consumers/history/history.hpp"

#include <algorithm>

namespace tidemark::consumers {
namespace {

// The index writes versions in 32 bits.
constexpr events::Version last_version = 0xffff'fffe;

std::string name_of(const events::StreamName& stream) {
    return stream.tenant + "/" + stream.kind + "/" + stream.id;
}

std::string place_of(events::Position position) {
    return "record " + std::to_string(position.sequence) + " of partition " + std::to_string(position.partition);
}

bool is_of(const events::RecordHeader& header, const events::StreamName& stream) {
    return header.tenant == stream.tenant && header.stream_kind == stream.kind && header.stream_id == stream.id;
}

// recorded_at never goes back within a partition, so that the first event behind the moment ends the fold;
// occurred_at does, and every event is asked.
enum class Belongs : std::uint8_t { yes, no, none_from_here };

Belongs belongs(const events::RecordHeader& header, const AsOf& as_of) {
    if (as_of.recorded_at && header.recorded_at > *as_of.recorded_at) return Belongs::none_from_here;
    if (as_of.occurred_at && header.occurred_at > *as_of.occurred_at) return Belongs::no;
    return Belongs::yes;
}

}  // namespace

History::History(Log& log, DerivedStores& derived, std::size_t cache_bytes)
    : log_(log), derived_(derived), cache_(cache_bytes) {}

std::expected<std::optional<PastState>, std::string> History::state(const events::StreamName& stream,
                                                                    const AsOf& as_of) {
    const aggregates::AggregateType* type = aggregates::find_kind(stream.kind);
    if (type == nullptr) return std::unexpected("no such kind of stream is known: " + stream.kind);
    const events::Version last = std::min(as_of.version.value_or(last_version), last_version);
    if (last == 0) return std::nullopt;

    // The snapshot before the index: what the index knows then is never older than the snapshot, but for one
    // that was handed over just now, which is left aside.
    PastState from{.version = 0, .position = {}, .state = type->make()};
    const auto snapshot = derived_.snapshot(events::stream_key(stream.tenant, stream.kind, stream.id));
    if (snapshot && snapshot->fold_version == type->fold_version && snapshot->version <= last) {
        const auto usable = known_by(stream, snapshot->version, as_of);
        if (!usable) return std::unexpected(usable.error());
        // One that does not parse is only a lost cache: the events tell the same.
        if (*usable && from.state->restore(snapshot->state)) {
            from.version = snapshot->version;
        } else {
            from.state = type->make();
        }
    }
    Trail found = trail(stream, std::max<events::Version>(from.version, 1), last);
    if (from.version > 0 && found.sequences.empty()) {
        from = {.version = 0, .position = {}, .state = type->make()};
        found = trail(stream, 1, last);
    }
    if (as_of.version && found.first + found.sequences.size() <= *as_of.version) return std::nullopt;
    return fold(found, as_of, std::move(from));
}

// Whether an event, and with it everything before it in its stream, belongs to the moment that is asked for.
std::expected<bool, std::string> History::known_by(const events::StreamName& stream, events::Version version,
                                                   const AsOf& as_of) {
    if (as_of.occurred_at) return false;
    if (!as_of.recorded_at) return true;
    const Trail one = trail(stream, version, version);
    if (one.sequences.empty()) return false;
    const auto record = step(one, 0);
    if (!record) return std::unexpected(record.error());
    return record->view.header.recorded_at <= *as_of.recorded_at;
}

std::expected<std::optional<PastState>, std::string> History::fold(const Trail& trail, const AsOf& as_of,
                                                                   PastState from) {
    PastState past = std::move(from);
    for (std::size_t i = 0; i < trail.sequences.size(); ++i) {
        const events::Position position{trail.partition, trail.sequences[i]};
        const events::Version version = trail.first + i;
        if (version <= past.version) {  // the snapshot's own event: folded already, and its place is known now
            past.position = position;
            continue;
        }
        const auto record = step(trail, i);
        if (!record) return std::unexpected(record.error());
        const Belongs belongs_here = belongs(record->view.header, as_of);
        if (belongs_here == Belongs::none_from_here) break;
        if (belongs_here == Belongs::no) continue;
        if (auto folded = past.state->evolve(record->view); !folded) return std::unexpected(folded.error().what);
        past.version = version;
        past.position = position;
    }
    if (past.version == 0) return std::nullopt;
    return past;
}

std::expected<std::vector<StoredRecord>, std::string> History::events(const events::StreamName& stream,
                                                                      events::Version first, std::size_t limit) {
    std::vector<StoredRecord> records;
    if (limit == 0) return records;
    first = std::max<events::Version>(first, 1);
    if (first > last_version) return records;
    const events::Version last = limit - 1 > last_version - first ? last_version : first + (limit - 1);
    const Trail found = trail(stream, first, last);
    records.reserve(found.sequences.size());
    for (std::size_t i = 0; i < found.sequences.size(); ++i) {
        auto record = step(found, i);
        if (!record) return std::unexpected(record.error());
        records.push_back(std::move(*record));
    }
    return records;
}

std::expected<std::optional<StoredRecord>, std::string> History::record(events::Position position) {
    if (position.partition >= log_.identity().partitions) return std::nullopt;
    events::BlockPtr block = cache_.find(position);
    if (!block) {
        const auto blocks = log_.read(position.partition, position.sequence, 1);
        if (!blocks) return std::unexpected(blocks.error());
        for (const events::BlockPtr& read : *blocks) {
            if (read->header().first_sequence <= position.sequence && position.sequence < read->next_sequence()) {
                block = read;
            }
        }
        if (!block) return std::nullopt;
        cache_.add(block);
    }
    const auto record = events::decode_record(block->record(position.sequence - block->header().first_sequence));
    if (!record) return std::unexpected(place_of(position) + ": " + record.error().what);
    return StoredRecord{.view = *record, .block = std::move(block)};
}

History::Trail History::trail(const events::StreamName& stream, events::Version first, events::Version last) const {
    const events::Key128 key = events::stream_key(stream.tenant, stream.kind, stream.id);
    const auto partition = events::partition_of(stream.tenant, stream.kind, stream.id, log_.identity().partitions);
    return {.stream = &stream, .partition = partition, .first = first, .sequences = derived_.stream(key, first, last)};
}

// Reads one event of a trail and holds the index to it: who finds a record by a key compares the names.
std::expected<StoredRecord, std::string> History::step(const Trail& trail, std::size_t index) {
    const events::Position position{trail.partition, trail.sequences[index]};
    auto found = record(position);
    if (!found) return std::unexpected(found.error());
    const events::Version version = trail.first + index;
    const auto astray = [&](const std::string& what) {
        return std::unexpected("the stream index says that version " + std::to_string(version) + " of " +
                               name_of(*trail.stream) + " is " + place_of(position) + ", and " + what +
                               ": run `tidemark check`");
    };
    if (!*found) return astray("the log ends before it");
    const events::RecordHeader& header = (*found)->view.header;
    if (!is_of(header, *trail.stream)) return astray("that is of another stream");
    if (header.kind != events::RecordKind::event) return astray("that is no event");
    if (header.version != version) return astray("that is version " + std::to_string(header.version));
    return std::move(**found);
}

}  // namespace tidemark::consumers
