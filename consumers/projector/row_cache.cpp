#include "consumers/projector/row_cache.hpp"

#include "consumers/projector/failures.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cassert>
#include <new>
#include <numeric>

namespace tidemark::consumers {

namespace {

// A decoded message takes some three times its encoded size; a new one is taken for this many bytes until it is
// written.
constexpr std::size_t decoded_factor = 3;
constexpr std::size_t new_row_bytes = 100;
constexpr std::size_t place_bytes = 48;  // in the hash table and the allocator, an entry

// Map fields come out in one order only if told so, and a view that is made again must equal the first. Returns the
// size.
std::size_t serialize(const google::protobuf::Message& row, Table table, std::string_view key, KvBatch& batch) {
    const auto size = row.ByteSizeLong();
    google::protobuf::io::ArrayOutputStream array(batch.make_room(table, key, size), static_cast<int>(size));
    google::protobuf::io::CodedOutputStream out(&array);
    out.SetSerializationDeterministic(true);
    row.SerializeWithCachedSizes(&out);
    return size;
}

}  // namespace

RowCache::RowCache(KvStore& store, std::vector<Table> tables, std::uint32_t shard, bool empty)
    : store_(store), tables_(std::move(tables)), holds_everything_(empty), lookup_(1, static_cast<char>(shard)) {}

RowCache::~RowCache() {
    for (std::size_t place = 0; place < entries_.places(); ++place) {
        if (auto* entry = entries_.at(place)) destroy(*entry);
    }
}

google::protobuf::Message& RowCache::obtain(std::uint32_t table, std::string_view key,
                                            const google::protobuf::Message& prototype) {
    auto* found = load(table, key, &prototype);
    auto& entry = found ? *found : add(table);
    touch(entry);
    entry.exists = true;
    if (!entry.row) entry.row.reset(prototype.New());
    return *entry.row;
}

const google::protobuf::Message* RowCache::find(std::uint32_t table, std::string_view key,
                                                const google::protobuf::Message& prototype) {
    const auto* found = load(table, key, &prototype);
    return found && found->exists ? found->row.get() : nullptr;
}

std::string& RowCache::bytes(std::uint32_t table, std::string_view key) {
    auto* found = load(table, key, nullptr);
    auto& entry = found ? *found : add(table);
    touch(entry);
    entry.exists = true;
    return entry.text;
}

void RowCache::erase(std::uint32_t table, std::string_view key) {
    lookup_.resize(1);
    index_.erase(tables_[table], lookup_.append(key));
}

void RowCache::put(std::uint32_t table, std::string_view key, std::string_view value) {
    lookup_.resize(1);
    index_.put(tables_[table], lookup_.append(key), value);
}

void RowCache::begin_event() {
    if (gathered()) gathered()->settle(*this);
    undoable_ = true;
    index_before_ = index_.size();
}

void RowCache::end_event() {
    if (!undoable_) return;
    if (gathered()) gathered()->settle(*this);
    for (const auto& before : undo_) before.entry->saved = false;
    undo_.clear();
    undoable_ = false;
}

void RowCache::undo_event() {
    if (!undoable_) return;  // nothing was begun: what was gathered and put is of the events before
    gathered().reset();
    for (auto& before : undo_) {
        before.entry->exists = before.existed;
        before.entry->row = std::move(before.row);
        before.entry->text = std::move(before.text);
        before.entry->saved = false;
    }
    undo_.clear();
    index_.truncate(index_before_);
    undoable_ = false;  // dirty they stay: to write what the store holds already does no harm
}

void RowCache::write_to(KvBatch& batch) {
    if (gathered()) gathered()->settle(*this);
    std::ranges::sort(dirty_, [](const Entry* one, const Entry* two) {
        return one->table != two->table ? one->table < two->table : one->key() < two->key();
    });
    for (auto* entry : dirty_) write_row(*entry, batch);
    write_index(batch);
}

void RowCache::write_row(Entry& entry, KvBatch& batch) {
    const auto table = tables_[entry.table];
    if (!entry.exists) {
        batch.erase(table, entry.key());
    } else if (entry.row) {
        weigh(entry, decoded_factor * serialize(*entry.row, table, entry.key(), batch));
    } else {
        weigh(entry, entry.text.size());
        batch.put(table, entry.key(), entry.text);
    }
}

// Of several entries under one key the last counts.
void RowCache::write_index(KvBatch& batch) const {
    std::vector<std::uint32_t> order(index_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(order, [&](std::uint32_t one, std::uint32_t two) {
        const auto a = index_[one];
        const auto b = index_[two];
        if (a.table != b.table) return a.table < b.table;
        const auto compared = a.key.compare(b.key);
        return compared != 0 ? compared < 0 : one < two;
    });
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto op = index_[order[i]];
        if (i + 1 < order.size()) {
            const auto next = index_[order[i + 1]];
            if (next.table == op.table && next.key == op.key) continue;
        }
        if (op.value) {
            batch.put(op.table, op.key, *op.value);
        } else {
            batch.erase(op.table, op.key);
        }
    }
}

void RowCache::written() {
    for (auto* entry : dirty_) {
        entry->dirty = false;
        if (!entry->exists) forget(entry);
    }
    dirty_.clear();
    index_.clear();
}

void RowCache::discard() {
    gathered().reset();
    undo_.clear();
    undoable_ = false;
    for (auto* entry : dirty_) forget(entry);
    dirty_.clear();
    index_.clear();
    holds_everything_ = false;
}

std::size_t RowCache::bytes() const {
    return bytes_ + index_.bytes() + (gathered() ? gathered()->bytes() : 0);
}

// A hand goes round: what was used since it last came by is passed over once.
void RowCache::trim(std::size_t bytes) {
    for (std::size_t steps = 3 * entries_.places(); bytes_ > bytes && steps > 0; --steps) {
        if (hand_ >= entries_.places()) hand_ = 0;
        auto* entry = entries_.at(hand_);
        if (!entry || (*entry)->dirty || std::exchange((*entry)->used, false)) {
            ++hand_;
            continue;
        }
        forget(*entry);  // another one may have moved to its place
        holds_everything_ = false;
    }
}

RowCache::Entry* RowCache::known(std::uint32_t table, std::string_view key) {
    lookup_.resize(1);
    lookup_.append(key);
    lookup_hash_ = projections::mix(projections::hash_of(lookup_), table);
    auto* const* found = entries_.find(
        lookup_hash_, [&](const Entry* entry) { return entry->table == table && entry->key() == lookup_; });
    if (!found) return nullptr;
    (*found)->used = true;
    return *found;
}

RowCache::Entry* RowCache::load(std::uint32_t table, std::string_view key, const google::protobuf::Message* prototype) {
    if (auto* found = known(table, key)) return found;
    if (holds_everything_) return nullptr;
    auto value = store_.get(tables_[table], lookup_);
    if (!value) throw StoreFailed(value.error().what);
    if (!*value) return nullptr;
    std::unique_ptr<google::protobuf::Message> row(prototype ? prototype->New() : nullptr);
    if (row && !row->ParseFromString(**value)) throw StoreFailed("a row of a view cannot be read: rebuild the view");
    auto& entry = add(table);
    entry.exists = true;
    weigh(entry, (*value)->size() * (row ? decoded_factor : 1));
    entry.row = std::move(row);
    if (!prototype) entry.text = std::move(**value);
    return &entry;
}

RowCache::Entry& RowCache::add(std::uint32_t table) {
    auto* entry = new (::operator new(sizeof(Entry) + lookup_.size())) Entry;
    std::ranges::copy(lookup_, reinterpret_cast<char*>(entry + 1));
    entry->table = table;
    entry->key_bytes = static_cast<std::uint32_t>(lookup_.size());
    entry->hash = lookup_hash_;
    entries_.add(entry->hash, entry);
    weigh(*entry, new_row_bytes);
    return *entry;
}

// Before a row is changed.
void RowCache::touch(Entry& entry) {
    if (undoable_ && !entry.saved) {
        entry.saved = true;
        auto& before = undo_.emplace_back(Before{&entry, entry.exists, nullptr, entry.text});
        if (entry.row) {
            before.row.reset(entry.row->New());
            before.row->CopyFrom(*entry.row);
        }
    }
    if (entry.dirty) return;
    entry.dirty = true;
    dirty_.push_back(&entry);
}

void RowCache::weigh(Entry& entry, std::size_t payload) {
    bytes_ -= entry.bytes;
    entry.bytes = sizeof(Entry) + place_bytes + entry.key_bytes + payload;
    bytes_ += entry.bytes;
}

void RowCache::forget(Entry* entry) {
    bytes_ -= entry->bytes;
    entries_.remove(entry->hash, [&](const Entry* other) { return other == entry; });
    destroy(entry);
}

void RowCache::destroy(Entry* entry) {
    entry->~Entry();
    ::operator delete(entry);
}

}  // namespace tidemark::consumers
