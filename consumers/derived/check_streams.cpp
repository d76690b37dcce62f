#include "consumers/derived/check_streams.hpp"

#include "aggregates/reference.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

namespace tidemark::consumers {
namespace {

constexpr std::uint64_t compared_snapshots = 10'000;

std::string at(events::Position position) {
    return "record " + std::to_string(position.sequence) + " of partition " + std::to_string(position.partition);
}

}  // namespace

StreamCheck::StreamCheck(const KvSnapshot& store, Faults& faults) : store_(store), faults_(faults) {
    choose_snapshots();
}

void StreamCheck::choose_snapshots() {
    const std::uint64_t stride = count_rows(store_, DerivedTable::snapshots, faults_) / (compared_snapshots + 1) + 1;
    std::uint64_t row = 0;
    const auto scanned =
        store_.scan(DerivedTable::snapshots, "", "", [&](std::string_view key, std::string_view value) {
            events::Key128 stream;
            if (row++ % stride != 0 || key.size() != stream.bytes.size()) return true;
            std::copy(key.begin(), key.end(), stream.bytes.begin());
            if (auto snapshot = decode_snapshot(value)) chosen_.emplace(stream, std::move(*snapshot));
            return true;
        });
    if (!scanned) faults_.add("table snapshots: " + scanned.error().what);
}

void StreamCheck::follow(const events::RecordView& record, const events::Key128& key, Followed followed) {
    const events::RecordHeader& header = record.header;
    const events::Position position{header.partition, header.sequence};
    const bool is_event = header.kind == events::RecordKind::event;
    const auto known = here_.find(key);
    const events::Version before = known == here_.end() ? 0 : known->second.version;
    const events::Version should = is_event ? before + 1 : before;
    if (header.version != should) {
        faults_.add(at(position) + " says version " + std::to_string(header.version) + " of its stream, which is at " +
                    std::to_string(before));
    }
    if (!is_event) return;
    Stream& stream = known == here_.end() ? here_[key] : known->second;
    if (stream.type == nullptr) {
        stream.first = position;
        stream.type = aggregates::find_kind(header.stream_kind);
        if (stream.type == nullptr) faults_.add(at(position) + " is of a stream of no known kind");
    }
    stream.version = header.version;
    if (followed == Followed::yes) stream.followed_version = header.version;
    if (stream.type != nullptr) fold_event(stream, record, key, followed);
}

void StreamCheck::fold_event(Stream& stream, const events::RecordView& record, const events::Key128& key,
                             Followed followed) {
    const auto unreadable = [&](const events::DecodeError& error) {
        faults_.add(at({record.header.partition, record.header.sequence}) + " cannot be folded: " + error.what);
    };
    if (aggregates::changes_reference(record.header)) {
        v1::Reference reference = stream.references.empty() ? v1::Reference() : stream.references.back();
        if (auto folded = aggregates::fold_reference(reference, record); !folded) unreadable(folded.error());
        if (followed == Followed::yes) stream.references.clear();
        stream.references.push_back(std::move(reference));
    }
    const auto chosen = chosen_.find(key);
    if (chosen == chosen_.end() || record.header.version > chosen->second.version) return;
    if (!stream.fold) stream.fold = stream.type->make();
    if (auto folded = stream.fold->evolve(record); !folded) unreadable(folded.error());
    if (record.header.version == chosen->second.version) compare_fold(stream, chosen->second);
}

void StreamCheck::compare_fold(Stream& stream, const SnapshotRow& snapshot) {
    // One of another fold, or that does not parse, is told where every snapshot is looked at.
    const auto stored = stream.type->make();
    if (snapshot.fold_version == stream.type->fold_version && stored->restore(snapshot.state) &&
        !google::protobuf::util::MessageDifferencer::Equals(stored->message(), stream.fold->message())) {
        faults_.add("the snapshot of the " + std::string(stream.type->kind) + " that begins at " + at(stream.first) +
                    " differs from a fresh fold at version " + std::to_string(snapshot.version));
    }
    stream.fold.reset();
}

void StreamCheck::end_partition() {
    std::vector<const ByKey<Stream>::value_type*> in_order;  // of the tables, so that reading them is cheap
    in_order.reserve(here_.size());
    for (const auto& stream : here_) in_order.push_back(&stream);
    std::sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    for (const auto* entry : in_order) {
        if (entry->second.type == nullptr) continue;
        check_snapshot(entry->first, entry->second);
        check_reference(entry->first, entry->second);
    }
    streams_ += here_.size();
    here_.clear();
}

void StreamCheck::check_snapshot(const events::Key128& key, const Stream& stream) {
    const auto row = get_row(store_, DerivedTable::snapshots, key.view(), faults_);
    if (!row) return;
    ++snapshots_found_;
    const std::string name =
        "the snapshot of the " + std::string(stream.type->kind) + " that begins at " + at(stream.first);
    const auto snapshot = decode_snapshot(*row);
    if (!snapshot || !stream.type->make()->restore(snapshot->state)) return faults_.add(name + " cannot be read");
    if (snapshot->version == 0 || snapshot->version > stream.version) {
        faults_.add(name + " is at version " + std::to_string(snapshot->version) + ", and the stream ends at " +
                    std::to_string(stream.version));
    }
    if (snapshot->fold_version != stream.type->fold_version) {
        faults_.add(name + " was folded by version " + std::to_string(snapshot->fold_version) +
                    ", and this program's is " + std::to_string(stream.type->fold_version) +
                    ": the next start makes the snapshots again");
    }
}

void StreamCheck::check_reference(const events::Key128& key, const Stream& stream) {
    if (stream.references.empty()) return;
    const auto row = get_row(store_, DerivedTable::references, key.view(), faults_);
    const std::string name =
        "the reference of the " + std::string(stream.type->kind) + " that begins at " + at(stream.first);
    if (!row) {
        if (stream.followed_version > 0) faults_.add(name + " is missing");
        return;
    }
    ++references_found_;
    v1::Reference stored;
    if (!stored.ParseFromString(*row)) return faults_.add(name + " cannot be read");
    const auto as_stored = std::find_if(
        stream.references.begin(), stream.references.end(),
        [&](const v1::Reference& fold) { return google::protobuf::util::MessageDifferencer::Equals(fold, stored); });
    if (as_stored == stream.references.end()) {
        faults_.add(name + " differs from a fresh fold (it says version " + std::to_string(stored.version()) +
                    ", and the stream was followed to " + std::to_string(stream.followed_version) + ")");
    }
}

void StreamCheck::check_counts() {
    const auto compare = [&](Table table, std::uint64_t found) {
        const std::uint64_t rows = count_rows(store_, table, faults_);
        if (rows != found) {
            faults_.add(std::string("table ") + DerivedTable::names[table] + " has " + std::to_string(rows) +
                        " rows, and the log has streams for " + std::to_string(found) + " of them");
        }
    };
    compare(DerivedTable::snapshots, snapshots_found_);
    compare(DerivedTable::references, references_found_);
}

}  // namespace tidemark::consumers
