#include "consumers/derived/snapshot_maker.hpp"

#include "aggregates/aggregate_type.hpp"
#include "consumers/derived/generation.hpp"
#include "events/event.hpp"

namespace tidemark::consumers {
namespace {

constexpr std::string_view folds_key = "folds";
constexpr std::size_t held_streams = 100'000;  // folded in memory before they are written
constexpr std::size_t read_bytes = 4u << 20;

std::string folds_of_this_program() {
    std::string text;
    for (const aggregates::AggregateType& type : aggregates::registry()) {
        text += std::string(type.kind) + ":" + std::to_string(type.fold_version) + ":" +
                std::to_string(events::schema_version_of(type.kind)) + " ";
    }
    return text;
}

class SnapshotMaker {
public:
    SnapshotMaker(Log& log, KvStore& store, const OnProgress& progress)
        : log_(log), store_(store), progress_(progress) {}

    std::expected<void, std::string> run() {
        for (events::Partition partition = 0; partition < log_.identity().partitions; ++partition) {
            total_ += log_.tip(partition).next_sequence;
        }
        for (events::Partition partition = 0; partition < log_.identity().partitions; ++partition) {
            if (auto scanned = scan(partition); !scanned) return scanned;
        }
        return write();
    }

private:
    struct Held {
        const aggregates::AggregateType* type = nullptr;
        std::unique_ptr<aggregates::AggregateState> state;
        events::Version version = 0;
    };

    std::expected<void, std::string> scan(events::Partition partition) {
        events::Sequence next = 0;
        const events::Sequence end = log_.tip(partition).next_sequence;
        while (next < end) {
            const auto blocks = log_.read(partition, next, read_bytes);
            if (!blocks) return std::unexpected(blocks.error());
            for (const events::BlockPtr& block : *blocks) {
                for (std::size_t i = 0; i < block->size(); ++i) {
                    if (auto folded = fold(block->record(i)); !folded) return folded;
                }
                next = block->next_sequence();
                done_ += block->size();
            }
            if (blocks->empty()) break;
            if (progress_) progress_({done_, total_});
            if (held_.size() >= held_streams) {
                if (auto written = write(); !written) return written;
            }
        }
        return {};
    }

    std::expected<void, std::string> fold(std::string_view bytes) {
        const auto record = events::decode_record(bytes);
        if (!record) return std::unexpected(record.error().what);
        const events::RecordHeader& header = record->header;
        if (header.kind != events::RecordKind::event) return {};
        const events::Key128 key = events::stream_key(header.tenant, header.stream_kind, header.stream_id);
        auto [it, fresh] = held_.try_emplace(key);
        if (fresh) {
            if (auto loaded = load(key, header.stream_kind, it->second); !loaded) return loaded;
        }
        if (header.version <= it->second.version) return {};
        if (auto folded = it->second.state->evolve(*record); !folded) return std::unexpected(folded.error().what);
        it->second.version = header.version;
        return {};
    }

    // Goes on from what an earlier part of the scan has written.
    std::expected<void, std::string> load(const events::Key128& key, std::string_view kind, Held& held) {
        held.type = aggregates::find_kind(kind);
        if (held.type == nullptr)
            return std::unexpected("the log has streams of a kind unknown here: " + std::string(kind));
        held.state = held.type->make();
        const auto row = store_.get(DerivedTable::snapshots, key.view());
        if (!row) return std::unexpected(row.error().what);
        if (!*row) return {};
        const auto stored = decode_snapshot(**row);
        if (!stored || !held.state->restore(stored->state))
            return std::unexpected("a snapshot written a moment ago does not parse");
        held.version = stored->version;
        return {};
    }

    std::expected<void, std::string> write() {
        Generation generation;
        for (auto& [key, held] : held_) {
            generation.add_snapshot(key,
                                    {held.version, held.type->fold_version, held.state->message().SerializeAsString()});
        }
        held_.clear();
        if (auto written = store_.ingest(generation.runs(), {}); !written) return std::unexpected(written.error().what);
        return {};
    }

    Log& log_;
    KvStore& store_;
    const OnProgress& progress_;
    ByKey<Held> held_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace

std::expected<void, std::string> remake_snapshots_if_folds_changed(Log& log, KvStore& store,
                                                                   const OnProgress& progress) {
    const std::string folds = folds_of_this_program();
    const auto known = store.get(DerivedTable::meta, folds_key);
    if (!known) return std::unexpected(known.error().what);
    if (*known == folds) return {};
    if (auto cleared = store.clear(DerivedTable::snapshots); !cleared) return std::unexpected(cleared.error().what);
    if (auto made = SnapshotMaker(log, store, progress).run(); !made) return made;
    KvBatch batch;
    batch.put(DerivedTable::meta, std::string(folds_key), folds);
    if (auto written = store.write(std::move(batch), Durability::buffered); !written)
        return std::unexpected(written.error().what);
    return {};
}

}  // namespace tidemark::consumers
