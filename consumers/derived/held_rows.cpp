#include "consumers/derived/held_rows.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace tidemark::consumers {
namespace {

constexpr std::size_t cached_references = 200'000;
constexpr int look_ups_before_scan = 3;

// Look-ups have no answer to give when the store cannot be read: the caller's request fails, and may be made again.
template <class Value>
Value or_throw(std::expected<Value, KvError> read, const char* what) {
    if (!read) throw std::runtime_error(std::string("reading ") + what + ": " + read.error().what);
    return std::move(*read);
}

// A row that cannot be read is not a row that is not there: the command would be decided twice.
events::Sequence sequence_of(std::string_view row) {
    const auto sequence = decode_sequence(row);
    if (!sequence) throw std::runtime_error("a derived row cannot be read: run `tidemark rebuild derived`");
    return *sequence;
}

// The versions of a stream have no gaps: who folds a stream without one of its events decides on a state that never
// was.
[[noreturn]] void lacks(events::Version version) {
    throw std::runtime_error("the stream index lacks version " + std::to_string(version) +
                             " of a stream: run `tidemark rebuild derived`");
}

}  // namespace

std::optional<events::Sequence> HeldRows::outcome(const events::Key128& command) const {
    {
        // Newest first, here and below.
        const std::shared_lock lock(mutex_);
        if (filter_ && !filter_->may_hold(command)) return std::nullopt;
        if (const auto found = filling_->outcome(command)) return found;
        if (const auto found = writing_ ? writing_->outcome(command) : std::nullopt) return found;
    }
    const auto row = or_throw(store_.get(DerivedTable::outcomes, command.view()), "outcomes");
    if (!row) return std::nullopt;
    return sequence_of(*row);
}

std::optional<SnapshotRow> HeldRows::snapshot(const events::Key128& stream) const {
    {
        const std::shared_lock lock(mutex_);
        if (const SnapshotRow* found = filling_->snapshot(stream)) return *found;
        if (const SnapshotRow* found = writing_ ? writing_->snapshot(stream) : nullptr) return *found;
    }
    const auto row = or_throw(store_.get(DerivedTable::snapshots, stream.view()), "snapshots");
    return row ? decode_snapshot(*row) : std::nullopt;
}

std::vector<events::Sequence> HeldRows::stream(const events::Key128& stream, events::Version first,
                                               events::Version last) const {
    // Memory before the store: what is written in between is then seen twice, not missed.
    std::vector<std::pair<events::Version, events::Sequence>> recent;
    {
        const std::shared_lock lock(mutex_);
        if (writing_) writing_->stream(stream, recent);
        filling_->stream(stream, recent);
    }
    const events::Version stored_end = recent.empty() ? last + 1 : std::min(last + 1, recent.front().first);
    std::vector<events::Sequence> sequences;
    // A look-up costs a tenth of a scan, and most ask for a stream that is new, or for what came after its snapshot,
    // which is little.
    events::Version next = first;
    for (int looked_up = 0; next < stored_end && looked_up < look_ups_before_scan; ++looked_up) {
        const auto row = or_throw(store_.get(DerivedTable::streams, stream_row_key(stream, next)), "the stream index");
        next = row ? next + 1 : stored_end;
        if (row) sequences.push_back(sequence_of(*row));
    }
    if (next < stored_end) {
        const auto scanned = store_.snapshot()->scan(DerivedTable::streams, stream_row_key(stream, next),
                                                     stream_row_key(stream, stored_end),
                                                     [&](std::string_view key, std::string_view value) {
                                                         if (key != stream_row_key(stream, next)) lacks(next);
                                                         sequences.push_back(sequence_of(value));
                                                         ++next;
                                                         return true;
                                                     });
        if (!scanned) throw std::runtime_error("reading the stream index: " + scanned.error().what);
    }
    if (!recent.empty() && first + sequences.size() < stored_end) lacks(first + sequences.size());
    for (const auto& [version, sequence] : recent) {
        if (version < first || version > last) continue;
        if (version != first + sequences.size()) lacks(first + sequences.size());
        sequences.push_back(sequence);
    }
    return sequences;
}

std::shared_ptr<const v1::Reference> HeldRows::held_reference(const events::Key128& stream) const {
    auto found = filling_->reference(stream);
    return found || !writing_ ? found : writing_->reference(stream);
}

std::shared_ptr<const v1::Reference> HeldRows::reference(const events::Key128& stream) const {
    std::uint64_t writes = 0;
    {
        const std::shared_lock lock(mutex_);
        if (auto found = held_reference(stream)) return found;
        if (const auto it = stored_references_.find(stream); it != stored_references_.end()) return it->second;
        writes = writes_;
    }
    const auto row = or_throw(store_.get(DerivedTable::references, stream.view()), "references");
    if (!row) return nullptr;
    auto parsed = std::make_shared<v1::Reference>();
    if (!parsed->ParseFromString(*row)) {
        throw std::runtime_error("a stored reference does not parse: run `tidemark rebuild derived`");
    }
    const std::unique_lock lock(mutex_);
    if (writes == writes_ && !held_reference(stream)) stored_references_[stream] = parsed;
    return parsed;
}

void HeldRows::add(const FollowedRows& rows) {
    const std::unique_lock lock(mutex_);
    for (const auto& [stream, reference] : rows.references) stored_references_[stream] = reference;
    for (const auto& filter : {filter_, next_filter_}) {
        if (!filter) continue;
        for (const auto& [command, sequence] : rows.outcomes) filter->add(command);
    }
    if (filter_ && filter_->full()) filter_full_.notify_one();
    filling_->add(rows);
}

void HeldRows::add_snapshot(const events::Key128& stream, SnapshotRow row) {
    const std::unique_lock lock(mutex_);
    filling_->add_snapshot(stream, std::move(row));
}

HeldRows::Size HeldRows::size() const {
    const std::shared_lock lock(mutex_);
    return {filling_->entries(), filling_->bytes()};
}

void HeldRows::begin_write(std::vector<std::pair<std::string, std::string>> tiles) {
    const auto same_again = [&] {
        const std::shared_lock lock(mutex_);
        return filling_->same_again();
    };
    auto next = std::make_shared<Generation>(same_again());  // takes its time: not under the lock
    const std::unique_lock lock(mutex_);
    filling_->tiles = std::move(tiles);
    writing_ = std::move(filling_);
    filling_ = std::move(next);
}

std::expected<void, KvError> HeldRows::write(KvBatch places) {
    std::shared_ptr<const Generation> generation;
    {
        const std::shared_lock lock(mutex_);
        generation = writing_;
    }
    // Not atomic: after a crash in between, the same rows are written again.
    if (auto written = store_.ingest(generation->runs(), std::move(places)); !written) return written;
    const std::unique_lock lock(mutex_);
    writing_ = nullptr;
    ++writes_;
    if (stored_references_.size() > cached_references) stored_references_.clear();
    return {};
}

void HeldRows::keep_filter(const std::stop_token& stop, std::size_t keys) {
    for (;; keys *= 2) {
        if (!make_filter(stop, keys)) return;
        std::unique_lock lock(mutex_);
        if (!filter_full_.wait(lock, stop, [this] { return filter_->full(); })) return;
    }
}

// False: it is to stop, or the store cannot be read: look-ups then do without, or with the one there is.
bool HeldRows::make_filter(const std::stop_token& stop, std::size_t keys) {
    const auto filter = std::make_shared<KeyFilter>(keys);
    {
        // From now on all that is added comes to it as well. What is stored now, or comes to be stored while it is
        // read, was held before or is held now.
        const std::unique_lock lock(mutex_);
        next_filter_ = filter;
        const auto add = [&](const events::Key128& command) { filter->add(command); };
        filling_->each_outcome(add);
        if (writing_) writing_->each_outcome(add);
    }
    events::Key128 command;
    const auto read =
        store_.snapshot()->scan(DerivedTable::outcomes, {}, {}, [&](std::string_view key, std::string_view) {
            std::ranges::copy(key.substr(0, command.bytes.size()), command.bytes.begin());
            filter->add(command);
            return !stop.stop_requested();
        });
    const std::unique_lock lock(mutex_);
    next_filter_.reset();
    if (!read)
        spdlog::warn("the filter of command ids cannot be made, which makes look-ups slower: {}", read.error().what);
    if (!read || stop.stop_requested()) return false;
    filter_ = filter;
    return true;
}

bool HeldRows::has_filter() const {
    const std::shared_lock lock(mutex_);
    return filter_ != nullptr;
}

}  // namespace tidemark::consumers
