#include "consumers/derived/derived_stores.hpp"

#include "consumers/derived/block_follower.hpp"
#include "consumers/derived/snapshot_maker.hpp"

#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace tidemark::consumers {
namespace {

constexpr std::size_t read_bytes = 4u << 20;
constexpr std::size_t cached_references = 200'000;

std::string identity_text(const LogIdentity& identity) {
    return identity.id.text() + "/" + std::to_string(identity.incarnation) + "/" + std::to_string(identity.partitions);
}

}  // namespace

// Two threads: the follower reads the log into the active generation; the writer writes the former one.
struct DerivedStores::Impl {
    Impl(Log& log_in, KvStore& store_in, DerivedOptions options_in)
        : log(log_in), store(store_in), options(options_in), followed(log_in.identity().partitions) {}

    Log& log;
    KvStore& store;
    DerivedOptions options;

    // Look-ups: shared lock. The follower (block by block) and the writer (at a switch): exclusive.
    mutable std::shared_mutex rows_mutex;
    std::shared_ptr<Generation> active = std::make_shared<Generation>();
    std::shared_ptr<const Generation> writing;
    mutable ByKey<std::shared_ptr<const v1::Reference>> reference_cache;
    std::uint64_t generations = 0;  // written so far: guards the cache against stale fills
    std::optional<std::string> failed;

    std::vector<BlockFollower> followers;  // the follower's thread only
    std::vector<std::atomic<events::Sequence>> followed;
    std::function<void()> listener;

    std::mutex writer_mutex;
    std::condition_variable writer_wake;
    KvBatch places;  // of the generation in `writing`
    bool write_wanted = false;

    std::jthread follower_thread;
    std::jthread writer_thread;

    std::expected<void, std::string> open();
    std::expected<bool, std::string> follow_some(events::Partition partition);
    std::expected<void, std::string> follow_all(const OnProgress* progress, std::uint64_t total);
    bool hand_over(bool even_if_small);
    std::expected<void, std::string> write_generation();
    void follow_until(std::stop_token stop);
    void write_until(std::stop_token stop);
    void fail(std::string why);
    [[nodiscard]] bool has_failed() const {
        const std::shared_lock lock(rows_mutex);
        return failed.has_value();
    }
    std::shared_ptr<const v1::Reference> reference(const events::Key128& stream) const;

    template <class Found>
    Found look(const std::function<Found(const Generation&)>& in_memory) const;
};

std::expected<void, std::string> DerivedStores::Impl::open() {
    const std::string identity = identity_text(log.identity());
    auto known = store.get(DerivedTable::meta, "log");
    if (!known) return std::unexpected(known.error().what);
    if (*known && **known != identity) {
        return std::unexpected("the derived stores belong to log " + **known + " and the log here is " + identity +
                               ": run `tidemark rebuild derived`");
    }
    if (!*known) {
        KvBatch batch;
        batch.put(DerivedTable::meta, "log", identity);
        if (auto written = store.write(std::move(batch), Durability::buffered); !written) {
            return std::unexpected(written.error().what);
        }
    }
    followers.clear();
    for (events::Partition partition = 0; partition < log.identity().partitions; ++partition) {
        auto row = store.get(DerivedTable::meta, place_key(partition));
        if (!row) return std::unexpected(row.error().what);
        Place place;
        if (*row) {
            const auto decoded = Place::decode(**row);
            if (!decoded)
                return std::unexpected("the derived stores' place in partition " + std::to_string(partition) +
                                       " cannot be read: run `tidemark rebuild derived`");
            place = *decoded;
        }
        const events::Tip end = log.end(partition).tip;
        if (end.next_number < place.next_number) {
            return std::unexpected(
                "the log of partition " + std::to_string(partition) + " ends at block " +
                std::to_string(end.next_number) + ", before block " + std::to_string(place.next_number) +
                " that the derived stores followed: restore the log, or run `tidemark rebuild derived`");
        }
        followers.emplace_back(log.identity().id, partition, place);
        if (auto loaded = followers.back().load(store); !loaded) return loaded;
        followed[partition] = place.next_sequence;
    }
    return {};
}

// Reads one chunk; true: there may be more.
std::expected<bool, std::string> DerivedStores::Impl::follow_some(events::Partition partition) {
    BlockFollower& follower = followers[partition];
    const Place before = follower.place();
    // From the last record followed, so that the block it stands in is seen again and compared.
    const events::Sequence from = before.next_sequence == 0 ? 0 : before.next_sequence - 1;
    if (log.end(partition).tip.next_number == before.next_number) return false;
    auto blocks = log.read(partition, from, read_bytes);
    if (!blocks) return std::unexpected(blocks.error());
    const FindReference find = [&](const events::Key128& stream) { return reference(stream); };
    for (const events::BlockPtr& block : *blocks) {
        // References are looked up while folding, so the fold runs on a generation of its own.
        Generation added;
        const FindReference find_here = [&](const events::Key128& stream) {
            const auto own = added.references.find(stream);
            return own != added.references.end() ? own->second : find(stream);
        };
        if (auto done = follower.follow(*block, find_here, added); !done) return std::unexpected(done.error());
        const std::unique_lock lock(rows_mutex);
        for (auto& [stream, places_of] : added.streams) {
            auto& all = active->streams[stream];
            all.insert(all.end(), places_of.begin(), places_of.end());
        }
        active->outcomes.merge(added.outcomes);
        for (auto& [stream, reference] : added.references) {
            reference_cache.erase(stream);
            active->references[stream] = std::move(reference);
        }
        active->entries += added.entries;
        followed[partition].store(follower.place().next_sequence, std::memory_order_release);
    }
    return follower.place().next_number != before.next_number;
}

std::expected<void, std::string> DerivedStores::Impl::follow_all(const OnProgress* progress, std::uint64_t total) {
    std::uint64_t done = 0;
    for (bool more = true; more;) {
        more = false;
        for (events::Partition partition = 0; partition < followers.size(); ++partition) {
            const events::Sequence before = followed[partition];
            const auto some = follow_some(partition);
            if (!some) return std::unexpected(some.error());
            more = more || *some;
            done += followed[partition] - before;
            (void)hand_over(false);
        }
        if (progress != nullptr && *progress) (*progress)({done, std::max(done, total)});
    }
    return {};
}

// Makes the active generation the one to be written. False: it is too small, or the former one is still being written
// and there is room to go on; when there is none, it waits.
bool DerivedStores::Impl::hand_over(bool even_if_small) {
    {
        const std::shared_lock lock(rows_mutex);
        if (failed || active->empty() || (!even_if_small && active->entries < options.run_entries)) return false;
    }
    std::unique_lock wait(writer_mutex);
    if (write_wanted) {
        const bool overfull = [&] {
            const std::shared_lock lock(rows_mutex);
            return active->entries >= 2 * options.run_entries;
        }();
        if (!overfull && !even_if_small) return false;
        writer_wake.wait(wait, [&] { return !write_wanted; });
    }
    places.clear();
    const std::unique_lock lock(rows_mutex);
    for (events::Partition partition = 0; partition < followers.size(); ++partition) {
        for (auto& row : followers[partition].tiles().take_rows()) active->tiles.push_back(std::move(row));
        places.put(DerivedTable::meta, place_key(partition), followers[partition].place().encode());
    }
    writing = std::move(active);
    active = std::make_shared<Generation>();
    write_wanted = true;
    writer_wake.notify_all();
    return true;
}

std::expected<void, std::string> DerivedStores::Impl::write_generation() {
    std::shared_ptr<const Generation> generation;
    {
        const std::shared_lock lock(rows_mutex);
        generation = writing;
    }
    // Rows first, then the place: after a crash in between the same rows are written again.
    if (auto written = store.ingest(generation->runs(), places); !written) return std::unexpected(written.error().what);
    const std::unique_lock lock(rows_mutex);
    writing = nullptr;
    ++generations;
    if (reference_cache.size() > cached_references) reference_cache.clear();
    return {};
}

void DerivedStores::Impl::write_until(std::stop_token stop) {
    const std::stop_callback wake(stop, [&] {
        const std::scoped_lock lock(writer_mutex);
        writer_wake.notify_all();
    });
    std::unique_lock lock(writer_mutex);
    for (;;) {
        writer_wake.wait(lock, [&] { return write_wanted || stop.stop_requested(); });
        if (!write_wanted) return;
        lock.unlock();
        if (auto written = write_generation(); !written) fail("writing the derived stores: " + written.error());
        lock.lock();
        write_wanted = false;
        writer_wake.notify_all();
    }
}

void DerivedStores::Impl::follow_until(std::stop_token stop) {
    std::uint64_t seen = 0;
    auto last_write = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
        seen = log.wait(seen, std::chrono::steady_clock::now() + options.idle_write);
        std::uint64_t before = 0;
        std::uint64_t after = 0;
        for (const auto& place : followed) before += place;
        if (auto done = follow_all(nullptr, 0); !done) return fail(done.error());
        if (has_failed()) return;
        for (const auto& place : followed) after += place;
        if (after != before && listener) listener();
        const auto now = std::chrono::steady_clock::now();
        if (now - last_write >= options.idle_write) {
            (void)hand_over(true);
            last_write = now;
        }
    }
    if (auto done = follow_all(nullptr, 0); !done) return fail(done.error());
    (void)hand_over(true);
}

void DerivedStores::Impl::fail(std::string why) {
    {
        const std::unique_lock lock(rows_mutex);
        if (!failed) failed = std::move(why);
    }
    if (listener) listener();
}

std::shared_ptr<const v1::Reference> DerivedStores::Impl::reference(const events::Key128& stream) const {
    std::uint64_t generation = 0;
    {
        const std::shared_lock lock(rows_mutex);
        if (const auto it = active->references.find(stream); it != active->references.end()) return it->second;
        if (writing) {
            if (const auto it = writing->references.find(stream); it != writing->references.end()) return it->second;
        }
        if (const auto it = reference_cache.find(stream); it != reference_cache.end()) return it->second;
        generation = generations;
    }
    const auto row = store.get(DerivedTable::references, stream.view());
    if (!row || !*row) return nullptr;
    auto parsed = std::make_shared<v1::Reference>();
    if (!parsed->ParseFromString(**row)) return nullptr;
    const std::unique_lock lock(rows_mutex);
    const bool newer_in_memory =
        active->references.contains(stream) || (writing && writing->references.contains(stream));
    if (generation == generations && !newer_in_memory) reference_cache[stream] = parsed;
    return parsed;
}

// What the generations in memory say, newest first; a default-constructed value: nothing.
template <class Found>
Found DerivedStores::Impl::look(const std::function<Found(const Generation&)>& in_memory) const {
    const std::shared_lock lock(rows_mutex);
    if (Found found = in_memory(*active)) return found;
    return writing ? in_memory(*writing) : Found{};
}

DerivedStores::DerivedStores(Log& log, KvStore& store, DerivedOptions options)
    : impl_(std::make_unique<Impl>(log, store, options)), max_behind_(options.max_behind) {}

DerivedStores::~DerivedStores() {
    stop();
}

std::expected<void, std::string> DerivedStores::catch_up(const OnProgress& progress) {
    if (auto opened = impl_->open(); !opened) return opened;
    impl_->writer_thread =
        std::jthread([impl = impl_.get()](std::stop_token stop) { impl->write_until(std::move(stop)); });
    const std::uint64_t missing = behind();
    if (auto done = impl_->follow_all(&progress, missing); !done) return done;
    if (auto failed = failure()) return std::unexpected(*failed);
    return remake_snapshots_if_folds_changed(impl_->log, impl_->store, progress);
}

void DerivedStores::start() {
    impl_->follower_thread =
        std::jthread([impl = impl_.get()](std::stop_token stop) { impl->follow_until(std::move(stop)); });
}

void DerivedStores::stop() {
    if (impl_->follower_thread.joinable()) {
        impl_->follower_thread.request_stop();
        impl_->log.interrupt();
        impl_->follower_thread.join();
    }
    if (impl_->writer_thread.joinable()) {
        impl_->writer_thread.request_stop();
        impl_->writer_thread.join();
    }
}

std::optional<events::Sequence> DerivedStores::outcome(const events::Key128& command) const {
    const auto found = impl_->look<std::optional<events::Sequence>>([&](const Generation& rows) {
        const auto it = rows.outcomes.find(command);
        return it == rows.outcomes.end() ? std::nullopt : std::optional(it->second);
    });
    if (found) return found;
    const auto row = impl_->store.get(DerivedTable::outcomes, command.view());
    if (!row) throw std::runtime_error("reading outcomes: " + row.error().what);
    return *row ? decode_sequence(**row) : std::nullopt;
}

std::optional<SnapshotRow> DerivedStores::snapshot(const events::Key128& stream) const {
    const auto found = impl_->look<std::optional<SnapshotRow>>([&](const Generation& rows) {
        const auto it = rows.snapshots.find(stream);
        return it == rows.snapshots.end() ? std::nullopt : std::optional(it->second);
    });
    if (found) return found;
    const auto row = impl_->store.get(DerivedTable::snapshots, stream.view());
    if (!row) throw std::runtime_error("reading snapshots: " + row.error().what);
    return *row ? decode_snapshot(**row) : std::nullopt;
}

std::vector<events::Sequence> DerivedStores::stream(const events::Key128& stream, events::Version first,
                                                    events::Version last) const {
    // Memory is looked at before the store: what is written in between is then seen twice, not missed.
    std::vector<std::pair<events::Version, events::Sequence>> recent;
    {
        const std::shared_lock lock(impl_->rows_mutex);
        for (const Generation* rows : {impl_->writing.get(), static_cast<const Generation*>(impl_->active.get())}) {
            if (rows == nullptr) continue;
            if (const auto it = rows->streams.find(stream); it != rows->streams.end()) {
                recent.insert(recent.end(), it->second.begin(), it->second.end());
            }
        }
    }
    const events::Version stored_end = recent.empty() ? last + 1 : std::min(last + 1, recent.front().first);
    std::vector<events::Sequence> sequences;
    if (first < stored_end) {
        const auto scanned = impl_->store.snapshot()->scan(DerivedTable::streams, stream_row_key(stream, first),
                                                           last + 1 > 0xffff'ffffULL && recent.empty()
                                                               ? after_prefix(stream.view())
                                                               : stream_row_key(stream, stored_end),
                                                           [&](std::string_view, std::string_view value) {
                                                               if (const auto sequence = decode_sequence(value))
                                                                   sequences.push_back(*sequence);
                                                               return true;
                                                           });
        if (!scanned) throw std::runtime_error("reading the stream index: " + scanned.error().what);
    }
    for (const auto& [version, sequence] : recent) {
        if (version >= first && version <= last) sequences.push_back(sequence);
    }
    return sequences;
}

std::shared_ptr<const v1::Reference> DerivedStores::reference(const events::Key128& stream) const {
    return impl_->reference(stream);
}

void DerivedStores::put_snapshot(const events::Key128& stream, SnapshotRow row) {
    const std::unique_lock lock(impl_->rows_mutex);
    impl_->active->add_snapshot(stream, std::move(row));
}

events::Sequence DerivedStores::followed(events::Partition partition) const {
    return impl_->followed[partition].load(std::memory_order_acquire);
}

std::uint64_t DerivedStores::behind() const {
    std::uint64_t records = 0;
    for (events::Partition partition = 0; partition < impl_->followed.size(); ++partition) {
        const events::Sequence end = impl_->log.end(partition).tip.next_sequence;
        const events::Sequence here = followed(partition);
        if (end > here) records += end - here;
    }
    return records;
}

void DerivedStores::on_followed(std::function<void()> listener) {
    impl_->listener = std::move(listener);
}

std::optional<std::string> DerivedStores::failure() const {
    const std::shared_lock lock(impl_->rows_mutex);
    return impl_->failed;
}

std::expected<void, std::string> rebuild_derived(Log& log, KvStore& store, DerivedOptions options,
                                                 const OnProgress& progress) {
    for (const Table table : {DerivedTable::meta, DerivedTable::streams, DerivedTable::outcomes,
                              DerivedTable::snapshots, DerivedTable::references, DerivedTable::merkle}) {
        if (auto cleared = store.clear(table); !cleared) return std::unexpected(cleared.error().what);
    }
    DerivedStores derived(log, store, options);
    if (auto done = derived.catch_up(progress); !done) return done;
    derived.start();
    derived.stop();
    if (auto failed = derived.failure()) return std::unexpected(*failed);
    return {};
}

}  // namespace tidemark::consumers
