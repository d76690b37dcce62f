#include "projections/kpi/cell_codec.hpp"

#include <algorithm>
#include <stdexcept>

namespace tidemark::projections::kpi {

namespace {

// Tags of the fields in kpi.proto: all of them are length-delimited.
constexpr char values_tag = 1 << 3 | 2;   // KpiCell.values
constexpr char bins_tag = 2 << 3 | 2;     // KpiCell.bins
constexpr char indexes_tag = 1 << 3 | 2;  // KpiBins.index
constexpr char counts_tag = 2 << 3 | 2;   // KpiBins.count

std::uint64_t zigzag(std::int64_t value) {
    return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

void put_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}

std::size_t varint_bytes(std::uint64_t value) {
    std::size_t bytes = 1;
    for (; value >= 0x80; value >>= 7) ++bytes;
    return bytes;
}

std::uint64_t take_varint(std::string_view& in) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(in.front());
        in.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    throw std::runtime_error("a KPI cell's row cannot be read: rebuild the view");
}

std::string_view take_part(std::string_view& in) {
    const auto size = take_varint(in);
    if (size > in.size()) throw std::runtime_error("a KPI cell's row ends too early: rebuild the view");
    const auto part = in.substr(0, size);
    in.remove_prefix(size);
    return part;
}

template <class Items, class Number>
std::size_t packed_bytes(const Items& items, Number number) {
    std::size_t bytes = 0;
    for (const auto& item : items) bytes += varint_bytes(zigzag(number(item)));
    return bytes;
}

template <class Items, class Number>
void put_packed(std::string& out, char tag, const Items& items, Number number) {
    if (items.empty()) return;
    out.push_back(tag);
    put_varint(out, packed_bytes(items, number));
    for (const auto& item : items) put_varint(out, zigzag(number(item)));
}

constexpr auto itself = [](std::int64_t value) { return value; };

}  // namespace

void OpenCell::read(std::string_view row, const CellLayout& layout) {
    values_.clear();
    bins_.resize(static_cast<std::size_t>(layout.bins));
    for (auto& bins : bins_) bins.clear();
    for (std::size_t histogram = 0; !row.empty();) {
        const char tag = row.front();
        row.remove_prefix(1);
        auto part = take_part(row);
        if (tag == values_tag) {
            while (!part.empty()) values_.push_back(unzigzag(take_varint(part)));
        } else if (tag == bins_tag) {
            if (histogram == bins_.size()) bins_.emplace_back();
            auto& bins = bins_[histogram++];
            std::size_t next = 0;
            while (!part.empty()) {
                const char of = part.front();
                part.remove_prefix(1);
                auto numbers = take_part(part);
                if (of != indexes_tag && of != counts_tag)
                    throw std::runtime_error("a KPI cell's row holds what is not known");
                while (!numbers.empty()) {
                    const auto number = unzigzag(take_varint(numbers));
                    if (of == indexes_tag) {
                        bins.push_back({static_cast<std::int32_t>(number), 0});
                    } else {
                        bins.at(next++).count = number;
                    }
                }
            }
        } else {
            throw std::runtime_error("a KPI cell's row holds what is not known");
        }
    }
    if (values_.size() < static_cast<std::size_t>(layout.values))
        values_.resize(static_cast<std::size_t>(layout.values));
}

void OpenCell::write(std::string& row) const {
    row.clear();
    put_packed(row, values_tag, values_, itself);
    const auto index = [](const Bin& bin) { return std::int64_t{bin.bin}; };
    const auto count = [](const Bin& bin) { return bin.count; };
    for (const auto& bins : bins_) {
        row.push_back(bins_tag);
        std::size_t size = 0;
        if (!bins.empty()) {
            const auto indexes = packed_bytes(bins, index);
            const auto counts = packed_bytes(bins, count);
            size = 2 + varint_bytes(indexes) + indexes + varint_bytes(counts) + counts;
        }
        put_varint(row, size);
        put_packed(row, indexes_tag, bins, index);
        put_packed(row, counts_tag, bins, count);
    }
}

void OpenCell::add(const BinChange& change) {
    auto& bins = bins_.at(static_cast<std::size_t>(change.bins));
    const auto place = std::ranges::lower_bound(bins, change.bin, {}, &Bin::bin);
    if (place == bins.end() || place->bin != change.bin) {
        if (change.count != 0) bins.insert(place, {change.bin, change.count});
    } else if ((place->count += change.count) == 0) {
        bins.erase(place);
    }
}

}  // namespace tidemark::projections::kpi
