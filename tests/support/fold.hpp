// A view in memory: rows per shard as the projector keeps them, and a reader over all shards.
#pragma once

#include "projections/projection.hpp"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::tests {

class MemoryRows final : public projections::Rows {
public:
    explicit MemoryRows(std::size_t tables) : tables_(tables) {}

    google::protobuf::Message& obtain(std::uint32_t table, std::string_view key,
                                      const google::protobuf::Message& prototype) override {
        auto& slot = tables_.at(table)[std::string(key)];
        if (!slot.message) slot.message.reset(prototype.New());
        return *slot.message;
    }
    const google::protobuf::Message* find(std::uint32_t table, std::string_view key,
                                          const google::protobuf::Message&) override {
        const auto found = tables_.at(table).find(key);
        return found == tables_.at(table).end() ? nullptr : found->second.message.get();
    }
    std::string& bytes(std::uint32_t table, std::string_view key) override {
        return tables_.at(table)[std::string(key)].bytes;
    }
    void erase(std::uint32_t table, std::string_view key) override {
        if (const auto found = tables_.at(table).find(key); found != tables_.at(table).end())
            tables_.at(table).erase(found);
    }
    void put(std::uint32_t table, std::string_view key, std::string_view value) override {
        tables_.at(table)[std::string(key)].bytes = value;
    }

    void copy_into(std::uint32_t table, std::multimap<std::string, std::string>& out) const {
        for (const auto& [key, slot] : tables_.at(table))
            out.emplace(key, slot.message ? slot.message->SerializeAsString() : slot.bytes);
    }

private:
    struct Slot {
        std::unique_ptr<google::protobuf::Message> message;
        std::string bytes;
    };
    std::vector<std::map<std::string, Slot, std::less<>>> tables_;
};

// Folds one projection and answers for it.
class View final : public projections::ViewReader {
public:
    explicit View(projections::Projection projection) : projection_(std::move(projection)) {
        for (auto& shard : shards_) shard = std::make_unique<MemoryRows>(projection_.tables.size());
    }

    void apply(const projections::Event& event) {
        fresh_.clear();
        auto& rows = *shards_.at(projections::shard_of(event.header.partition));
        projection_.apply(event, rows);
        if (rows.gathered()) rows.gathered()->settle(rows);
    }

    void get(std::uint32_t table, std::string_view key,
             const std::function<void(std::string_view)>& visit) const override {
        const auto [begin, end] = rows(table).equal_range(std::string(key));
        for (auto row = begin; row != end; ++row) visit(row->second);
    }
    void scan(std::uint32_t table, std::string_view first, std::string_view last,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override {
        const auto& all = rows(table);
        for (auto row = all.lower_bound(std::string(first)); row != all.end(); ++row)
            if ((!last.empty() && row->first >= last) || !visit(row->first, row->second)) return;
    }
    void scan_back(std::uint32_t table, std::string_view first, std::string_view last,
                   const std::function<bool(std::string_view, std::string_view)>& visit) const override {
        const auto& all = rows(table);
        auto row = last.empty() ? all.end() : all.lower_bound(std::string(last));
        while (row != all.begin()) {
            --row;
            if (row->first < first || !visit(row->first, row->second)) return;
        }
    }

    // Every row of every table, for comparing: keys and values.
    [[nodiscard]] std::string dump() const {
        std::string all;
        for (std::uint32_t table = 0; table < projection_.tables.size(); ++table)
            for (const auto& [key, value] : rows(table)) all.append(key).append("=").append(value).append("\n");
        return all;
    }
    [[nodiscard]] std::size_t size(std::uint32_t table) const { return rows(table).size(); }

private:
    const std::multimap<std::string, std::string>& rows(std::uint32_t table) const {
        auto [place, made] = fresh_.try_emplace(table);
        if (made)
            for (const auto& shard : shards_) shard->copy_into(table, place->second);
        return place->second;
    }

    projections::Projection projection_;
    std::array<std::unique_ptr<MemoryRows>, projections::shards> shards_;
    mutable std::map<std::uint32_t, std::multimap<std::string, std::string>> fresh_;  // until the next event
};

}  // namespace tidemark::tests
