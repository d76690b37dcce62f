// Holds what is stored per stream (snapshots, references) to a fresh fold of the stream's events, and the
// versions of its records to each other. One partition at a time: a stream lies in one.
#pragma once

#include "aggregates/aggregate_type.hpp"
#include "consumers/derived/check_rows.hpp"
#include "consumers/derived/generation.hpp"

namespace tidemark::consumers {

class StreamCheck {
public:
    // Chooses the snapshots that are compared with a fresh fold: all up to 10,000, else evenly about as many.
    StreamCheck(const KvSnapshot& store, Faults& faults);

    // Every record of the partition in order.
    void follow(const events::RecordView& record, const events::Key128& key, Followed followed);
    void end_partition();  // compares what is stored for its streams, and forgets them
    void check_counts();   // after the last partition

    [[nodiscard]] std::uint64_t streams() const { return streams_; }

private:
    struct Stream {
        const aggregates::AggregateType* type = nullptr;
        events::Position first;  // names the stream in a fault without holding its name
        events::Version version = 0;
        events::Version followed_version = 0;
        std::unique_ptr<aggregates::AggregateState> fold;  // only for a snapshot that is compared
        std::vector<v1::Reference> references;             // as of what is followed, and of each event behind it
    };

    void choose_snapshots();
    void fold_event(Stream& stream, const events::RecordView& record, const events::Key128& key, Followed followed);
    void check_snapshot(const events::Key128& key, const Stream& stream);
    void check_reference(const events::Key128& key, const Stream& stream);
    void compare_fold(Stream& stream, const SnapshotRow& snapshot);

    const KvSnapshot& store_;
    Faults& faults_;
    ByKey<SnapshotRow> chosen_;
    ByKey<Stream> here_;  // of this partition
    std::uint64_t streams_ = 0;
    std::uint64_t snapshots_found_ = 0;
    std::uint64_t references_found_ = 0;
};

}  // namespace tidemark::consumers
