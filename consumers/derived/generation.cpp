#include "consumers/derived/generation.hpp"

#include "events/wire.hpp"

#include <algorithm>

namespace tidemark::consumers {

namespace wire = events::wire;

namespace {

void put_u32_be(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

void sort_rows(KvRun& run) {
    std::sort(run.rows.begin(), run.rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

}  // namespace

std::string Place::encode() const {
    std::string out;
    wire::put(out, next_sequence);
    wire::put(out, next_number);
    wire::put(out, owner_epoch);
    wire::put(out, owner.bytes);
    wire::put(out, digest);
    return out;
}

std::optional<Place> Place::decode(std::string_view bytes) {
    wire::Reader reader(bytes);
    Place place;
    place.next_sequence = reader.get<events::Sequence>();
    place.next_number = reader.get<std::uint64_t>();
    place.owner_epoch = reader.get<std::uint64_t>();
    reader.get(place.owner.bytes);
    reader.get(place.digest);
    return reader.ok() && reader.left() == 0 ? std::optional(place) : std::nullopt;
}

void Generation::add_event(const events::Key128& stream, events::Version version, events::Sequence sequence) {
    streams[stream].emplace_back(version, sequence);
    ++entries;
}

void Generation::add_outcome(const events::Key128& command, events::Sequence first) {
    // The first record wins: a key never moves, even should two commands share 128 bits.
    if (outcomes.try_emplace(command, first).second) ++entries;
}

void Generation::add_snapshot(const events::Key128& stream, SnapshotRow row) {
    snapshots[stream] = std::move(row);
    ++entries;
}

void Generation::add_reference(const events::Key128& stream, std::shared_ptr<const v1::Reference> reference) {
    references[stream] = std::move(reference);
    ++entries;
}

std::vector<KvRun> Generation::runs() const {
    std::vector<KvRun> all;
    KvRun index{DerivedTable::streams, {}};
    for (const auto& [stream, places] : streams) {
        for (const auto& [version, sequence] : places) {
            index.rows.emplace_back(stream_row_key(stream, version), encode_sequence(sequence));
        }
    }
    KvRun commands{DerivedTable::outcomes, {}};
    for (const auto& [command, sequence] : outcomes) {
        commands.rows.emplace_back(std::string(command.view()), encode_sequence(sequence));
    }
    KvRun states{DerivedTable::snapshots, {}};
    for (const auto& [stream, row] : snapshots)
        states.rows.emplace_back(std::string(stream.view()), encode_snapshot(row));
    KvRun facts{DerivedTable::references, {}};
    for (const auto& [stream, reference] : references) {
        facts.rows.emplace_back(std::string(stream.view()), reference->SerializeAsString());
    }
    KvRun merkle{DerivedTable::merkle, tiles};
    for (KvRun* run : {&index, &commands, &states, &facts, &merkle}) {
        if (run->rows.empty()) continue;
        sort_rows(*run);
        all.push_back(std::move(*run));
    }
    return all;
}

std::string stream_row_key(const events::Key128& stream, events::Version version) {
    std::string key(stream.view());
    put_u32_be(key, static_cast<std::uint32_t>(version));
    return key;
}

std::string encode_sequence(events::Sequence sequence) {
    std::string out;
    while (sequence >= 0x80) {
        out.push_back(static_cast<char>(sequence | 0x80));
        sequence >>= 7;
    }
    out.push_back(static_cast<char>(sequence));
    return out;
}

std::optional<events::Sequence> decode_sequence(std::string_view bytes) {
    events::Sequence sequence = 0;
    unsigned shift = 0;
    for (std::size_t i = 0; i < bytes.size() && shift < 64; ++i, shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        sequence |= static_cast<events::Sequence>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return i + 1 == bytes.size() ? std::optional(sequence) : std::nullopt;
    }
    return std::nullopt;
}

std::string encode_snapshot(const SnapshotRow& row) {
    std::string out;
    wire::put(out, row.version);
    wire::put(out, row.fold_version);
    out += row.state;
    return out;
}

std::optional<SnapshotRow> decode_snapshot(std::string_view bytes) {
    wire::Reader reader(bytes);
    SnapshotRow row;
    row.version = reader.get<events::Version>();
    row.fold_version = reader.get<std::uint32_t>();
    if (!reader.ok()) return std::nullopt;
    row.state = reader.text(reader.left());
    return row;
}

std::string place_key(events::Partition partition) {
    std::string key = "followed/";
    put_u32_be(key, partition);
    return key;
}

}  // namespace tidemark::consumers
