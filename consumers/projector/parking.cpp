// What a view cannot fold waits, in order, with all that comes behind it in its stream.
#include "consumers/projector/failures.hpp"
#include "consumers/projector/view_fold.hpp"

#include <cassert>

namespace tidemark::consumers {

namespace {

// tenant, kind and id are free of NUL bytes (events::valid_id).
std::string stream_prefix(const events::StreamName& stream) {
    return stream.tenant + '\0' + stream.kind + '\0' + stream.id + '\0';
}

std::string parked_key(const events::StreamName& stream, events::Sequence sequence) {
    auto key = stream_prefix(stream);
    for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(sequence >> shift & 0xff);
    return key;
}

ViewFold::ParkedKey parse_parked_key(std::string_view key) {
    ViewFold::ParkedKey parsed;
    for (auto* part : {&parsed.stream.tenant, &parsed.stream.kind, &parsed.stream.id}) {
        const auto end = key.find('\0');
        if (end == std::string_view::npos) throw StoreFailed("a parked record has an unreadable key: rebuild the view");
        *part = key.substr(0, end);
        key.remove_prefix(end + 1);
    }
    for (const char byte : key) parsed.sequence = parsed.sequence << 8 | static_cast<unsigned char>(byte);
    return parsed;
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

void ViewFold::load_parked() {
    parked_.clear();
    ++parked_version_;
    scan_parked({}, [&](ParkedKey key, const v1::ParkedRecord& record) {
        auto& parked = parked_[std::move(key.stream)];
        if (parked.events++ == 0) {
            parked.first = {record.partition(), key.sequence};
            parked.why = record.why();
        }
    });
}

void ViewFold::park(const events::RecordHeader& header, Parked& stream, std::string_view why) {
    const events::Position position{header.partition, header.sequence};
    if (stream.events++ == 0) {
        stream.first = position;
        stream.why = why;
    }
    put_parked(stream_of(header), position, why);
    ++parked_version_;
}

void ViewFold::put_parked(const events::StreamName& stream, events::Position position, std::string_view why) {
    v1::ParkedRecord record;
    record.set_partition(position.partition);
    record.set_why(std::string(why));
    cache_.put(parked_table_, parked_key(stream, position.sequence), record.SerializeAsString());
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
    scan_parked(stream_prefix(stream), [&](const ParkedKey& key, const v1::ParkedRecord& record) {
        positions.push_back({record.partition(), key.sequence});
    });
    return positions;
}

void ViewFold::scan_parked(std::string_view prefix,
                           const std::function<void(ParkedKey, const v1::ParkedRecord&)>& visit) const {
    const auto first = shard_prefix(shard_).append(prefix);
    const auto table = catalogue_.tables(which_.view, which_.colour).parked;
    const auto row = [&](std::string_view key, std::string_view value) {
        v1::ParkedRecord record;
        if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
            throw StoreFailed("a parked record of view " + projection_.name + " cannot be read: rebuild the view");
        }
        visit(parse_parked_key(key.substr(1)), record);
        return true;
    };
    const auto scanned = catalogue_.store().snapshot()->scan(table, first, after_prefix(first), row);
    if (!scanned) throw StoreFailed(scanned.error().what);
}

std::vector<ParkedStream> ViewFold::parked() const {
    std::vector<ParkedStream> list;
    for (const auto& [stream, parked] : parked_) {
        list.push_back({projection_.name, stream, parked.first, parked.events, parked.why});
    }
    return list;
}

}  // namespace tidemark::consumers
