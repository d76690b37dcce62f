#include "consumers/projector/view_reader.hpp"

#include "consumers/projector/failures.hpp"

#include <deque>

namespace tidemark::consumers {

namespace {

constexpr std::size_t first_chunk = 64;
constexpr std::size_t largest_chunk = 4096;

enum class Direction : std::uint8_t { up, down };

// One shard's rows of a range, a chunk at a time, so that a scan that ends early reads little.
class ShardRows {
public:
    ShardRows(const KvSnapshot& snapshot, Table table, std::uint32_t shard, std::string_view first,
              std::string_view last, Direction direction)
        : snapshot_(snapshot),
          table_(table),
          first_(shard_prefix(shard).append(first)),
          last_(last.empty() ? after_prefix(shard_prefix(shard)) : shard_prefix(shard).append(last)),
          direction_(direction) {
        fill();
    }

    struct Row {
        std::string key;  // without the shard
        std::string value;
    };
    [[nodiscard]] const Row* front() const { return rows_.empty() ? nullptr : &rows_.front(); }

    void pop() {
        rows_.pop_front();
        if (rows_.empty() && !ended_) fill();
    }

private:
    void fill() {
        const auto keep = [&](std::string_view key, std::string_view value) {
            rows_.push_back({std::string(key.substr(1)), std::string(value)});
            return rows_.size() < chunk_;
        };
        const auto scanned = direction_ == Direction::up ? snapshot_.scan(table_, first_, last_, keep)
                                                         : snapshot_.scan_back(table_, first_, last_, keep);
        if (!scanned) throw StoreFailed(scanned.error().what);
        ended_ = rows_.size() < chunk_;
        chunk_ = std::min(chunk_ * 4, largest_chunk);
        if (ended_) return;
        if (direction_ == Direction::up) {
            first_.resize(1);
            first_.append(rows_.back().key).push_back('\0');  // the next possible key
        } else {
            last_.resize(1);
            last_.append(rows_.back().key);
        }
    }

    const KvSnapshot& snapshot_;
    Table table_;
    std::string first_;
    std::string last_;
    Direction direction_;
    std::size_t chunk_ = first_chunk;
    std::deque<Row> rows_;
    bool ended_ = false;
};

class MergedReader final : public projections::ViewReader {
public:
    MergedReader(std::unique_ptr<KvSnapshot> snapshot, ColourTables tables)
        : snapshot_(std::move(snapshot)), tables_(std::move(tables)) {}

    void get(std::uint32_t table, std::string_view key,
             const std::function<void(std::string_view value)>& visit) const override {
        for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
            const auto value = snapshot_->get(tables_.rows.at(table), shard_prefix(shard).append(key));
            if (!value) throw StoreFailed(value.error().what);
            if (*value) visit(**value);
        }
    }

    void scan(std::uint32_t table, std::string_view first, std::string_view last,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
        merge(table, first, last, Direction::up, visit);
    }

    void scan_back(std::uint32_t table, std::string_view first, std::string_view last,
                   const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
        merge(table, first, last, Direction::down, visit);
    }

private:
    void merge(std::uint32_t table, std::string_view first, std::string_view last, Direction direction,
               const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
        std::deque<ShardRows> shards;
        for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
            shards.emplace_back(*snapshot_, tables_.rows.at(table), shard, first, last, direction);
        }
        const auto comes_before = [&](const std::string& one, const std::string& two) {
            return direction == Direction::up ? one < two : two < one;
        };
        for (;;) {
            ShardRows* next = nullptr;
            for (auto& shard : shards) {
                if (!shard.front()) continue;
                if (!next || comes_before(shard.front()->key, next->front()->key)) next = &shard;
            }
            if (!next || !visit(next->front()->key, next->front()->value)) return;
            next->pop();
        }
    }

    std::unique_ptr<KvSnapshot> snapshot_;
    ColourTables tables_;
};

}  // namespace

std::unique_ptr<projections::ViewReader> make_view_reader(std::unique_ptr<KvSnapshot> snapshot, ColourTables tables) {
    return std::make_unique<MergedReader>(std::move(snapshot), std::move(tables));
}

}  // namespace tidemark::consumers
