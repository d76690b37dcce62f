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
        std::string_view key;  // without the shard
        std::string_view value;
    };
    // Until the next pop().
    [[nodiscard]] std::optional<Row> front() const {
        if (next_ == rows_.size()) return {};
        const auto& [begin, key, value] = rows_[next_];
        const std::string_view bytes(bytes_);
        return Row{bytes.substr(begin, key), bytes.substr(begin + key, value)};
    }

    void pop() {
        if (++next_ == rows_.size() && !ended_) fill();
    }

private:
    struct Place {  // in bytes_: the key, then the value
        std::size_t begin, key, value;
    };

    void fill() {
        if (next_ > 0) start_behind(last_key());
        bytes_.clear();
        rows_.clear();
        next_ = 0;
        const auto keep = [&](std::string_view key, std::string_view value) {
            key.remove_prefix(1);
            rows_.push_back({bytes_.size(), key.size(), value.size()});
            bytes_.append(key).append(value);
            return rows_.size() < chunk_;
        };
        const auto scanned = direction_ == Direction::up ? snapshot_.scan(table_, first_, last_, keep)
                                                         : snapshot_.scan_back(table_, first_, last_, keep);
        if (!scanned) throw StoreFailed(scanned.error().what);
        ended_ = rows_.size() < chunk_;
        chunk_ = std::min(chunk_ * 4, largest_chunk);
    }

    [[nodiscard]] std::string_view last_key() const {
        return std::string_view(bytes_).substr(rows_.back().begin, rows_.back().key);
    }

    void start_behind(std::string_view key) {
        auto& edge = direction_ == Direction::up ? first_ : last_;
        edge.resize(1);
        edge.append(key);
        if (direction_ == Direction::up) edge.push_back('\0');  // the next possible key
    }

    const KvSnapshot& snapshot_;
    Table table_;
    std::string first_;
    std::string last_;
    Direction direction_;
    std::size_t chunk_ = first_chunk;
    std::string bytes_;  // of the chunk
    std::vector<Place> rows_;
    std::size_t next_ = 0;  // in rows_
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
        const auto comes_before = [&](std::string_view one, std::string_view two) {
            return direction == Direction::up ? one < two : two < one;
        };
        for (;;) {
            ShardRows* next = nullptr;
            std::optional<ShardRows::Row> row;
            for (auto& shard : shards) {
                const auto front = shard.front();
                if (!front || (row && !comes_before(front->key, row->key))) continue;
                next = &shard;
                row = front;
            }
            if (!next || !visit(row->key, row->value)) return;
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
