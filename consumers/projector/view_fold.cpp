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

void ViewFold::check_against(Log& log) const {
    for (events::Partition p = 0; p < log_.partitions; ++p) {
        const auto& place = places_[p];
        if (projections::shard_of(p) != shard_) continue;
        const auto tip = log.tip(p);
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

events::StreamName ViewFold::stream_of(const events::RecordHeader& header) {
    return {std::string(header.tenant), std::string(header.stream_kind), std::string(header.stream_id)};
}

bool ViewFold::fold(const events::RecordHeader& header, const DecodedPayload& payload) {
    dirty_ = true;
    if (!parked_.empty()) {
        const auto found = parked_.find(stream_of(header));
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
    park(header, parked_[stream_of(header)], *why);
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

void ViewFold::pass(const events::Block& block) {
    const auto partition = block.header().partition;
    assert(block.header().number == places_[partition].next_block);
    places_[partition] = {block.next_sequence(), block.header().number + 1, block.digest()};
    dirty_ = true;
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
    if (careful_until_ && careful_until_->sequence < places_[careful_until_->partition].next_sequence) {
        careful_until_.reset();
    }
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
