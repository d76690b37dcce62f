// The derived rows as look-ups see them: what is held in memory (being filled, being written) over what is
// stored. Look-ups from any thread; one thread fills, one writes.
#pragma once

#include "consumers/derived/generation.hpp"
#include "consumers/derived/key_filter.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stop_token>

namespace tidemark::consumers {

class HeldRows {
public:
    explicit HeldRows(KvStore& store) : store_(store) {}

    [[nodiscard]] std::optional<events::Sequence> outcome(const events::Key128& command) const;
    [[nodiscard]] std::optional<SnapshotRow> snapshot(const events::Key128& stream) const;
    [[nodiscard]] std::vector<events::Sequence> stream(const events::Key128& stream, events::Version first,
                                                       events::Version last) const;
    [[nodiscard]] std::shared_ptr<const v1::Reference> reference(const events::Key128& stream) const;

    void add(const FollowedRows& rows);  // what blocks add: seen as a whole
    void add_snapshot(const events::Key128& stream, SnapshotRow row);
    // What is held and not being written.
    struct Size {
        std::size_t entries = 0;
        std::size_t bytes = 0;
    };
    [[nodiscard]] Size size() const;

    // Makes what is held the generation to be written, with `tiles`; the former one must have been written.
    void begin_write(std::vector<std::pair<std::string, std::string>> tiles);
    [[nodiscard]] std::expected<void, KvError> write(KvBatch places);  // rows first, then the places

    // Makes a filter out of the keys of all outcomes, so that of most commands that are new nothing is looked up; and a
    // larger one when there are more than it was made for. On a thread of its own, until it is asked to stop; look-ups
    // do without as long as it is not there. `keys`: about how many there will be.
    void keep_filter(const std::stop_token& stop, std::size_t keys);
    [[nodiscard]] bool has_filter() const;

private:
    [[nodiscard]] bool make_filter(const std::stop_token& stop, std::size_t keys);
    [[nodiscard]] std::shared_ptr<const v1::Reference> held_reference(const events::Key128& stream) const;

    KvStore& store_;
    mutable std::shared_mutex mutex_;
    std::shared_ptr<Generation> filling_ = std::make_shared<Generation>();
    std::shared_ptr<const Generation> writing_;
    // References read from the store. A row that was read before a write must not be kept after it.
    mutable ByKey<std::shared_ptr<const v1::Reference>> stored_references_;
    std::uint64_t writes_ = 0;
    std::shared_ptr<KeyFilter> filter_;       // has every outcome that look-ups see
    std::shared_ptr<KeyFilter> next_filter_;  // has those since it was begun
    std::condition_variable_any filter_full_;
};

}  // namespace tidemark::consumers
