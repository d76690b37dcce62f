// What a projection is: a name, a version, and a pure fold of events into rows. No clock, no I/O.
// The projector (consumers/projector) keeps the rows, writes them together with its place in the log,
// and rebuilds a view beside the old one when `version` is raised.
#pragma once

#include "events/event.hpp"

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections {

// Rows are kept per shard: a fixed group of partitions that one thread folds. A row that belongs to one
// stream lives in the shard of that stream; a row shared by streams (a count, a bucket) is kept once per
// shard and merged when asked, so that folds commute across partitions.
inline constexpr std::uint32_t shards = 2;
[[nodiscard]] constexpr std::uint32_t shard_of(events::Partition partition) {
    return partition % shards;
}

class Rows;

// What a fold gathers between two writes, instead of changing the same rows with every event.
class Gathered {
public:
    virtual ~Gathered() = default;
    // Moves all of it into rows; what is held afterwards is as if nothing had been gathered.
    virtual void settle(Rows& rows) = 0;
    [[nodiscard]] virtual std::size_t bytes() const = 0;  // of memory, about
};

// The rows of one projection, as the fold sees them: those of its own shard. What was touched is written with the next
// batch. All rows of a table are of one sort: of one type of message, bytes, or entries of an index.
class Rows {
public:
    virtual ~Rows() = default;
    // The row, made empty if there was none. Valid until the next event. Messages are kept decoded.
    [[nodiscard]] virtual google::protobuf::Message& obtain(std::uint32_t table, std::string_view key,
                                                            const google::protobuf::Message& prototype) = 0;
    // For reading only; nullptr: there is none.
    [[nodiscard]] virtual const google::protobuf::Message* find(std::uint32_t table, std::string_view key,
                                                                const google::protobuf::Message& prototype) = 0;
    // A row that the fold encodes itself; empty if there was none. Valid until the next event.
    [[nodiscard]] virtual std::string& bytes(std::uint32_t table, std::string_view key) = 0;
    // Entries of an index are written and never read by the fold.
    virtual void erase(std::uint32_t table, std::string_view key) = 0;
    virtual void put(std::uint32_t table, std::string_view key, std::string_view value) = 0;

    // Made by the fold when it is null; forgotten together with the rows that were not written.
    [[nodiscard]] std::unique_ptr<Gathered>& gathered() { return gathered_; }
    [[nodiscard]] const std::unique_ptr<Gathered>& gathered() const { return gathered_; }

    template <class Row>
    Row& row(std::uint32_t table, std::string_view key) {
        return static_cast<Row&>(obtain(table, key, Row::default_instance()));
    }
    template <class Row>
    const Row* peek(std::uint32_t table, std::string_view key) {
        return static_cast<const Row*>(find(table, key, Row::default_instance()));
    }

private:
    std::unique_ptr<Gathered> gathered_;
};

// A record as projections see it: header plus the payload in today's schema.
struct Event {
    const events::RecordHeader& header;
    const events::Payload& payload;
};

struct Projection {
    std::string name;                 // names its tables in the database: [a-z0-9_]+
    std::uint64_t version;            // raised (or, for generated ones, a fingerprint): the view is made again
    std::vector<std::string> tables;  // `table` above is an index into it
    // Folds one record. Throws events-level defects only as std::runtime_error: the record is then parked as
    // poison together with the later ones of its stream, and the others go on.
    std::function<void(const Event&, Rows&)> apply;
};

// Reading a view. As of one moment over all shards; made by the projector for each query. One thread.
class ViewReader {
public:
    virtual ~ViewReader() = default;
    // Every shard's row under the key (for a row of one stream there is at most one).
    virtual void get(std::uint32_t table, std::string_view key,
                     const std::function<void(std::string_view value)>& visit) const = 0;
    // Rows with first <= key < last ("" : to the end) in key order, the shards merged; equal keys one after the other.
    // False ends it.
    virtual void scan(std::uint32_t table, std::string_view first, std::string_view last,
                      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
    virtual void scan_back(std::uint32_t table, std::string_view first, std::string_view last,
                           const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;

    template <class Row>
    [[nodiscard]] std::optional<Row> row(std::uint32_t table, std::string_view key) const {
        std::optional<Row> found;
        get(table, key, [&](std::string_view value) {
            found.emplace();
            if (!found->ParseFromArray(value.data(), static_cast<int>(value.size())))
                throw std::runtime_error("a row of a view does not parse as " + found->GetTypeName());
        });
        return found;
    }
};

}  // namespace tidemark::projections
