// Where commands wait whose decision needs a fact that is on its way: the referenced stream has records
// that the reference view has not followed, or earlier commands that wait themselves. The commands of a
// stream keep their order, so those behind a waiting one wait too. Waits go to earlier commands only
// (tickets grow), so there is no cycle. One thread: the processor's.
#pragma once

#include "consumers/command_processor/pending.hpp"
#include "consumers/derived/generation.hpp"

#include <deque>
#include <vector>

namespace tidemark::consumers {

class ReferenceGate {
public:
    explicit ReferenceGate(std::uint32_t partitions) : by_partition_(partitions) {}

    // Whether an earlier command than `ticket` waits on this stream.
    [[nodiscard]] bool parked_before(const events::Key128& stream, std::uint64_t ticket) const;

    void queue_behind(PendingPtr pending);  // its stream has a waiting command: keeps the order
    void park_until_followed(PendingPtr pending, events::Partition partition, events::Sequence end);
    void park_until_unparked(PendingPtr pending, const events::Key128& other);

    // Heads of streams whose wait is over, in order of arrival. Decide each, then call next_of or park it again.
    [[nodiscard]] std::vector<PendingPtr> ready(events::Partition partition, events::Sequence followed);
    // After a head was decided: the next command of its stream, or nothing when none waits any more.
    [[nodiscard]] PendingPtr next_of(const events::Key128& stream);
    // Heads that waited for a stream which has none waiting any more.
    [[nodiscard]] std::vector<PendingPtr> take_unparked();
    [[nodiscard]] std::vector<PendingPtr> take_all();

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

private:
    // The head itself is held where it waits; behind are the later commands of the stream.
    struct Stream {
        std::uint64_t head_ticket = 0;
        std::deque<PendingPtr> behind;
    };
    struct Waiting {
        events::Sequence end;
        PendingPtr head;
    };
    void park(const Pending& pending);

    std::size_t size_ = 0;
    ByKey<Stream> streams_;
    std::vector<std::vector<Waiting>> by_partition_;
    ByKey<std::vector<PendingPtr>> by_stream_;
    std::vector<PendingPtr> unparked_;
};

}  // namespace tidemark::consumers
