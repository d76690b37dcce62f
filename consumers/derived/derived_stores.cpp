#include "consumers/derived/derived_stores.hpp"

#include "consumers/derived/block_follower.hpp"
#include "consumers/derived/derived_meta.hpp"
#include "consumers/derived/held_rows.hpp"
#include "consumers/derived/row_writer.hpp"
#include "consumers/derived/snapshot_maker.hpp"
#include "consumers/log/gather.hpp"
#include "consumers/threads.hpp"

#include <mutex>
#include <thread>

namespace tidemark::consumers {
namespace {

constexpr std::size_t read_bytes = 4u << 20;
constexpr std::size_t records_at_once = 4096;  // made visible under one lock

// When what is held is handed to the writer.
enum class HandOver : std::uint8_t {
    full_runs,  // when it is worth it; waits for the writer only when there is no room to go on
    any,        // however little; never waits
    all,        // however little; waits
};

}  // namespace

// Two threads: the follower reads the log into the rows held in memory; the writer writes the former ones.
struct DerivedStores::Impl {
    Impl(Log& log_in, KvStore& store_in, DerivedOptions options_in)
        : log(log_in),
          store(store_in),
          options(options_in),
          rows(store_in),
          followed(log_in.identity().partitions),
          gather(options_in.gather),
          writer(rows, options_in.retry_pause, [this](std::string what) { fail(std::move(what)); }) {}

    Log& log;
    KvStore& store;
    DerivedOptions options;
    HeldRows rows;

    std::vector<BlockFollower> followers;  // the follower's thread only, as the next
    FollowedRows fresh;                    // not visible to look-ups yet
    std::vector<std::atomic<events::Sequence>> followed;
    std::atomic<std::uint64_t> followed_all{0};  // records, of all partitions
    std::function<void()> listener;

    mutable std::mutex failure_mutex;
    std::optional<std::string> failed;

    Gather gather;

    RowWriter writer;
    std::jthread follower_thread;
    std::jthread filter_thread;

    std::expected<void, std::string> open();
    std::expected<bool, std::string> follow_some(events::Partition partition);
    std::expected<bool, std::string> follow_all(const OnProgress* progress, std::uint64_t total);
    bool hand_over(HandOver when);
    void follow_until(const std::stop_token& stop);
    std::expected<void, std::string> follow_here();
    void fail(std::string why);
    [[nodiscard]] std::optional<std::string> failure() const {
        const std::scoped_lock lock(failure_mutex);
        return failed;
    }
    // Whether so many runs are held.
    [[nodiscard]] bool holds(std::size_t runs) const {
        const HeldRows::Size size = rows.size();
        return size.entries >= runs * options.run_entries || size.bytes >= runs * options.run_bytes;
    }
    [[nodiscard]] bool no_room() const { return holds(2); }
};

std::expected<void, std::string> DerivedStores::Impl::open() {
    if (auto ours = claim_derived(store, log.identity()); !ours) return ours;
    followers.clear();
    fresh.clear();
    followed_all = 0;
    for (events::Partition partition = 0; partition < log.identity().partitions; ++partition) {
        const auto place = stored_place(store, log, partition);
        if (!place) return std::unexpected(place.error());
        followers.emplace_back(log.identity().id, partition, *place);
        if (auto loaded = followers.back().load(store, log); !loaded) return loaded;
        followed[partition] = place->next_sequence;
        followed_all += place->next_sequence;
    }
    return {};
}

// Reads one chunk; true: there may be more.
std::expected<bool, std::string> DerivedStores::Impl::follow_some(events::Partition partition) {
    BlockFollower& follower = followers[partition];
    const Place before = follower.place();
    if (log.tip(partition).next_number == before.next_number) return false;
    auto blocks = log.read(partition, before.next_sequence, read_bytes);
    if (!blocks) return std::unexpected(blocks.error());
    const FindReference find = [&](const events::Key128& stream) {
        const auto own = fresh.references.find(stream);
        return own != fresh.references.end() ? own->second : rows.reference(stream);
    };
    for (const events::BlockPtr& block : *blocks) {
        if (auto done = follower.follow(*block, find, fresh); !done) return std::unexpected(done.error());
        if (fresh.outcomes.size() < records_at_once && block != blocks->back()) continue;
        rows.add(fresh);
        fresh.clear();
        const events::Sequence next = follower.place().next_sequence;
        followed_all += next - followed[partition];
        followed[partition].store(next, std::memory_order_release);
    }
    return follower.place().next_number != before.next_number;
}

// False: memory is full, and the writer is held up. Rows that must be read to follow on may fail to be read: that is
// thrown, and ends the following.
std::expected<bool, std::string> DerivedStores::Impl::follow_all(const OnProgress* progress, std::uint64_t total) try {
    std::uint64_t done = 0;
    for (bool more = true; more;) {
        more = false;
        for (events::Partition partition = 0; partition < followers.size(); ++partition) {
            const events::Sequence before = followed[partition];
            const auto some = follow_some(partition);
            if (!some) return std::unexpected(some.error());
            more = more || *some;
            done += followed[partition] - before;
            if (!hand_over(HandOver::full_runs) && no_room()) return false;
        }
        if (progress != nullptr && *progress) (*progress)({done, std::max(done, total)});
    }
    return true;
} catch (const std::exception& defect) {
    return std::unexpected(std::string("following the log: ") + defect.what());
}

// False: there was nothing, or it is not the time for it, or the writer gave up.
bool DerivedStores::Impl::hand_over(HandOver when) {
    if (failure() || rows.size().entries == 0 || (when == HandOver::full_runs && !holds(1))) return false;
    if (when != HandOver::all && !no_room() && !writer.free()) return false;
    if (!writer.wait_until_free()) return false;
    KvBatch places;
    std::vector<std::pair<std::string, std::string>> tiles;
    for (events::Partition partition = 0; partition < followers.size(); ++partition) {
        for (auto& row : followers[partition].tiles().take_rows()) tiles.push_back(std::move(row));
        places.put(DerivedTable::meta, place_key(partition), followers[partition].place().encode());
    }
    writer.hand_over(std::move(tiles), std::move(places));
    return true;
}

void DerivedStores::Impl::follow_until(const std::stop_token& stop) {
    name_thread("derived");
    std::uint64_t seen = 0;
    auto last_write = std::chrono::steady_clock::now();
    auto last_news = last_write;
    while (!stop.stop_requested()) {
        const std::uint64_t before = followed_all.load();
        seen = log.wait(seen, std::chrono::steady_clock::now() + options.idle_write);
        (void)gather.wait(stop);
        if (!follow_here()) return;
        const auto now = std::chrono::steady_clock::now();
        if (followed_all.load() != before) last_news = now;
        const bool idle = now - last_news >= options.idle_write;
        if ((idle || now - last_write >= options.busy_write) && hand_over(HandOver::any)) last_write = now;
    }
    if (follow_here()) (void)hand_over(HandOver::all);
}

// An error has been kept as the failure.
std::expected<void, std::string> DerivedStores::Impl::follow_here() {
    const std::uint64_t before = followed_all.load();
    if (auto done = follow_all(nullptr, 0); !done) fail(done.error());
    if (auto why = failure()) return std::unexpected(*why);
    if (followed_all.load() != before && listener) listener();
    return {};
}

void DerivedStores::Impl::fail(std::string why) {
    {
        const std::scoped_lock lock(failure_mutex);
        if (!failed) failed = std::move(why);
    }
    if (listener) listener();
}

DerivedStores::DerivedStores(Log& log, KvStore& store, DerivedOptions options)
    : impl_(std::make_unique<Impl>(log, store, options)), max_behind_(options.max_behind) {}

DerivedStores::~DerivedStores() {
    stop();
}

std::expected<void, std::string> DerivedStores::catch_up(const OnProgress& progress) try {
    if (auto opened = impl_->open(); !opened) return opened;
    if (!impl_->options.stepped) impl_->writer.start();
    const auto whole = impl_->follow_all(&progress, behind());
    if (!whole) return std::unexpected(whole.error());
    if (auto failed = failure()) return std::unexpected(*failed);
    if (!*whole) return std::unexpected(held_up().value_or("the derived stores could not be written"));
    return remake_snapshots_if_folds_changed(impl_->log, impl_->store, progress);
} catch (const std::exception& defect) {
    return std::unexpected(std::string("opening the derived stores: ") + defect.what());
}

void DerivedStores::start() {
    impl_->writer.be_patient(true);
    impl_->follower_thread =
        std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->follow_until(stop); });
    impl_->filter_thread = std::jthread([impl = impl_.get()](const std::stop_token& stop) {
        name_thread("filter");
        const auto records = static_cast<std::size_t>(impl->followed_all.load());
        impl->rows.keep_filter(stop, std::max(impl->options.filter_keys, 2 * records));
    });
}

void DerivedStores::stop() {
    impl_->filter_thread = {};
    impl_->writer.be_patient(false);
    if (impl_->follower_thread.joinable()) {
        impl_->follower_thread.request_stop();
        impl_->log.interrupt();
        impl_->follower_thread.join();
    }
    impl_->writer.stop();
}

std::expected<void, std::string> DerivedStores::follow() {
    return impl_->follow_here();
}

std::expected<bool, std::string> DerivedStores::write() {
    const bool handed_over = !impl_->writer.free();
    if (auto written = impl_->writer.write_now(); !written) return std::unexpected(written.error().what);
    const bool some = handed_over || impl_->hand_over(HandOver::all);
    if (auto failed = failure()) return std::unexpected(*failed);
    return some;
}

std::optional<events::Sequence> DerivedStores::outcome(const events::Key128& command) const {
    return impl_->rows.outcome(command);
}

std::optional<SnapshotRow> DerivedStores::snapshot(const events::Key128& stream) const {
    return impl_->rows.snapshot(stream);
}

std::vector<events::Sequence> DerivedStores::stream(const events::Key128& stream, events::Version first,
                                                    events::Version last) const {
    return impl_->rows.stream(stream, first, last);
}

std::shared_ptr<const v1::Reference> DerivedStores::reference(const events::Key128& stream) const {
    return impl_->rows.reference(stream);
}

void DerivedStores::put_snapshot(const events::Key128& stream, SnapshotRow row) {
    impl_->rows.add_snapshot(stream, std::move(row));
}

events::Sequence DerivedStores::followed(events::Partition partition) const {
    return impl_->followed[partition].load(std::memory_order_acquire);
}

std::uint64_t DerivedStores::behind() const {
    const std::uint64_t here = impl_->followed_all.load(std::memory_order_relaxed);  // before the end, which only grows
    const std::uint64_t end = impl_->log.records();
    return end > here ? end - here : 0;
}

bool DerivedStores::has_filter() const {
    return impl_->rows.has_filter();
}

void DerivedStores::hurry() {
    impl_->gather.hurry();
}

void DerivedStores::on_followed(std::function<void()> listener) {
    impl_->listener = std::move(listener);
}

std::optional<std::string> DerivedStores::failure() const {
    return impl_->failure();
}

std::optional<std::string> DerivedStores::held_up() const {
    return impl_->writer.held_up();
}

std::expected<void, std::string> rebuild_derived(Log& log, KvStore& store, DerivedOptions options,
                                                 const OnProgress& progress) {
    if (auto cleared = clear_derived(store); !cleared) return cleared;
    DerivedStores derived(log, store, options);
    if (auto done = derived.catch_up(progress); !done) return done;
    derived.start();
    derived.stop();
    if (auto failed = derived.failure()) return std::unexpected(*failed);
    if (auto why = derived.held_up()) return std::unexpected(*why);
    return {};
}

}  // namespace tidemark::consumers
