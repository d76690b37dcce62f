// Holds a table of key -> sequence (stream index, outcomes) to what the log says, in bounded memory:
// expected rows are gathered, sorted, so that they are read in the table's order, and looked up; in the
// end the rows are counted. With every expected one found and the counts equal, none is too much.
#pragma once

#include "consumers/derived/check_faults.hpp"
#include "consumers/store/kv_store.hpp"
#include "events/ids.hpp"

#include <vector>

namespace tidemark::consumers {

// Whether the derived stores have followed a record. What they have not may be there already, for rows are
// written before the place.
enum class Followed : std::uint8_t { yes, no };

class SequenceRows {
public:
    // `row_name`: what one row is, for people.
    SequenceRows(const KvSnapshot& store, Table table, std::string row_name, Faults& faults)
        : store_(store), table_(table), row_name_(std::move(row_name)), faults_(faults) {}

    // `version` 0: the key is 16 bytes long, without a version behind it.
    void expect(const events::Key128& key, events::Version version, events::Position position, Followed followed);
    void check_gathered();
    void check_count();  // after everything was expected

private:
    struct Expected {
        events::Key128 key;
        std::uint32_t version;
        events::Partition partition;
        events::Sequence sequence;
        Followed followed;
    };
    void check(const Expected& row);

    const KvSnapshot& store_;
    Table table_;
    std::string row_name_;
    Faults& faults_;
    std::vector<Expected> gathered_;
    std::uint64_t found_ = 0;
};

// Rows of a table; an error of the store becomes a fault.
[[nodiscard]] std::uint64_t count_rows(const KvSnapshot& store, Table table, Faults& faults);

// The row; nothing: there is none, or the store could not be read, which becomes a fault.
[[nodiscard]] std::optional<std::string> get_row(const KvSnapshot& store, Table table, std::string_view key,
                                                 Faults& faults);

}  // namespace tidemark::consumers
