#include "consumers/derived/generation.hpp"

#include "events/wire.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tidemark::consumers {

namespace wire = events::wire;

namespace {

void put_u32_be(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

constexpr std::uint32_t first_of_stream = 0xffff'ffff;
constexpr std::size_t node_bytes = 96;       // of a hash table's node and its string or pointer
constexpr std::size_t typical_sequence = 4;  // bytes
constexpr std::size_t fact_bytes = 100;      // of a reference's texts, about

// Orders keys as their bytes are ordered, by two comparisons of integers.
std::pair<std::uint64_t, std::uint64_t> order_of(const events::Key128& key) {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, key.bytes.data(), sizeof high);
    std::memcpy(&low, key.bytes.data() + sizeof high, sizeof low);
    static_assert(std::endian::native == std::endian::little);
    return {__builtin_bswap64(high), __builtin_bswap64(low)};
}

KvRun sorted(Table table, std::vector<std::pair<std::string, std::string>> rows) {
    std::ranges::sort(rows, {}, &std::pair<std::string, std::string>::first);
    KvRun run(table);
    for (const auto& [key, value] : rows) run.add(key, value);
    return run;
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

void Generation::add(const FollowedRows& rows) {
    for (IndexRow row : rows.index) {
        const auto [last, fresh] = last_of_stream_.try_emplace(row.stream, index_.size());
        row.before = fresh ? first_of_stream : static_cast<std::uint32_t>(last);
        last = index_.size();
        index_.push_back(row);
    }
    // The first record wins: a key never moves, even should two commands share 128 bits.
    for (const auto& [command, sequence] : rows.outcomes) outcomes_.try_emplace(command, sequence);
    for (const auto& [stream, reference] : rows.references) references_[stream] = reference;
}

void Generation::add_snapshot(const events::Key128& stream, SnapshotRow row) {
    SnapshotRow& held = snapshots_[stream];
    state_bytes_ += row.state.size() - held.state.size();
    held = std::move(row);
}

std::optional<events::Sequence> Generation::outcome(const events::Key128& command) const {
    const KeyTable::Value found = outcomes_.find(command);
    return found == KeyTable::none ? std::nullopt : std::optional<events::Sequence>(found);
}

void Generation::stream(const events::Key128& stream,
                        std::vector<std::pair<events::Version, events::Sequence>>& into) const {
    KeyTable::Value at = last_of_stream_.find(stream);
    if (at == KeyTable::none) return;
    const auto begin = static_cast<std::ptrdiff_t>(into.size());
    for (; at != first_of_stream; at = index_[at].before) into.emplace_back(index_[at].version, index_[at].sequence);
    std::reverse(into.begin() + begin, into.end());
}

const SnapshotRow* Generation::snapshot(const events::Key128& stream) const {
    const auto it = snapshots_.find(stream);
    return it == snapshots_.end() ? nullptr : &it->second;
}

std::shared_ptr<const v1::Reference> Generation::reference(const events::Key128& stream) const {
    const auto it = references_.find(stream);
    return it == references_.end() ? nullptr : it->second;
}

std::size_t Generation::bytes() const {
    constexpr std::size_t table_entry = 48;  // half of the slots are free
    return index_.size() * sizeof(IndexRow) + (last_of_stream_.size() + outcomes_.size()) * table_entry + state_bytes_ +
           snapshots_.size() * node_bytes + references_.size() * (node_bytes + sizeof(v1::Reference) + fact_bytes);
}

KvRun Generation::index_run() const {
    std::vector<IndexRow> rows = index_;
    std::ranges::sort(rows, {}, [](const IndexRow& row) { return std::pair(order_of(row.stream), row.version); });
    KvRun run(DerivedTable::streams);
    run.reserve(rows.size(), rows.size() * (stream_row_key({}, 0).size() + typical_sequence));
    std::string key;
    for (const IndexRow& row : rows) {
        key.assign(row.stream.view());
        put_u32_be(key, row.version);
        run.add(key, encode_sequence(row.sequence));
    }
    return run;
}

KvRun Generation::outcomes_run() const {
    std::vector<std::pair<events::Key128, events::Sequence>> rows;
    rows.reserve(outcomes_.size());
    outcomes_.for_each([&](const events::Key128& key, events::Sequence first) { rows.emplace_back(key, first); });
    std::ranges::sort(rows, {}, [](const auto& row) { return order_of(row.first); });
    KvRun run(DerivedTable::outcomes);
    run.reserve(rows.size(), rows.size() * (sizeof(events::Key128) + typical_sequence));
    for (const auto& [command, sequence] : rows) run.add(command.view(), encode_sequence(sequence));
    return run;
}

std::vector<KvRun> Generation::runs() const {
    using Rows = std::vector<std::pair<std::string, std::string>>;
    Rows states;
    for (const auto& [stream, row] : snapshots_) states.emplace_back(stream.view(), encode_snapshot(row));
    Rows facts;
    for (const auto& [stream, reference] : references_) {
        facts.emplace_back(stream.view(), reference->SerializeAsString());
    }
    std::vector<KvRun> all{index_run(), outcomes_run(), sorted(DerivedTable::snapshots, std::move(states)),
                           sorted(DerivedTable::references, std::move(facts)), sorted(DerivedTable::merkle, tiles)};
    std::erase_if(all, [](const KvRun& run) { return run.empty(); });
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
