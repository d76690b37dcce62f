// The rows that one shard of a view is working on, decoded. Reads through to the store; what was touched stays
// dirty until it is written together with the place in the log. One thread.
#pragma once

#include "consumers/store/kv_store.hpp"
#include "projections/projection.hpp"

#include <google/protobuf/message.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidemark::consumers {

// Every call that reads throws StoreFailed when the store does.
class RowCache final : public projections::Rows {
public:
    // `tables[i]` is the store's table for the fold's table i. `empty`: the store is known to hold no row of this
    // shard, so that until something is evicted a row that is not here does not exist.
    RowCache(KvStore& store, std::vector<Table> tables, std::uint32_t shard, bool empty);

    google::protobuf::Message& obtain(std::uint32_t table, std::string_view key,
                                      const google::protobuf::Message& prototype) override;
    const google::protobuf::Message* find(std::uint32_t table, std::string_view key,
                                          const google::protobuf::Message& prototype) override;
    void erase(std::uint32_t table, std::string_view key) override;
    void put(std::uint32_t table, std::string_view key, std::string_view value) override;

    // From here to end_event() or undo_event() copies are kept of what is touched.
    void begin_event();
    void undo_event();
    void end_event();

    void write_to(KvBatch& batch);  // every dirty row
    void written();                 // and the batch is in the store
    void discard();                 // forgets every dirty row: back to what the store holds

    [[nodiscard]] std::size_t bytes() const { return bytes_; }  // estimate
    void trim(std::size_t bytes);                               // forgets clean rows, the least recently used first

private:
    struct Entry {
        std::string key;                                 // table byte, then the row's key
        std::unique_ptr<google::protobuf::Message> row;  // neither: there is no such row
        std::unique_ptr<std::string> text;               // of a table without row messages
        std::size_t bytes = 0;
        bool dirty = false;
        bool saved = false;  // in undo_
    };
    using Entries = std::list<Entry>;  // the most recently used first

    Entry* known(std::uint32_t table, std::string_view key);
    Entry& entry(std::uint32_t table, std::string_view key);
    Entry* load(std::uint32_t table, std::string_view key, const google::protobuf::Message& prototype);
    Entry& add(std::string key);
    void touch(Entry& entry);
    void weigh(Entry& entry, std::size_t payload);
    void forget(Entries::iterator entry);

    KvStore& store_;
    std::vector<Table> tables_;
    char shard_;
    bool holds_everything_;
    Entries entries_;
    std::unordered_map<std::string_view, Entries::iterator> by_key_;
    std::vector<Entry*> dirty_;
    std::size_t bytes_ = 0;
    std::string lookup_;

    struct Before {
        Entry* entry;
        std::unique_ptr<google::protobuf::Message> row;
        std::unique_ptr<std::string> text;
    };
    bool undoable_ = false;
    std::vector<Before> undo_;
};

}  // namespace tidemark::consumers
