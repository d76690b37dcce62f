#include "consumers/projector/row_cache.hpp"

#include "consumers/projector/failures.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cassert>

namespace tidemark::consumers {

namespace {

// A decoded message takes some three times its encoded size; a new one is taken for this many bytes until it is
// written.
constexpr std::size_t decoded_factor = 3;
constexpr std::size_t new_row_bytes = 100;
constexpr std::size_t entry_overhead = 160;

// Map fields come out in one order only if told so, and a view that is made again must equal the first.
std::string serialize(const google::protobuf::Message& row) {
    std::string bytes(row.ByteSizeLong(), '\0');
    google::protobuf::io::ArrayOutputStream array(bytes.data(), static_cast<int>(bytes.size()));
    google::protobuf::io::CodedOutputStream out(&array);
    out.SetSerializationDeterministic(true);
    row.SerializeWithCachedSizes(&out);
    return bytes;
}

}  // namespace

RowCache::RowCache(KvStore& store, std::vector<Table> tables, std::uint32_t shard, bool empty)
    : store_(store), tables_(std::move(tables)), shard_(static_cast<char>(shard)), holds_everything_(empty) {
    assert(tables_.size() < 256);
}

google::protobuf::Message& RowCache::obtain(std::uint32_t table, std::string_view key,
                                            const google::protobuf::Message& prototype) {
    auto* found = load(table, key, prototype);
    auto& entry = found ? *found : add(lookup_);
    touch(entry);
    if (!entry.row) entry.row.reset(prototype.New());
    return *entry.row;
}

const google::protobuf::Message* RowCache::find(std::uint32_t table, std::string_view key,
                                                const google::protobuf::Message& prototype) {
    const auto* found = load(table, key, prototype);
    return found ? found->row.get() : nullptr;
}

void RowCache::erase(std::uint32_t table, std::string_view key) {
    auto& erased = entry(table, key);
    touch(erased);
    erased.row.reset();
    erased.text.reset();
}

void RowCache::put(std::uint32_t table, std::string_view key, std::string_view value) {
    auto& written = entry(table, key);
    touch(written);
    assert(!written.row);
    written.text = std::make_unique<std::string>(value);
}

void RowCache::begin_event() {
    undoable_ = true;
}

void RowCache::end_event() {
    for (const auto& before : undo_) before.entry->saved = false;
    undo_.clear();
    undoable_ = false;
}

void RowCache::undo_event() {
    for (auto& before : undo_) {
        before.entry->row = std::move(before.row);
        before.entry->text = std::move(before.text);
        before.entry->saved = false;
    }
    undo_.clear();
    undoable_ = false;  // dirty they stay: to write what the store holds already does no harm
}

void RowCache::write_to(KvBatch& batch) {
    for (auto* entry : dirty_) {
        const auto table = tables_[static_cast<unsigned char>(entry->key[0])];
        auto key = entry->key;
        key[0] = shard_;
        if (entry->row) {
            auto value = serialize(*entry->row);
            weigh(*entry, value.size() * decoded_factor);
            batch.put(table, std::move(key), std::move(value));
        } else if (entry->text) {
            batch.put(table, std::move(key), *entry->text);
        } else {
            batch.erase(table, std::move(key));
        }
    }
}

void RowCache::written() {
    for (auto* entry : dirty_) {
        entry->dirty = false;
        if (!entry->row) forget(by_key_.find(entry->key)->second);
    }
    dirty_.clear();
}

void RowCache::discard() {
    undo_.clear();
    undoable_ = false;
    for (auto* entry : dirty_) forget(by_key_.find(entry->key)->second);
    dirty_.clear();
    holds_everything_ = false;
}

void RowCache::trim(std::size_t bytes) {
    while (bytes_ > bytes && !entries_.empty() && !entries_.back().dirty) {
        forget(std::prev(entries_.end()));
        holds_everything_ = false;
    }
}

RowCache::Entry* RowCache::known(std::uint32_t table, std::string_view key) {
    lookup_.assign(1, static_cast<char>(table));
    lookup_.append(key);
    const auto found = by_key_.find(lookup_);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &*found->second;
}

RowCache::Entry& RowCache::entry(std::uint32_t table, std::string_view key) {
    auto* found = known(table, key);
    return found ? *found : add(lookup_);
}

RowCache::Entry* RowCache::load(std::uint32_t table, std::string_view key, const google::protobuf::Message& prototype) {
    if (auto* found = known(table, key)) return found;
    if (holds_everything_) return nullptr;
    lookup_[0] = shard_;
    const auto value = store_.get(tables_[table], lookup_);
    lookup_[0] = static_cast<char>(table);
    if (!value) throw StoreFailed(value.error().what);
    if (!*value) return nullptr;
    std::unique_ptr<google::protobuf::Message> row(prototype.New());
    if (!row->ParseFromString(**value)) throw StoreFailed("a row of a view cannot be read: rebuild the view");
    auto& entry = add(lookup_);
    entry.row = std::move(row);
    weigh(entry, (*value)->size() * decoded_factor);
    return &entry;
}

RowCache::Entry& RowCache::add(std::string key) {
    auto& entry = entries_.emplace_front();
    entry.key = std::move(key);
    by_key_.emplace(entry.key, entries_.begin());
    weigh(entry, new_row_bytes);
    return entry;
}

// Before a row is changed.
void RowCache::touch(Entry& entry) {
    if (undoable_ && !entry.saved) {
        entry.saved = true;
        auto& before = undo_.emplace_back(Before{&entry, nullptr, nullptr});
        if (entry.row) {
            before.row.reset(entry.row->New());
            before.row->CopyFrom(*entry.row);
        }
        if (entry.text) before.text = std::make_unique<std::string>(*entry.text);
    }
    if (entry.dirty) return;
    entry.dirty = true;
    dirty_.push_back(&entry);
}

void RowCache::weigh(Entry& entry, std::size_t payload) {
    bytes_ -= entry.bytes;
    entry.bytes = entry_overhead + entry.key.size() + payload;
    bytes_ += entry.bytes;
}

void RowCache::forget(Entries::iterator entry) {
    bytes_ -= entry->bytes;
    by_key_.erase(entry->key);
    entries_.erase(entry);
}

}  // namespace tidemark::consumers
