#include "consumers/derived/generation.hpp"

#include <algorithm>
#include <cstring>

namespace tidemark::consumers {
namespace {

void put_u32_be(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

void put_u64_le(std::string& out, std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

void put_u32_le(std::string& out, std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

std::uint64_t get_le(std::string_view bytes, std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    }
    return value;
}

void sort_rows(KvRun& run) {
    std::sort(run.rows.begin(), run.rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

}  // namespace

std::string Place::encode() const {
    std::string out;
    put_u64_le(out, next_sequence);
    put_u64_le(out, next_number);
    put_u64_le(out, owner_epoch);
    out.append(owner.bytes.begin(), owner.bytes.end());
    out.append(digest.begin(), digest.end());
    return out;
}

std::optional<Place> Place::decode(std::string_view bytes) {
    Place place;
    if (bytes.size() != 24 + place.owner.bytes.size() + place.digest.size()) return std::nullopt;
    place.next_sequence = get_le(bytes, 0, 8);
    place.next_number = get_le(bytes, 8, 8);
    place.owner_epoch = get_le(bytes, 16, 8);
    std::memcpy(place.owner.bytes.data(), bytes.data() + 24, place.owner.bytes.size());
    std::memcpy(place.digest.data(), bytes.data() + 24 + place.owner.bytes.size(), place.digest.size());
    return place;
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
    put_u64_le(out, row.version);
    put_u32_le(out, row.fold_version);
    out += row.state;
    return out;
}

std::optional<SnapshotRow> decode_snapshot(std::string_view bytes) {
    if (bytes.size() < 12) return std::nullopt;
    return SnapshotRow{get_le(bytes, 0, 8), static_cast<std::uint32_t>(get_le(bytes, 8, 4)),
                       std::string(bytes.substr(12))};
}

std::string place_key(events::Partition partition) {
    std::string key = "followed/";
    put_u32_be(key, partition);
    return key;
}

}  // namespace tidemark::consumers
