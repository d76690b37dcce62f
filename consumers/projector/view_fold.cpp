#include "consumers/projector/view_fold.hpp"

#include "consumers/projector/failures.hpp"

#include <cassert>
#include <new>

namespace tidemark::consumers {

namespace {

std::vector<Table> cached_tables(ColourTables tables) {
    tables.rows.push_back(tables.parked);
    return std::move(tables.rows);
}

// tenant, kind and id are free of NUL bytes (events::valid_id).
std::string stream_prefix(const events::StreamName& stream) {
    return stream.tenant + '\0' + stream.kind + '\0' + stream.id + '\0';
}

std::string parked_key(const events::StreamName& stream, events::Sequence sequence) {
    auto key = stream_prefix(stream);
    for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(sequence >> shift & 0xff);
    return key;
}

struct ParkedKey {
    events::StreamName stream;
    events::Sequence sequence = 0;
};

ParkedKey parse_parked_key(std::string_view key) {
    ParkedKey parsed;
    for (auto* part : {&parsed.stream.tenant, &parsed.stream.kind, &parsed.stream.id}) {
        const auto end = key.find('\0');
        if (end == std::string_view::npos) throw StoreFailed("a parked record has an unreadable key: rebuild the view");
        *part = key.substr(0, end);
        key.remove_prefix(end + 1);
    }
    for (const char byte : key) parsed.sequence = parsed.sequence << 8 | static_cast<unsigned char>(byte);
    return parsed;
}

events::StreamName name_of(const events::RecordHeader& header) {
    return {std::string(header.tenant), std::string(header.stream_kind), std::string(header.stream_id)};
}

std::expected<events::BlockPtr, std::string> block_with(Log& log, events::Position position) {
    auto blocks = log.read(position.partition, position.sequence, 1);
    if (!blocks) return std::unexpected(std::move(blocks.error()));
    for (auto& block : *blocks) {
        if (block->header().first_sequence <= position.sequence && position.sequence < block->next_sequence())
            return block;
    }
    return std::unexpected("the log lacks record " + std::to_string(position.sequence) + " of partition " +
                           std::to_string(position.partition));
}

}  // namespace

ViewFold::ViewFold(const Catalogue& catalogue, const projections::Projection& projection, ViewColour which,
                   const LogIdentity& log, std::uint32_t shard, OnPoison on_poison)
    : catalogue_(catalogue),
      projection_(projection),
      which_(which),
      log_(log),
      shard_(shard),
      on_poison_(on_poison),
      parked_table_(static_cast<std::uint32_t>(projection.tables.size())),
      cache_(catalogue.store(), cached_tables(catalogue.tables(which.view, which.colour)), shard,
             catalogue.places(which.view, which.colour, shard).places_size() == 0) {
    load_places();
    load_parked();
}

void ViewFold::rewind() {
    cache_.discard();
    dirty_ = false;
    load_places();
    load_parked();
}

void ViewFold::load_places() {
    places_.assign(log_.partitions, {});
    for (events::Partition p = 0; p < log_.partitions; ++p) places_[p].digest = events::genesis_digest(log_.id, p);
    const auto followed = catalogue_.places(which_.view, which_.colour, shard_);
    for (const auto& stored : followed.places()) {
        if (stored.partition() >= log_.partitions || stored.digest().size() != sizeof(events::Digest)) {
            throw LogRefused("view " + projection_.name +
                             " has followed a log of more partitions than this one: rebuild it");
        }
        auto& place = places_[stored.partition()];
        place.next_sequence = stored.next_sequence();
        place.next_block = stored.next_block();
        std::copy(stored.digest().begin(), stored.digest().end(), place.digest.begin());
    }
}

void ViewFold::load_parked() {
    parked_.clear();
    ++parked_version_;
    const auto first = shard_prefix(shard_);
    const auto scanned = catalogue_.store().snapshot()->scan(
        catalogue_.tables(which_.view, which_.colour).parked, first, after_prefix(first),
        [&](std::string_view key, std::string_view value) {
            auto [stream, sequence] = parse_parked_key(key.substr(first.size()));
            v1::ParkedRecord record;
            if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                throw StoreFailed("a parked record of view " + projection_.name + " cannot be read: rebuild the view");
            }
            auto& parked = parked_[std::move(stream)];
            if (parked.events++ == 0) {
                parked.first = {record.partition(), sequence};
                parked.why = record.why();
            }
            return true;
        });
    if (!scanned) throw StoreFailed(scanned.error().what);
}

void ViewFold::check_against(Log& log) const {
    for (events::Partition p = 0; p < log_.partitions; ++p) {
        const auto& place = places_[p];
        if (projections::shard_of(p) != shard_) continue;
        const auto tip = log.end(p).tip;
        if (tip.next_number < place.next_block) refuse(p, "the log has only " + std::to_string(tip.next_number));
        if (tip.next_number == place.next_block) {
            if (tip.digest != place.digest) refuse(p, "the log's last block is another one");
            continue;
        }
        const auto blocks = log.read(p, place.next_sequence, 1);
        if (!blocks) throw LogRefused(blocks.error());
        for (const auto& block : *blocks) (void)takes(*block);
    }
}

void ViewFold::refuse(events::Partition partition, std::string_view why) const {
    throw LogRefused("view " + projection_.name + " has followed " + std::to_string(places_[partition].next_block) +
                     " blocks of partition " + std::to_string(partition) +
                     " that this log does not continue: " + std::string(why) +
                     ". It was made from another log, or the log has lost its end: rebuild the view");
}

bool ViewFold::takes(const events::Block& block) const {
    const auto partition = block.header().partition;
    const auto& place = places_[partition];
    if (failure_ || block.header().number != place.next_block) return false;
    if (block.header().previous != place.digest) {
        refuse(partition, "block " + std::to_string(place.next_block) + " continues another one");
    }
    return true;
}

bool ViewFold::fold(const events::RecordHeader& header, const DecodedPayload& payload) {
    dirty_ = true;
    if (!parked_.empty()) {
        const auto found = parked_.find(name_of(header));
        if (found != parked_.end()) {
            park(header, found->second, {});
            return true;
        }
    }
    if (careful_until_) cache_.begin_event();
    const auto why = apply(header, payload);
    if (!why) {
        cache_.end_event();
        return true;
    }
    if (on_poison_ == OnPoison::fail) {
        rewind();
        failure_ = describe(header, *why);
        return false;
    }
    const events::Position position{header.partition, header.sequence};
    if (payload && !careful_until_) {
        rewind();
        careful_until_ = position;
        return false;
    }
    cache_.undo_event();
    park(header, parked_[name_of(header)], *why);
    return true;
}

// When something stands in the way, rows may be half changed.
std::optional<std::string> ViewFold::apply(const events::RecordHeader& header, const DecodedPayload& payload) {
    if (!payload) return payload.error().what;
    try {
        projection_.apply({header, *payload}, cache_);
        return std::nullopt;
    } catch (const StoreFailed&) {
        throw;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& defect) {
        return defect.what();
    }
}

void ViewFold::park(const events::RecordHeader& header, Parked& stream, std::string_view why) {
    const events::Position position{header.partition, header.sequence};
    if (stream.events++ == 0) {
        stream.first = position;
        stream.why = why;
    }
    put_parked(name_of(header), position, why);
    ++parked_version_;
}

void ViewFold::put_parked(const events::StreamName& stream, events::Position position, std::string_view why) {
    v1::ParkedRecord record;
    record.set_partition(position.partition);
    record.set_why(std::string(why));
    cache_.put(parked_table_, parked_key(stream, position.sequence), record.SerializeAsString());
}

void ViewFold::pass(const events::Block& block) {
    const auto partition = block.header().partition;
    assert(block.header().number == places_[partition].next_block);
    places_[partition] = {block.next_sequence(), block.header().number + 1, block.digest()};
    dirty_ = true;
    if (careful_until_ && careful_until_->partition == partition &&
        careful_until_->sequence < places_[partition].next_sequence) {
        careful_until_.reset();
    }
}

void ViewFold::write_to(KvBatch& batch) {
    if (!dirty_) return;
    cache_.write_to(batch);
    v1::FollowedPlaces places;
    for (events::Partition p = 0; p < log_.partitions; ++p) {
        if (projections::shard_of(p) != shard_ || places_[p].next_block == 0) continue;
        auto& place = *places.add_places();
        place.set_partition(p);
        place.set_next_sequence(places_[p].next_sequence);
        place.set_next_block(places_[p].next_block);
        place.set_digest(places_[p].digest.data(), places_[p].digest.size());
    }
    catalogue_.put_places(batch, which_.view, which_.colour, shard_, places);
}

void ViewFold::written() {
    cache_.written();
    dirty_ = false;
}

std::expected<void, std::string> ViewFold::retry(const events::StreamName& stream, Log& log) {
    assert(!dirty_);
    const auto found = parked_.find(stream);
    if (found == parked_.end()) return std::unexpected("nothing of this stream is parked in view " + projection_.name);
    auto& parked = found->second;
    events::BlockPtr block;
    for (const auto position : parked_records(stream)) {
        dirty_ = true;
        ++parked_version_;
        if (auto why = fold_again(position, block, log)) {
            parked.first = position;
            parked.why = *why;
            put_parked(stream, position, *why);
            return std::unexpected(std::move(*why));
        }
        cache_.erase(parked_table_, parked_key(stream, position.sequence));
        --parked.events;
    }
    parked_.erase(found);
    return {};
}

std::optional<std::string> ViewFold::fold_again(events::Position position, events::BlockPtr& block, Log& log) {
    if (!block || position.sequence >= block->next_sequence()) {
        auto read = block_with(log, position);
        if (!read) return std::move(read.error());
        block = std::move(*read);
    }
    const auto record = events::decode_record(block->record(position.sequence - block->header().first_sequence));
    if (!record) return record.error().what;
    cache_.begin_event();
    if (const auto why = apply(record->header, events::decode_payload(*record))) {
        cache_.undo_event();
        return describe(record->header, *why);
    }
    cache_.end_event();
    return std::nullopt;
}

std::vector<events::Position> ViewFold::parked_records(const events::StreamName& stream) const {
    std::vector<events::Position> positions;
    const auto first = shard_prefix(shard_) + stream_prefix(stream);
    const auto scanned = catalogue_.store().snapshot()->scan(
        catalogue_.tables(which_.view, which_.colour).parked, first, after_prefix(first),
        [&](std::string_view key, std::string_view value) {
            v1::ParkedRecord record;
            (void)record.ParseFromArray(value.data(), static_cast<int>(value.size()));
            positions.push_back({record.partition(), parse_parked_key(key.substr(1)).sequence});
            return true;
        });
    if (!scanned) throw StoreFailed(scanned.error().what);
    return positions;
}

std::vector<ParkedStream> ViewFold::parked() const {
    std::vector<ParkedStream> list;
    for (const auto& [stream, parked] : parked_) {
        list.push_back({projection_.name, stream, parked.first, parked.events, parked.why});
    }
    return list;
}

std::string ViewFold::describe(const events::RecordHeader& header, std::string_view why) const {
    auto event =
        std::string(header.kind == events::RecordKind::event ? events::event_name(header.stream_kind, header.type)
                                                             : "a record without event");
    return "view " + projection_.name + " cannot fold " + event + " at " + std::to_string(header.partition) + '.' +
           std::to_string(header.sequence) + " (" + std::string(header.stream_kind) + ' ' +
           std::string(header.stream_id) + " of tenant " + std::string(header.tenant) + "): " + std::string(why);
}

}  // namespace tidemark::consumers
