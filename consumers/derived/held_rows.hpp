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

    void add(Generation block_rows);  // what one block adds: seen as a whole
    void add_snapshot(const events::Key128& stream, SnapshotRow row);
    [[nodiscard]] std::size_t entries() const;  // held and not being written

    // Makes what is held the generation to be written, with `tiles`; the former one must have been written.
    void begin_write(std::vector<std::pair<std::string, std::string>> tiles);
    [[nodiscard]] std::expected<void, KvError> write(KvBatch places);  // rows first, then the places

private:
    template <class Value>
    [[nodiscard]] std::optional<Value> held(const ByKey<Value> Generation::* rows, const events::Key128& key) const;

    KvStore& store_;
    mutable std::shared_mutex mutex_;
    std::shared_ptr<Generation> filling_ = std::make_shared<Generation>();
    std::shared_ptr<const Generation> writing_;
    // References read from the store. A row that was read before a write must not be kept after it.
    mutable ByKey<std::shared_ptr<const v1::Reference>> stored_references_;
    std::uint64_t writes_ = 0;
};

}  // namespace tidemark::consumers
