// The rows that one shard of a view is working on, decoded. Reads through to the store; what was touched stays
// dirty until it is written together with the place in the log. Entries of indexes are only gathered: no fold reads
// them. One thread.
#pragma once

#include "consumers/store/kv_store.hpp"
#include "projections/flat_index.hpp"
#include "projections/projection.hpp"

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::consumers {

// Every call that reads throws StoreFailed when the store does.
class RowCache final : public projections::Rows {
public:
    // `tables[i]` is the store's table for the fold's table i. `empty`: the store is known to hold no row of this
    // shard, so that until something is evicted a row that is not here does not exist.
    RowCache(KvStore& store, std::vector<Table> tables, std::uint32_t shard, bool empty);
    ~RowCache() override;
    RowCache(const RowCache&) = delete;
    RowCache& operator=(const RowCache&) = delete;

    google::protobuf::Message& obtain(std::uint32_t table, std::string_view key,
                                      const google::protobuf::Message& prototype) override;
    const google::protobuf::Message* find(std::uint32_t table, std::string_view key,
                                          const google::protobuf::Message& prototype) override;
    std::string& bytes(std::uint32_t table, std::string_view key) override;
    void erase(std::uint32_t table, std::string_view key) override;
    void put(std::uint32_t table, std::string_view key, std::string_view value) override;

    // From here to end_event() or undo_event() copies are kept of what is touched, and what the fold gathers is settled
    // with the event, so that it can be undone with it.
    void begin_event();
    void undo_event();
    void end_event();

    // Every dirty row, in order of table and key, each key once.
    void write_to(KvBatch& batch);
    void written();  // and the batch is in the store
    void discard();  // forgets every dirty row: back to what the store holds

    [[nodiscard]] std::size_t bytes() const;  // of memory: an estimate
    void trim(std::size_t bytes);             // forgets clean rows, rather those that were not used of late

private:
    // A row and, right behind it in memory, its key: the shard's byte first.
    struct Entry {
        std::unique_ptr<google::protobuf::Message> row;
        std::string text;  // of a row of bytes
        std::uint64_t hash = 0;
        std::size_t bytes = 0;
        std::uint32_t table = 0;
        std::uint32_t key_bytes = 0;
        bool exists = false;
        bool dirty = false;
        bool saved = false;  // in undo_
        bool used = true;    // since trim() came by
        [[nodiscard]] std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_bytes}; }
    };

    // `key` is the row's, without the shard.
    Entry* known(std::uint32_t table, std::string_view key);
    Entry* load(std::uint32_t table, std::string_view key, const google::protobuf::Message* prototype);
    Entry& add(std::uint32_t table);  // under the key that was looked up last
    void touch(Entry& entry);
    void weigh(Entry& entry, std::size_t payload);
    void forget(Entry* entry);
    static void destroy(Entry* entry);
    void write_row(Entry& entry, KvBatch& batch);
    void write_index(KvBatch& batch) const;

    KvStore& store_;
    std::vector<Table> tables_;
    bool holds_everything_;
    projections::FlatIndex<Entry*> entries_;
    std::size_t hand_ = 0;  // where trim() goes on
    std::vector<Entry*> dirty_;
    KvBatch index_;  // puts and erases, in the order in which they came
    std::size_t bytes_ = 0;
    std::string lookup_;  // shard, then key
    std::uint64_t lookup_hash_ = 0;

    struct Before {
        Entry* entry;
        bool existed;
        std::unique_ptr<google::protobuf::Message> row;
        std::string text;
    };
    bool undoable_ = false;
    std::vector<Before> undo_;
    std::size_t index_before_ = 0;
};

}  // namespace tidemark::consumers
