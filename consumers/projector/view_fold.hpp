// One colour of one view in one shard: folds records into rows, keeps its own place in each partition, and parks
// what it cannot fold. Rows, places and parked records are written in one batch. One thread.
#pragma once

#include "consumers/projector/catalogue.hpp"
#include "consumers/projector/projector.hpp"
#include "consumers/projector/row_cache.hpp"

#include <map>
#include <optional>

namespace tidemark::consumers {

struct ViewColour {
    std::size_t view = 0;  // index into the list of projections
    Colour colour = Colour::none;
    bool operator==(const ViewColour&) const = default;
};

// Up to where blocks are folded, and by which digest the next one must continue.
struct FoldPlace {
    events::Sequence next_sequence = 0;
    std::uint64_t next_block = 0;
    events::Digest digest{};
};

enum class OnPoison : std::uint8_t { park, fail };

using DecodedPayload = std::expected<events::Payload, events::DecodeError>;

// Throws StoreFailed when the store does; then rewind() before anything else.
class ViewFold {
public:
    ViewFold(const Catalogue& catalogue, const projections::Projection& projection, ViewColour which,
             const LogIdentity& log, std::uint32_t shard, OnPoison on_poison);

    // Forgets what is not in the store, and takes up the places that are. Also how a fold begins.
    void rewind();
    // Throws LogRefused unless the log goes on where this fold is.
    void check_against(Log& log) const;

    // Whether the block is the next one of its partition. LogRefused: it is, and continues another log.
    [[nodiscard]] bool takes(const events::Block& block) const;
    // Folds or parks a record; false: it did neither but went back to what is in the store, and wants everything from
    // there again. With OnPoison::fail it does not park, but takes nothing more and says why in failure().
    [[nodiscard]] bool fold(const events::RecordHeader& header, const DecodedPayload& payload);
    void pass(const events::Block& block);  // all its records are folded

    // Folds a parked stream again, in order. An error says which event still cannot be folded: it and those
    // behind it stay parked. Nothing of this fold may be unwritten.
    [[nodiscard]] std::expected<void, std::string> retry(const events::StreamName& stream, Log& log);

    [[nodiscard]] bool dirty() const { return dirty_; }
    void write_to(KvBatch& batch);
    void written();  // that batch is in the store

    [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
    [[nodiscard]] const ViewColour& which() const { return which_; }
    [[nodiscard]] std::uint32_t shard() const { return shard_; }
    [[nodiscard]] const FoldPlace& place(events::Partition partition) const { return places_[partition]; }
    [[nodiscard]] std::vector<ParkedStream> parked() const;
    // Grows whenever parked() has changed.
    [[nodiscard]] std::uint64_t parked_version() const { return parked_version_; }
    [[nodiscard]] RowCache& cache() { return cache_; }
    void park_from_now_on() { on_poison_ = OnPoison::park; }

    struct ParkedKey {
        events::StreamName stream;
        events::Sequence sequence = 0;
    };

private:
    struct Parked {
        events::Position first;
        std::uint64_t events = 0;
        std::string why;
    };

    // Why the record cannot be folded; nothing: it is.
    [[nodiscard]] std::optional<std::string> apply(const events::RecordHeader& header, const DecodedPayload& payload);
    [[nodiscard]] static events::StreamName stream_of(const events::RecordHeader& header);

    // parking.cpp
    void load_parked();
    void park(const events::RecordHeader& header, Parked& stream, std::string_view why);
    void put_parked(const events::StreamName& stream, events::Position position, std::string_view why);
    [[nodiscard]] std::optional<std::string> fold_again(events::Position position, events::BlockPtr& block, Log& log);
    [[noreturn]] void refuse(events::Partition partition, std::string_view why) const;
    void load_places();
    [[nodiscard]] std::vector<events::Position> parked_records(const events::StreamName& stream) const;
    void scan_parked(std::string_view prefix,
                     const std::function<void(ParkedKey, const v1::ParkedRecord&)>& visit) const;

    [[nodiscard]] std::string describe(const events::RecordHeader& header, std::string_view why) const;

    const Catalogue& catalogue_;
    const projections::Projection& projection_;
    ViewColour which_;
    LogIdentity log_;
    std::uint32_t shard_;
    OnPoison on_poison_;
    std::uint32_t parked_table_;  // as the cache counts tables
    RowCache cache_;
    std::vector<FoldPlace> places_;  // by partition; only those of the shard are used
    std::map<events::StreamName, Parked> parked_;
    std::uint64_t parked_version_ = 0;
    // Copies of rows for every event would cost more than the folds. So they are kept only on the second way through
    // a batch in which an event has thrown: until this place is in the store.
    std::optional<events::Position> careful_until_;
    std::optional<std::string> failure_;
    bool dirty_ = false;
};

}  // namespace tidemark::consumers
