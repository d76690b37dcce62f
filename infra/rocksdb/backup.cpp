#include "infra/rocksdb/backup.hpp"

#include "infra/crypto/key_file.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace tidemark::infra {

using events::BlockPtr;
namespace fs = std::filesystem;

namespace {

using Done = std::expected<void, std::string>;

std::unexpected<std::string> no(std::string why) {
    return std::unexpected(std::move(why));
}

Done sync_file(const fs::path& file) {
    const FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened.valid() || ::fsync(opened.number()) != 0) return no(failed_to("sync", file));
    return {};
}

// A directory of files, with their modes; synced.
Done copy_files(const fs::path& from, const fs::path& to) {
    std::error_code failed;
    fs::create_directory(to, from, failed);  // with its mode
    for (fs::directory_iterator entry(from, failed), none; !failed && entry != none; entry.increment(failed)) {
        if (!entry->is_regular_file()) continue;
        const fs::path copy = to / entry->path().filename();
        if (!fs::copy_file(entry->path(), copy, failed)) break;
        if (auto synced = sync_file(copy); !synced) return synced;
    }
    if (failed) return no("cannot copy " + from.string() + " to " + to.string() + ": " + failed.message());
    if (!sync_directory(to)) return no(failed_to("sync", to));
    return {};
}

Done move(const fs::path& from, const fs::path& to) {
    std::error_code failed;
    fs::rename(from, to, failed);
    if (failed) return no("cannot move " + from.string() + " to " + to.string() + ": " + failed.message());
    return {};
}

BackupTold told_of(const OpenedLog& log) {
    BackupTold told{.identity = log.table->identity()};
    for (const events::ChainFold& chain : log.chains) {
        told.blocks += chain.tip().next_number;
        told.records += chain.tip().next_sequence;
    }
    return told;
}

std::expected<MarkedLog, std::string> mark_in(const fs::path& directory) {
    const auto key = read_key(directory / "keys" / "mark.key");
    return key ? Mark::read(directory / "mark", *key) : no(key.error());
}

// Every block from the first on; true when it ends where the mark says.
std::expected<bool, std::string> fold_all(BlockTable& table, events::Partition partition, const MarkedPlace& place,
                                          const std::function<void(std::uint64_t)>& read) {
    events::ChainFold chain(table.identity().id, partition);
    std::string damage;
    const auto visited = table.visit(partition, 0, true, [&](const BlockPtr& block) {
        const auto verdict = chain.fold(*block, events::Verify::records);
        if (!verdict) {
            damage = verdict.error().what;
        } else if (*verdict == events::Verdict::ignored) {
            damage = "partition " + std::to_string(partition) + ", block " + std::to_string(block->header().number) +
                     ": it does not continue the chain";
        }
        read(block->size());
        return damage.empty();
    });
    if (!visited) return no(visited.error());
    if (!damage.empty()) return no(damage);
    return chain.tip().next_number == place.next_number &&
           (place.next_number == 0 || chain.tip().digest == place.digest);
}

// A copy that is not whole yet lies beside, under another name.
fs::path partial(const fs::path& target) {
    return target.string() + ".partial";
}

}  // namespace

std::expected<BackupTold, std::string> write_backup(BlockTable& table, const fs::path& data,
                                                    const std::vector<std::uint64_t>& ends, const fs::path& target) {
    if (fs::exists(target)) return no(target.string() + " is there already: name another one");
    const fs::path copy = partial(target);
    std::error_code failed;
    fs::remove_all(copy, failed);  // of a backup that was cut short
    fs::create_directories(copy, failed);
    if (failed) return no("cannot make " + copy.string() + ": " + failed.message());
    fs::permissions(copy, fs::perms::owner_all, failed);
    if (auto made = table.checkpoint(copy / "log"); !made) return no(made.error());
    if (auto copied = copy_files(data / "keys", copy / "keys"); !copied) return no(copied.error());
    const auto key = read_key(copy / "keys" / "mark.key");
    if (!key) return no(key.error());

    OpenedLog log;
    BlockTableOptions options{.partitions = table.identity().partitions, .only_look = true};
    if (auto read = read_log(copy / "log", options, log); !read) return no(read.error());
    for (std::size_t p = 0; p < ends.size(); ++p) {
        if (log.chains[p].tip().next_number < ends[p])
            return no("the copy of partition " + std::to_string(p) + " is shorter than the partition was");
    }
    if (auto mark = Mark::create(copy / "mark", *key, mark_of(log, 1)); !mark) return no(mark.error());
    const BackupTold told = told_of(log);
    log.table.reset();
    if (!sync_directory(copy)) return no(failed_to("sync", copy));
    if (auto moved = move(copy, target); !moved) return no(moved.error());
    if (!sync_directory(target.parent_path())) return no(failed_to("sync", target.parent_path()));
    return told;
}

std::expected<BackupTold, std::string> verify_backup(const fs::path& backup, const BackupProgress& progress) {
    const auto bad = [&](const std::string& why) {
        return no("the backup " + backup.string() + " cannot be used: " + why + ". Take another backup");
    };
    const auto mark = mark_in(backup);
    if (!mark) return bad(mark.error());
    OpenedLog log;
    BlockTableOptions options{.partitions = static_cast<std::uint32_t>(mark->places.size()), .only_look = true};
    if (auto read = read_log(backup / "log", options, log); !read) return bad(read.error());
    const consumers::LogIdentity& identity = log.table->identity();
    if (identity.id != mark->log_id || identity.incarnation != mark->incarnation)
        return bad("its mark is that of another log");
    const BackupTold told = told_of(log);
    std::uint64_t done = 0;
    for (events::Partition p = 0; p < identity.partitions; ++p) {
        const auto whole = fold_all(*log.table, p, mark->places[p], [&](std::uint64_t records) {
            done += records;
            if (progress) progress(done, told.records);
        });
        if (!whole) return bad(whole.error());
        if (!*whole) return bad("partition " + std::to_string(p) + " does not end where its mark says");
    }
    return told;
}

namespace {

constexpr std::array<const char*, 5> of_a_store = {"log", "mark", "keys", "derived", "views"};

bool holds_a_store(const fs::path& data) {
    return std::ranges::any_of(of_a_store, [&](const char* name) { return fs::exists(data / name); });
}

// The new incarnation of the copied log, with a mark of its own.
std::expected<BackupTold, std::string> renew(const fs::path& store, std::uint32_t partitions,
                                             std::uint64_t incarnation) {
    const auto key = read_key(store / "keys" / "mark.key");
    if (!key) return no(key.error());
    OpenedLog log;
    BlockTableOptions options{.partitions = partitions};
    if (auto read = read_log(store / "log", options, log); !read) return no(read.error());
    if (auto renewed = log.table->renew(incarnation); !renewed) return no(renewed.error());
    if (auto mark = Mark::create(store / "mark", *key, mark_of(log, 1)); !mark) return no(mark.error());
    return told_of(log);
}

// data/restoring: a copy that is whole when `ready` is in it, which says what it is a copy of and whether what was
// there is to be moved away. From then on every step can be taken again, or is seen to have been taken: what was copied
// and is not there any more is in its place.
class Placing {
public:
    Placing(const RestoreOptions& options) : options_(options), data_(options.data), store_(data_ / "restoring") {}

    [[nodiscard]] bool begun() const { return fs::exists(store_ / "ready"); }
    [[nodiscard]] Done begin(bool replace);
    [[nodiscard]] Done finish();

private:
    [[nodiscard]] std::string name_of_backup() const {
        std::error_code failed;
        const fs::path whole = fs::weakly_canonical(options_.backup, failed);
        return failed ? options_.backup.string() : whole.string();
    }
    void step() const {
        if (options_.on_step) options_.on_step();
    }
    [[nodiscard]] Done set_aside_mark() const;
    [[nodiscard]] Done take(const fs::path& from, const fs::path& to) const;

    const RestoreOptions& options_;
    fs::path data_, store_;
};

Done Placing::begin(bool replace) {
    {
        std::ofstream ready(store_ / "ready.partial", std::ios::binary | std::ios::trunc);
        ready << (replace ? "replace" : "fill") << '\n' << name_of_backup() << '\n';
        if (!ready.flush()) return no(failed_to("write", store_ / "ready.partial"));
    }
    if (auto synced = sync_file(store_ / "ready.partial"); !synced) return synced;
    if (auto moved = move(store_ / "ready.partial", store_ / "ready"); !moved) return moved;
    if (!sync_directory(store_) || !sync_directory(data_)) return no(failed_to("sync", store_));
    step();
    return {};
}

Done Placing::set_aside_mark() const {
    std::error_code failed;
    fs::create_directory(data_ / "replaced", failed);
    if (!failed && fs::exists(data_ / "mark")) {
        fs::copy_file(data_ / "mark", data_ / "replaced" / "mark", fs::copy_options::overwrite_existing, failed);
    }
    if (failed) return no("cannot copy the former mark: " + failed.message());
    step();
    return {};
}

Done Placing::take(const fs::path& from, const fs::path& to) const {
    if (!fs::exists(from)) return {};
    if (auto moved = move(from, to); !moved) return moved;
    if (!sync_directory(from.parent_path()) || !sync_directory(to.parent_path())) return no(failed_to("sync", to));
    step();
    return {};
}

// The mark goes first and the log last: in every state in between, a server that did not look for `ready` would find a
// mark whose log is another one, or is not there, and refuse to start all the same.
Done Placing::finish() {
    std::ifstream ready(store_ / "ready", std::ios::binary);
    std::string how, backup;
    std::getline(ready, how);
    std::getline(ready, backup);
    if (backup != name_of_backup())
        return no("a restore of " + backup + " to " + data_.string() + " was cut short: finish that one first");
    if (how == "replace" && fs::exists(store_ / "mark")) {
        if (auto copied = set_aside_mark(); !copied) return copied;
    }
    if (auto taken = take(store_ / "mark", data_ / "mark"); !taken) return taken;
    // What is not copied, derived stores and views, is of the former store as long as the log has not come.
    for (const auto& [name, copied] :
         {std::pair("log", "log"), {"keys", "keys"}, {"derived", "log"}, {"views", "log"}}) {
        if (!fs::exists(store_ / copied)) continue;
        if (auto taken = take(data_ / name, data_ / "replaced" / name); !taken) return taken;
    }
    for (const char* name : {"keys", "log"}) {
        if (auto taken = take(store_ / name, data_ / name); !taken) return taken;
    }
    std::error_code failed;
    fs::remove_all(store_, failed);
    if (failed) return no("cannot remove " + store_.string() + ": " + failed.message());
    if (!sync_directory(data_)) return no(failed_to("sync", data_));
    return {};
}

// What a finished restore has put in place.
std::expected<BackupTold, std::string> told_of_restored(const fs::path& data) {
    const auto mark = mark_in(data);
    if (!mark) return no(mark.error());
    OpenedLog log;
    BlockTableOptions options{.partitions = static_cast<std::uint32_t>(mark->places.size()), .only_look = true};
    if (auto read = read_log(data / "log", options, log); !read) return no(read.error());
    return told_of(log);
}

}  // namespace

std::expected<BackupTold, std::string> restore_backup(const RestoreOptions& options, const BackupProgress& progress) {
    std::error_code failed;
    fs::create_directories(options.data, failed);
    if (failed) return no("cannot make " + options.data.string() + ": " + failed.message());
    const auto lock = take_lock(options.data);
    if (!lock) return no(lock.error());
    const fs::path store = options.data / "restoring";
    Placing placing(options);
    if (placing.begun()) {
        if (auto finished = placing.finish(); !finished) return no(finished.error());
        return told_of_restored(options.data);
    }
    fs::remove_all(store, failed);  // of a restore that was cut short before it had changed anything
    const bool there = holds_a_store(options.data);
    if (there && !options.replace)
        return no(options.data.string() +
                  " holds a store already: name an empty directory, or say --replace to move that store to " +
                  (options.data / "replaced").string());
    if (there && fs::exists(options.data / "replaced"))
        return no((options.data / "replaced").string() +
                  " is there already, of a former restore: move it elsewhere or delete it");
    const auto verified = verify_backup(options.backup, progress);
    if (!verified) return verified;

    std::uint64_t incarnation = std::max(options.incarnation, verified->identity.incarnation + 1);
    if (const auto former = mark_in(options.data)) incarnation = std::max(incarnation, former->incarnation + 1);
    fs::create_directory(store, failed);
    if (failed) return no("cannot make " + store.string() + ": " + failed.message());
    for (const char* name : {"log", "keys"}) {
        if (auto copied = copy_files(options.backup / name, store / name); !copied) return no(copied.error());
    }
    auto restored = renew(store, verified->identity.partitions, incarnation);
    if (!restored) return restored;
    if (auto begun = placing.begin(there); !begun) return no(begun.error());
    if (auto placed = placing.finish(); !placed) return no(placed.error());
    return restored;
}

}  // namespace tidemark::infra
