// The whole log folded through the aggregates: partitions side by side, each by one thread, which has the states of its
// streams.
#include "aggregates/aggregate_type.hpp"
#include "api/cli/store_commands.hpp"
#include "events/event.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <atomic>
#include <fmt/core.h>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace tidemark::api {

namespace {

constexpr std::size_t read_bytes = 1u << 20;  // what is read is folded while it lies in the processor's cache

struct Folded {
    const aggregates::AggregateType* type = nullptr;
    std::unique_ptr<aggregates::AggregateState> state;
    events::Version version = 0;
};

struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
};
// By tenant, kind and id, with 0x00 between. (A stream's digest takes longer to make than its event to fold.)
using States = std::unordered_map<std::string, Folded, Hash, std::equal_to<>>;

class Replay {
public:
    Replay(consumers::Log& log, const consumers::DerivedStores* derived, const consumers::OnProgress& progress)
        : log_(log), derived_(derived), progress_(progress) {
        for (events::Partition p = 0; p < partitions_; ++p) total_ += log.end(p).tip.next_sequence;
    }

    std::expected<ReplayedLog, std::string> run() {
        const auto started = std::chrono::steady_clock::now();
        {
            std::vector<std::jthread> others;
            const auto threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, partitions_);
            for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this] { fold_partitions(); });
            fold_partitions();
        }
        if (!fault_.empty()) return std::unexpected(fault_);
        told_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
        return std::move(told_);
    }

private:
    void fold_partitions() {
        for (events::Partition p = next_++; p < partitions_; p = next_++) {
            auto told = fold_guarded(p);
            const std::scoped_lock lock(mutex_);
            if (!told) {
                next_ = partitions_;
                if (fault_.empty()) fault_ = std::move(told.error());
                return;
            }
            add(std::move(*told));
        }
    }

    // What is thrown (a store that cannot be read) must not leave a thread of its own.
    std::expected<ReplayedLog, std::string> fold_guarded(events::Partition p) try {
        return fold_partition(p);
    } catch (const std::exception& defect) {
        return std::unexpected(fmt::format("partition {}: {}", p, defect.what()));
    }

    std::expected<ReplayedLog, std::string> fold_partition(events::Partition p) {
        ReplayedLog told;
        States states;
        std::string key;  // reused: its buffer is
        for (events::Sequence next = 0, end = log_.end(p).tip.next_sequence; next < end;) {
            auto blocks = log_.read(p, next, read_bytes);
            if (!blocks) return std::unexpected(blocks.error());
            if (blocks->empty())
                return std::unexpected(fmt::format("partition {} ends at {} where {} was due", p, next, end));
            const auto before = told.records;
            for (const auto& block : *blocks) {
                ++told.blocks;
                for (std::size_t i = 0; i < block->size(); ++i) {
                    const auto record = events::decode_record(block->record(i));
                    if (!record)
                        return std::unexpected(
                            fmt::format("partition {}, block {}: {}", p, block->header().number, record.error().what));
                    if (record->header.sequence < next) continue;
                    if (auto folded = fold_record(*record, states, key, told); !folded)
                        return std::unexpected(folded.error());
                }
                next = std::max(next, block->next_sequence());
            }
            show(told.records - before);
        }
        if (derived_ != nullptr) compare_snapshots(states, told);
        return told;
    }

    static std::expected<void, std::string> fold_record(const events::RecordView& record, States& states,
                                                        std::string& key, ReplayedLog& told) {
        ++told.records;
        if (record.header.kind != events::RecordKind::event) return {};
        ++told.events;
        const events::RecordHeader& header = record.header;
        key.assign(header.tenant).append(1, '\0').append(header.stream_kind).append(1, '\0').append(header.stream_id);
        auto found = states.find(std::string_view(key));
        if (found == states.end()) found = states.try_emplace(key).first;
        Folded& folded = found->second;
        const auto where = [&] {
            return fmt::format("{}/{} version {} (partition {}, sequence {})", header.stream_kind, header.stream_id,
                               header.version, header.partition, header.sequence);
        };
        if (folded.type == nullptr) {
            folded.type = aggregates::find_kind(header.stream_kind);
            if (folded.type == nullptr) return std::unexpected(where() + ": unknown kind of stream");
            folded.state = folded.type->make();
            ++told.streams;
        }
        if (header.version != folded.version + 1)
            return std::unexpected(where() + fmt::format(": version {} was due", folded.version + 1));
        folded.version = header.version;
        if (auto evolved = folded.state->evolve(record); !evolved)
            return std::unexpected(where() + ": " + evolved.error().what);
        return {};
    }

    static events::Key128 stream_of(std::string_view key) {
        const auto tenant = key.substr(0, key.find('\0'));
        key.remove_prefix(tenant.size() + 1);
        const auto kind = key.substr(0, key.find('\0'));
        return events::stream_key(tenant, kind, key.substr(kind.size() + 1));
    }

    // Streams whose snapshot is behind are left out: a snapshot is a cache, and may be.
    void compare_snapshots(const States& states, ReplayedLog& told) const {
        for (const auto& [key, folded] : states) {
            const auto row = derived_->snapshot(stream_of(key));
            if (!row || row->version != folded.version || row->fold_version != folded.type->fold_version) continue;
            ++told.snapshots_compared;
            const auto stored = folded.type->make();
            if (stored->restore(row->state) &&
                google::protobuf::util::MessageDifferencer::Equals(stored->message(), folded.state->message())) {
                continue;
            }
            told.differences.push_back(fmt::format("a {} at version {}: its snapshot is not what its events say",
                                                   folded.type->kind, folded.version));
        }
    }

    void show(std::uint64_t records) {
        const std::scoped_lock lock(mutex_);
        done_ += records;
        progress_({.done = done_, .total = total_});
    }

    void add(ReplayedLog of) {
        told_.blocks += of.blocks;
        told_.records += of.records;
        told_.events += of.events;
        told_.streams += of.streams;
        told_.snapshots_compared += of.snapshots_compared;
        std::ranges::move(of.differences, std::back_inserter(told_.differences));
    }

    consumers::Log& log_;
    const consumers::DerivedStores* derived_;
    const consumers::OnProgress& progress_;
    const events::Partition partitions_ = log_.identity().partitions;
    std::uint64_t total_ = 0;
    std::atomic<events::Partition> next_ = 0;
    std::mutex mutex_;  // of what follows
    std::uint64_t done_ = 0;
    ReplayedLog told_;
    std::string fault_;
};

}  // namespace

std::expected<ReplayedLog, std::string> fold_log(consumers::Log& log, const consumers::DerivedStores* derived,
                                                 const consumers::OnProgress& progress) {
    return Replay(log, derived, progress).run();
}

}  // namespace tidemark::api
