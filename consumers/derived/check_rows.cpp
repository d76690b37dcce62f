#include "consumers/derived/check_rows.hpp"

#include "consumers/derived/generation.hpp"

#include <algorithm>
#include <tuple>

namespace tidemark::consumers {
namespace {

constexpr std::size_t gather_rows = 500'000;  // 24 MB

}  // namespace

void SequenceRows::expect(const events::Key128& key, events::Version version, events::Position position,
                          Followed followed) {
    gathered_.push_back({key, static_cast<std::uint32_t>(version), position.partition, position.sequence, followed});
    if (gathered_.size() >= gather_rows) check_gathered();
}

void SequenceRows::check_gathered() {
    std::sort(gathered_.begin(), gathered_.end(), [](const Expected& a, const Expected& b) {
        return std::tie(a.key, a.version, a.sequence) < std::tie(b.key, b.version, b.sequence);
    });
    for (const Expected& row : gathered_) check(row);
    gathered_.clear();
}

void SequenceRows::check(const Expected& row) {
    const std::string key = row.version == 0 ? std::string(row.key.view()) : stream_row_key(row.key, row.version);
    const auto where = [&] {
        return row_name_ + " of record " + std::to_string(row.sequence) + " of partition " +
               std::to_string(row.partition);
    };
    const auto stored = get_row(store_, table_, key, faults_);
    if (!stored) {
        if (row.followed == Followed::yes) faults_.add("the " + where() + " is missing");
        return;
    }
    ++found_;
    const auto sequence = decode_sequence(*stored);
    if (!sequence) {
        faults_.add("the " + where() + " cannot be read");
    } else if (*sequence != row.sequence) {
        faults_.add("the " + where() + " names record " + std::to_string(*sequence));
    }
}

void SequenceRows::check_count() {
    check_gathered();
    const std::uint64_t rows = count_rows(store_, table_, faults_);
    if (rows != found_) {
        faults_.add("the table of the " + row_name_ + "s has " + std::to_string(rows) + " rows, and the log explains " +
                    std::to_string(found_) + " of them");
    }
}

std::uint64_t count_rows(const KvSnapshot& store, Table table, Faults& faults) {
    std::uint64_t rows = 0;
    const auto scanned = store.scan(table, "", "", [&](std::string_view, std::string_view) {
        ++rows;
        return true;
    });
    if (!scanned) faults.add(std::string("table ") + DerivedTable::names[table] + ": " + scanned.error().what);
    return rows;
}

std::optional<std::string> get_row(const KvSnapshot& store, Table table, std::string_view key, Faults& faults) {
    auto row = store.get(table, key);
    if (row) return std::move(*row);
    faults.add(std::string("table ") + DerivedTable::names[table] + ": " + row.error().what);
    return std::nullopt;
}

}  // namespace tidemark::consumers
