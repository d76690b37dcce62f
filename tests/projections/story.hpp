// A history for projections: events in the order in which they are told, with headers as a log would give them.
#pragma once

#include "projections/projection.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::tests {

struct Told {
    std::string tenant = "default";
    std::string actor = "ada";
    events::Micros recorded_at = 0;  // 0: as occurred
};

class Story {
public:
    static constexpr std::uint32_t partitions = 4;

    Story& sale(std::string id, v1::SaleEvent e, events::Micros at, Told told = {}) {
        const auto type = static_cast<std::uint16_t>(e.event_case());
        return tell("sale", std::move(id), type, std::move(e), at, std::move(told));
    }
    Story& customer(std::string id, v1::CustomerEvent e, events::Micros at, Told told = {}) {
        const auto type = static_cast<std::uint16_t>(e.event_case());
        return tell("customer", std::move(id), type, std::move(e), at, std::move(told));
    }
    Story& pipeline(std::string id, v1::PipelineEvent e, events::Micros at, Told told = {}) {
        const auto type = static_cast<std::uint16_t>(e.event_case());
        return tell("pipeline", std::move(id), type, std::move(e), at, std::move(told));
    }
    Story& product(std::string id, v1::ProductEvent e, events::Micros at, Told told = {}) {
        const auto type = static_cast<std::uint16_t>(e.event_case());
        return tell("product", std::move(id), type, std::move(e), at, std::move(told));
    }
    Story& delivery(std::string id, v1::DeliveryEvent e, events::Micros at, Told told = {}) {
        const auto type = static_cast<std::uint16_t>(e.event_case());
        return tell("delivery", std::move(id), type, std::move(e), at, std::move(told));
    }
    Story& rejected(std::string kind, std::string id, v1::Rejection rejection, events::Micros at, Told told = {}) {
        return tell(std::move(kind), std::move(id), 0, std::move(rejection), at, std::move(told),
                    events::RecordKind::rejection);
    }

    // Everything in the order told, or interleaved anew under a seed with the order within each partition kept.
    template <class View>
    void fold_into(View& view) const {
        for (const auto& entry : entries_) apply(*entry, view);
    }
    template <class View>
    void fold_shuffled_into(View& view, unsigned seed) const {
        std::vector<std::vector<const Entry*>> queues(partitions);
        for (const auto& entry : entries_) queues[entry->header.partition].push_back(entry.get());
        std::mt19937 random(seed);
        std::vector<std::size_t> next(partitions, 0);
        for (std::size_t left = entries_.size(); left > 0; --left) {
            std::uint32_t p = 0;
            do p = static_cast<std::uint32_t>(random() % partitions);
            while (next[p] == queues[p].size());
            apply(*queues[p][next[p]++], view);
        }
    }

private:
    struct Entry {
        std::string tenant, kind, id, actor, command_id;
        events::RecordHeader header;
        events::Payload payload;
    };

    template <class Payload>
    Story& tell(std::string kind, std::string id, std::uint16_t type, Payload payload, events::Micros at, Told told,
                events::RecordKind record = events::RecordKind::event) {
        auto entry = std::make_shared<Entry>();
        entry->tenant = std::move(told.tenant);
        entry->kind = std::move(kind);
        entry->id = std::move(id);
        entry->actor = std::move(told.actor);
        entry->command_id = "c" + std::to_string(entries_.size());
        auto& header = entry->header;
        std::uint32_t sum = 0;
        for (const char c : entry->kind + entry->id) sum = sum * 31 + static_cast<unsigned char>(c);
        header.kind = record;
        header.type = type;
        header.partition = sum % partitions;
        header.sequence = sequences_[header.partition]++;
        auto& version = versions_[entry->tenant + "/" + entry->kind + "/" + entry->id];
        header.version = record == events::RecordKind::event ? ++version : version;
        header.occurred_at = at;
        header.recorded_at = told.recorded_at != 0 ? told.recorded_at : at;
        header.tenant = entry->tenant;
        header.stream_kind = entry->kind;
        header.stream_id = entry->id;
        header.actor = entry->actor;
        header.command_id = entry->command_id;
        entry->payload = std::move(payload);
        entries_.push_back(std::move(entry));
        return *this;
    }

    template <class View>
    static void apply(const Entry& entry, View& view) {
        view.apply(projections::Event{entry.header, entry.payload});
    }

    std::vector<std::shared_ptr<const Entry>> entries_;  // told once; copies of a story share them
    std::map<std::uint32_t, events::Sequence> sequences_;
    std::map<std::string, events::Version> versions_;
};

// 2026-01-31 09:30 in UTC, as at(2026, 1, 31, 9, 30).
inline events::Micros at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
    using namespace std::chrono;
    const sys_days days{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day}};
    return duration_cast<microseconds>((days + hours{hour} + minutes{minute}).time_since_epoch()).count();
}

inline std::int32_t date(int year, unsigned month, unsigned day) {
    return static_cast<std::int32_t>(at(year, month, day) / 86'400'000'000);
}

inline v1::Money eur(std::int64_t cents) {
    v1::Money money;
    money.set_minor(cents);
    money.set_currency("EUR");
    return money;
}

}  // namespace tidemark::tests
