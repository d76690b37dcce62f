// A log with price changes in it, a tiny view of them, and a store that can fail: what the projector's tests share.
#pragma once

#include "consumers/projector/projector.hpp"
#include "events/merkle.hpp"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/wrappers.pb.h>

#include <atomic>
#include <map>
#include <set>
#include <stdexcept>

namespace tidemark::consumers::test {

using namespace std::chrono_literals;
using google::protobuf::UInt64Value;

inline std::chrono::steady_clock::time_point soon() {
    return std::chrono::steady_clock::now() + 20s;
}

inline constexpr events::Micros first_moment = 1'767'225'600'000'000;

// Appends events of products to a log: product "p7" gets the price changes 1, 2, 3 ... or whatever is asked for.
class PriceList {
public:
    explicit PriceList(Log& log) : log_(log) {}

    struct Change {
        std::string product;
        std::int64_t price;
    };

    [[nodiscard]] events::Partition partition_of(const std::string& product) const {
        return events::partition_of(events::default_tenant, "product", product, log_.identity().partitions);
    }

    // One block for each partition that is touched. Returns the positions of the changes.
    std::vector<events::Position> append(const std::vector<Change>& changes) {
        std::map<events::Partition, std::vector<Change>> by_partition;
        for (const auto& change : changes) by_partition[partition_of(change.product)].push_back(change);
        std::vector<events::Position> positions;
        for (const auto& [partition, its] : by_partition) {
            for (const auto position : append_block(partition, its)) positions.push_back(position);
        }
        return positions;
    }

    void append_barrier(events::Partition partition) { (void)append_block(partition, {}); }

    // `count` changes over some products, a few a block.
    void append_many(std::size_t count, std::size_t products = 7, std::size_t per_block = 5) {
        for (std::size_t i = 0; i < count;) {
            std::vector<Change> changes;
            for (std::size_t k = 0; k < per_block && i < count; ++k, ++i) {
                changes.push_back({"p" + std::to_string(i % products), ++next_price_});
            }
            (void)append(changes);
        }
    }

    [[nodiscard]] std::vector<events::Position> ends() const {
        std::vector<events::Position> ends;
        for (events::Partition p = 0; p < log_.identity().partitions; ++p) {
            const auto next = log_.end(p).tip.next_sequence;
            if (next > 0) ends.push_back({p, next - 1});
        }
        return ends;
    }

    // Everything that was appended, in the order of each product.
    [[nodiscard]] const std::map<std::string, std::vector<std::int64_t>>& history() const { return history_; }

private:
    std::vector<events::Position> append_block(events::Partition partition, const std::vector<Change>& changes) {
        auto [tip, edge] = log_.end(partition);
        events::BlockBuilder builder;
        std::vector<events::Position> positions;
        for (const auto& change : changes) {
            auto& prices = history_[change.product];
            v1::ProductEvent event;
            event.mutable_list_price_changed()->mutable_to()->set_minor(change.price);
            events::RecordHeader header;
            header.type = 2;
            header.partition = partition;
            header.sequence = tip.next_sequence + positions.size();
            header.version = prices.size() + 1;
            header.recorded_at = first_moment + static_cast<events::Micros>(header.sequence);
            header.tenant = events::default_tenant;
            header.stream_kind = "product";
            header.stream_id = change.product;
            builder.add(header, event.SerializeAsString());
            edge.append(builder.leaf_hashes().back());
            positions.push_back({partition, header.sequence});
            prices.push_back(change.price);
        }
        events::BlockHeader header;
        header.log_id = log_.identity().id;
        header.incarnation = log_.identity().incarnation;
        header.partition = partition;
        header.number = tip.next_number;
        header.first_sequence = tip.next_sequence;
        header.owner_epoch = tip.owner_epoch + (changes.empty() ? 1 : 0);
        header.owner = tip.owner;
        header.tree_size = edge.size();
        header.root = edge.root();
        header.previous = tip.digest;
        std::vector<AppendResult> results;
        log_.append({builder.seal(header)}, [&](std::vector<AppendResult> done) { results = std::move(done); });
        // Threads of tests append too, and Catch2's macros are for one thread.
        if (results.size() != 1 || results[0].status != AppendStatus::counted) {
            throw std::logic_error("the log did not take a block");
        }
        return positions;
    }

    Log& log_;
    std::int64_t next_price_ = 0;
    std::map<std::string, std::vector<std::int64_t>> history_;
};

// Prices that the view below refuses, as a faulty fold would.
struct Poison {
    std::mutex mutex;
    std::set<std::int64_t> prices;
    void set(std::set<std::int64_t> to) {
        const std::scoped_lock lock(mutex);
        prices = std::move(to);
    }
    bool contains(std::int64_t price) {
        const std::scoped_lock lock(mutex);
        return prices.contains(price);
    }
};

// A fingerprint of a product's prices that depends on their order and on how often each was folded.
inline std::uint64_t fingerprint(std::uint64_t before, std::int64_t price) {
    return before * 1'000'003 + static_cast<std::uint64_t>(price);
}

// Tables: per product, summed over all, and an index by price. A poisonous price throws when rows are half changed.
inline projections::Projection price_view(std::shared_ptr<Poison> poison, std::uint64_t version = 1,
                                          std::string name = "prices") {
    return {std::move(name),
            version,
            {"product", "sum", "by_price"},
            [poison](const projections::Event& event, projections::Rows& rows) {
                const auto& payload = std::get<v1::ProductEvent>(event.payload);
                const auto price = payload.list_price_changed().to().minor();
                auto& product = rows.row<UInt64Value>(0, event.header.stream_id);
                product.set_value(fingerprint(product.value(), price));
                rows.put(2, std::to_string(price), event.header.stream_id);
                if (poison->contains(price)) throw std::runtime_error("no such price: " + std::to_string(price));
                auto& sum = rows.row<UInt64Value>(1, "all");
                sum.set_value(sum.value() + static_cast<std::uint64_t>(price));
            }};
}

// What a view holds, or ought to.
struct Prices {
    std::map<std::string, std::uint64_t> products;
    std::uint64_t sum = 0;
    std::map<std::string, std::string> by_price;
    bool operator==(const Prices&) const = default;
};

inline Prices fresh_fold(const std::map<std::string, std::vector<std::int64_t>>& history) {
    Prices fold;
    for (const auto& [product, prices] : history) {
        for (const auto price : prices) {
            auto& print = fold.products[product];
            print = fingerprint(print, price);
            fold.sum += static_cast<std::uint64_t>(price);
            fold.by_price[std::to_string(price)] = product;
        }
    }
    return fold;
}

inline Prices seen_in(const projections::ViewReader& view) {
    Prices seen;
    const auto number = [](std::string_view bytes) {
        UInt64Value value;
        REQUIRE(value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
        return value.value();
    };
    view.scan(0, "", "", [&](std::string_view key, std::string_view value) {
        seen.products[std::string(key)] += number(value);
        return true;
    });
    view.get(1, "all", [&](std::string_view value) { seen.sum += number(value); });
    view.scan(2, "", "", [&](std::string_view key, std::string_view value) {
        seen.by_price[std::string(key)] = value;
        return true;
    });
    return seen;
}

inline std::ostream& operator<<(std::ostream& out, const Prices& prices) {
    out << "sum " << prices.sum;
    for (const auto& [product, print] : prices.products) out << ' ' << product << '=' << print;
    return out << " and " << prices.by_price.size() << " prices";
}

// Passes everything on to another store until its fuse has burnt down: then every write fails, the first of them after
// having landed all the same if so told. As a killed process leaves a store behind.
class FragileKv final : public KvStore {
public:
    FragileKv(KvStore& inner, std::size_t writes, bool last_lands)
        : inner_(inner), left_(writes), last_lands_(last_lands) {}

    [[nodiscard]] bool broken() const { return broken_; }

    std::expected<std::optional<std::string>, KvError> get(Table table, std::string_view key) override {
        return inner_.get(table, key);
    }
    std::unique_ptr<KvSnapshot> snapshot() override { return inner_.snapshot(); }
    std::expected<void, KvError> write(KvBatch batch, Durability durability) override {
        const std::scoped_lock lock(mutex_);
        if (burn()) return inner_.write(std::move(batch), durability);
        if (std::exchange(last_lands_, false)) (void)inner_.write(std::move(batch), durability);
        return std::unexpected(KvError{"the store broke"});
    }
    std::expected<void, KvError> write_bulk(KvBatch batch) override {
        return write(std::move(batch), Durability::synced);
    }
    std::expected<void, KvError> ingest(std::vector<KvRun>, KvBatch) override {
        return std::unexpected(KvError{"not used here"});
    }
    std::expected<void, KvError> clear(Table table) override {
        const std::scoped_lock lock(mutex_);
        if (burn()) return inner_.clear(table);
        return std::unexpected(KvError{"the store broke"});
    }
    std::uint64_t disk_bytes(Table table) override { return inner_.disk_bytes(table); }

    void mend() {
        const std::scoped_lock lock(mutex_);
        left_ = std::numeric_limits<std::size_t>::max();
        broken_ = false;
    }

private:
    bool burn() {
        if (left_ > 0) {
            --left_;
            return true;
        }
        broken_ = true;
        return false;
    }

    KvStore& inner_;
    std::mutex mutex_;
    std::size_t left_;
    bool last_lands_;
    std::atomic<bool> broken_ = false;
};

}  // namespace tidemark::consumers::test
