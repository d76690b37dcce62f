// The derived rows as look-ups see them: what is held in memory (being filled, being written) over what is
// stored. Look-ups from any thread; one thread fills, one writes.
#pragma once

#include "consumers/derived/generation.hpp"

#include <mutex>
#include <shared_mutex>

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

private:
    [[nodiscard]] std::shared_ptr<const v1::Reference> held_reference(const events::Key128& stream) const;

    KvStore& store_;
    mutable std::shared_mutex mutex_;
    std::shared_ptr<Generation> filling_ = std::make_shared<Generation>();
    std::shared_ptr<const Generation> writing_;
    // References read from the store. A row that was read before a write must not be kept after it.
    mutable ByKey<std::shared_ptr<const v1::Reference>> stored_references_;
    std::uint64_t writes_ = 0;
};

}  // namespace tidemark::consumers
