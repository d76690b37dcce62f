// Writes a log record by record, with the times and versions that a test says: no processor, no clock.
#pragma once

#include "consumers/log/log.hpp"
#include "events/event.hpp"

#include <map>
#include <stdexcept>
#include <string>

namespace tidemark::tests {

class LogWriter {
public:
    explicit LogWriter(consumers::Log& log) : log_(log) {}

    // Adds the stream's next event to the open block of its partition; returns where it will lie.
    template <class E>
    events::Position add(std::string kind, std::string id, const E& event, events::Micros occurred_at,
                         events::Micros recorded_at) {
        events::RecordHeader header;
        header.type = static_cast<std::uint16_t>(event.event_case());
        header.version = ++versions_[kind + "/" + id];
        header.occurred_at = occurred_at;
        header.recorded_at = recorded_at;
        return add_record(kind, id, header, event.SerializeAsString());
    }

    // As it is said, but for the place in the log and the names.
    events::Position add_record(std::string_view kind, std::string_view id, events::RecordHeader header,
                                std::string_view payload) {
        const auto partition = events::partition_of(events::default_tenant, kind, id, log_.identity().partitions);
        Open& open = open_block(partition);
        const std::string command = "command-" + std::to_string(++commands_);
        header.partition = partition;
        header.sequence = open.end.tip.next_sequence + open.builder.count();
        header.schema_version = events::schema_version_of(kind);
        header.tenant = events::default_tenant;
        header.stream_kind = kind;
        header.stream_id = id;
        if (header.command_id.empty()) header.command_id = command;
        open.builder.add(header, payload);
        return {partition, header.sequence};
    }

    // Appends the open blocks; throws unless they count.
    void flush() {
        std::vector<events::BlockPtr> group;
        for (auto& [partition, open] : open_) {
            for (const events::Digest& leaf : open.builder.leaf_hashes()) open.end.edge.append(leaf);
            events::BlockHeader header;
            header.log_id = log_.identity().id;
            header.incarnation = log_.identity().incarnation;
            header.partition = partition;
            header.number = open.end.tip.next_number;
            header.first_sequence = open.end.tip.next_sequence;
            header.owner_epoch = 1;
            header.tree_size = open.end.edge.size();
            header.root = open.end.edge.root();
            header.previous = open.end.tip.digest;
            group.push_back(open.builder.seal(header));
        }
        open_.clear();
        bool counted = false;
        log_.append(std::move(group), [&](const std::vector<consumers::AppendResult>& results) {
            counted = true;
            for (const auto& result : results) counted = counted && result.status == consumers::AppendStatus::counted;
        });
        if (!counted) throw std::runtime_error("a block of the test's own does not count");
    }

private:
    struct Open {
        consumers::Log::End end;
        events::BlockBuilder builder;
    };
    Open& open_block(events::Partition partition) {
        const auto [it, fresh] = open_.try_emplace(partition);
        if (fresh) it->second.end = log_.end(partition);
        return it->second;
    }

    consumers::Log& log_;
    std::map<events::Partition, Open> open_;
    std::map<std::string, events::Version> versions_;
    std::uint64_t commands_ = 0;
};

}  // namespace tidemark::tests
