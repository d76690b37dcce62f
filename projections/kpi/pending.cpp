#include "projections/kpi/pending.hpp"

#include <algorithm>

namespace tidemark::projections::kpi {

namespace {

// Combinations are kept over a settling, since the next events have the same; not without end.
constexpr std::size_t kept_combinations = 1u << 16;

void append_text(std::string& key, std::string_view part) {
    if (part.find('\0') == part.npos && part.find('\1') == part.npos) {
        key.append(part).push_back('\0');
    } else {
        key.append(Key({}).text(part).view().substr(1));
    }
}

}  // namespace

Pending::Combination Pending::combination(std::string_view tenant, int family, std::span<const std::string_view> dims,
                                          std::string_view currency) {
    key_.assign(1, static_cast<char>(family));
    key_.append(tenant).push_back('\0');
    ends_.clear();
    ends_.push_back(key_.size());
    for (const auto dim : dims) {
        append_text(key_, dim);
        ends_.push_back(key_.size());
    }
    append_text(key_, currency);
    const auto hash = hash_of(key_);
    if (const auto* found = by_values_.find(hash, [&](Combination c) { return combined_[c].key == key_; }))
        return *found;
    const auto number = static_cast<Combination>(combined_.size());
    auto& made = combined_.emplace_back(Combined{key_, family, {}});
    by_values_.add(hash, number);
    for (const auto& table : families_[static_cast<std::size_t>(family)].tables)
        made.slices.push_back(slice(made, table, tenant, ends_));
    return number;
}

// `ends`: where the dimensions begin in the combination's key, and where each ends.
std::uint32_t Pending::slice(Combined& of, CellTable table, std::string_view tenant,
                             std::span<const std::size_t> ends) {
    const std::string_view all(of.key);
    std::string key = cells_prefix(tenant, of.family, table);
    key.pop_back();  // the grain
    const auto head = key.size();
    if (table.set == cube) {
        key.append(all.substr(ends.front(), ends.back() - ends.front()));
    } else if (table.set != total) {
        const auto dim = static_cast<std::size_t>(table.set - 1);
        key.append(all.substr(ends[dim], ends[dim + 1] - ends[dim]));
    }
    key.append(all.substr(ends.back()));  // the currency
    const auto hash = hash_of(key);
    if (const auto* found = by_slice_.find(hash, [&](std::uint32_t s) { return slices_[s].key == key; })) return *found;
    const auto number = static_cast<std::uint32_t>(slices_.size());
    slices_.push_back({std::move(key), head, of.family});
    by_slice_.add(hash, number);
    return number;
}

Pending::Sums Pending::sums(Combination combination, const CellTime& time) {
    const auto hash =
        mix(mix(combination, static_cast<std::uint64_t>(time.hour)), static_cast<std::uint64_t>(time.day));
    const auto* found = by_hour_.find(
        hash, [&](std::uint32_t h) { return hours_[h].combination == combination && hours_[h].time == time; });
    std::uint32_t number = 0;
    if (found != nullptr) {
        number = *found;
    } else {
        number = static_cast<std::uint32_t>(hours_.size());
        hours_.push_back({combination, time, {static_cast<std::uint32_t>(values_.size()), none}});
        by_hour_.add(hash, number);
        const auto& layout = families_[static_cast<std::size_t>(combined_[combination].family)].layout;
        values_.resize(values_.size() + static_cast<std::size_t>(layout.values));
    }
    return {*this, number, values_.data() + hours_[number].added.values};
}

void Pending::add_bin(std::size_t cell, const BinChange& change) {
    list_bin(hours_[cell].added.bins, change);
}

void Pending::list_bin(std::uint32_t& list, const BinChange& change) {
    bins_.push_back({change, list});
    list = static_cast<std::uint32_t>(bins_.size() - 1);
}

void Pending::settle(Rows& rows) {
    for (const auto& hour : hours_) spread(hour);
    for (const auto& cell : cells_) write(cell, rows);
    forget();
}

// Adds an hour's sums to the cells of all grains and dimensions that they belong to.
void Pending::spread(const HourCell& hour) {
    const auto& combined = combined_[hour.combination];
    const auto& family = families_[static_cast<std::size_t>(combined.family)];
    merge_bins(hour.added.bins);
    for (std::size_t t = 0; t < family.tables.size(); ++t) {
        const auto grain = family.tables[t].grain;
        const auto bucket = grain == Grain::hour  ? hour.time.hour
                            : grain == Grain::day ? hour.time.day
                                                  : hour.time.month;
        auto& to = cell(combined.slices[t], grain, bucket, family.layout.values);
        for (int v = 0; v < family.layout.values; ++v)
            values_[to.added.values + static_cast<std::uint32_t>(v)] +=
                values_[hour.added.values + static_cast<std::uint32_t>(v)];
        for (const auto& change : merged_) list_bin(to.added.bins, change);
    }
}

Pending::Cell& Pending::cell(std::uint32_t slice, Grain grain, Bucket bucket, int values) {
    const auto hash = mix(mix(slice, static_cast<std::uint64_t>(grain)), static_cast<std::uint64_t>(bucket));
    const auto* found = by_bucket_.find(hash, [&](std::uint32_t c) {
        return cells_[c].slice == slice && cells_[c].bucket == bucket && cells_[c].grain == grain;
    });
    if (found != nullptr) return cells_[*found];
    by_bucket_.add(hash, static_cast<std::uint32_t>(cells_.size()));
    cells_.push_back({slice, grain, bucket, {static_cast<std::uint32_t>(values_.size()), none}});
    values_.resize(values_.size() + static_cast<std::size_t>(values));
    return cells_.back();
}

// A list of changes into merged_, each bin once.
void Pending::merge_bins(std::uint32_t list) {
    merged_.clear();
    for (; list != none; list = bins_[list].next) merged_.push_back(bins_[list].change);
    const auto same = [](const BinChange& a, const BinChange& b) { return a.bins == b.bins && a.bin == b.bin; };
    std::ranges::sort(merged_, {}, [](const BinChange& change) { return std::pair(change.bins, change.bin); });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < merged_.size(); ++i) {
        if (kept > 0 && same(merged_[kept - 1], merged_[i])) {
            merged_[kept - 1].count += merged_[i].count;
        } else {
            merged_[kept++] = merged_[i];
        }
    }
    merged_.resize(kept);
}

void Pending::write(const Cell& cell, Rows& rows) {
    const auto& slice = slices_[cell.slice];
    const std::string_view parts(slice.key);
    key_.assign(parts.substr(0, slice.head)).push_back(static_cast<char>(cell.grain));
    append_bucket(key_, cell.bucket);
    key_.append(parts.substr(slice.head));
    auto& row = rows.bytes(0, key_);
    open_.read(row, families_[static_cast<std::size_t>(slice.family)].layout);
    const auto values = families_[static_cast<std::size_t>(slice.family)].layout.values;
    for (int v = 0; v < values; ++v)
        open_.values()[static_cast<std::size_t>(v)] += values_[cell.added.values + static_cast<std::uint32_t>(v)];
    merge_bins(cell.added.bins);
    for (const auto& change : merged_) open_.add(change);
    open_.write(row);
}

void Pending::forget() {
    hours_.clear();
    by_hour_.clear();
    values_.clear();
    bins_.clear();
    cells_.clear();
    by_bucket_.clear();
    if (combined_.size() <= kept_combinations) return;
    combined_.clear();
    by_values_.clear();
    slices_.clear();
    by_slice_.clear();
}

std::size_t Pending::bytes() const {
    constexpr std::size_t key_bytes = 100;  // about
    return hours_.size() * sizeof(HourCell) + by_hour_.bytes() + values_.size() * sizeof(std::int64_t) +
           bins_.size() * sizeof(ListedBin) + combined_.size() * (sizeof(Combined) + key_bytes) +
           slices_.size() * (sizeof(Slice) + key_bytes);
}

}  // namespace tidemark::projections::kpi
