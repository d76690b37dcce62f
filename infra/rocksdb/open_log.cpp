#include "infra/rocksdb/open_log.hpp"

#include "infra/crypto/key_file.hpp"
#include "infra/rocksdb/wal_tail.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sys/file.h>

namespace tidemark::infra {

using events::BlockPtr;
namespace fs = std::filesystem;

namespace {

constexpr const char* what_to_do =
    " Acknowledged events are missing. Put the data directory back from a backup, or find the missing files of log/; "
    "nothing has been changed";

// A directory with something in it, and nothing of ours, was named by mistake.
std::expected<void, std::string> looks_like_ours(const fs::path& data) {
    constexpr std::array<std::string_view, 6> ours = {"keys", "lock", "log", "mark", "derived", "views"};
    std::error_code failed;
    bool foreign = false;
    for (fs::directory_iterator entry(data, failed), none; !failed && entry != none; entry.increment(failed)) {
        const std::string name = entry->path().filename().string();
        if (std::ranges::find(ours, name) != ours.end()) {
            return {};
        }
        foreign = foreign || !(name.starts_with("server.") || name == "lost+found");
    }
    if (failed) {
        return std::unexpected("cannot look into " + data.string() + ": " + failed.message());
    }
    if (foreign) {
        return std::unexpected(
            data.string() + " is not a data directory of Tidemark: it holds other things. Name an empty or a new one");
    }
    return {};
}

}  // namespace

std::expected<FileDescriptor, std::string> take_lock(const fs::path& data) {
    const fs::path file = data / "lock";
    FileDescriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.valid()) {
        return std::unexpected(failed_to("open", file));
    }
    if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return std::unexpected(failed_to("lock", file));
        }
        return std::unexpected("another process holds " + data.string() +
                               ": is a server running on it? Stop that one, or name another data directory");
    }
    return lock;
}

namespace {

// The end of a partition: from its last stored end on, every block and every record is verified.
std::expected<events::ChainFold, std::string> fold_partition(BlockTable& table, events::Partition partition) {
    const auto stored = table.stored_end(partition);
    if (!stored) {
        return std::unexpected(stored.error());
    }
    const events::Uuid& id = table.identity().id;
    events::ChainFold chain =
        *stored ? events::ChainFold(id, partition, (*stored)->tip, (*stored)->edge) : events::ChainFold(id, partition);
    std::string damage;
    const auto visited = table.visit(partition, chain.tip().next_sequence, true, [&](const BlockPtr& block) {
        if (block->header().number < chain.tip().next_number) {
            return true;  // a barrier that the stored end has passed
        }
        const auto verdict = chain.fold(*block, events::Verify::records);
        if (!verdict) {
            damage = verdict.error().what;
        } else if (*verdict == events::Verdict::ignored) {
            damage = "partition " + std::to_string(partition) + ", block " + std::to_string(block->header().number) +
                     ": it does not continue the chain";
        }
        return damage.empty();
    });
    if (!visited) {
        return std::unexpected(visited.error());
    }
    if (!damage.empty()) {
        return std::unexpected("the log is damaged: " + damage +
                               ". Put the data directory back from a backup; nothing has been changed");
    }
    return chain;
}

// Nothing: the partition has no such block.
std::expected<std::optional<events::Digest>, std::string> digest_of(BlockTable& table, events::Partition partition,
                                                                    std::uint64_t number) {
    std::optional<events::Digest> digest;
    auto visited = table.visit_back(partition, [&](const BlockPtr& block) {
        if (block->header().number == number) {
            digest = block->digest();
        }
        return block->header().number > number;
    });
    if (!visited) {
        return std::unexpected(visited.error());
    }
    return digest;
}

std::expected<std::uint64_t, std::string> count_end_barriers(BlockTable& table, events::Partition partition) {
    std::uint64_t barriers = 0;
    auto visited = table.visit_back(partition, [&](const BlockPtr& block) {
        barriers += block->size() == 0 ? 1u : 0u;
        return block->size() == 0;
    });
    if (!visited) {
        return std::unexpected(visited.error());
    }
    return barriers;
}

std::expected<void, std::string> hold_against(const MarkedLog& mark, OpenedLog& log) {
    const consumers::LogIdentity& identity = log.table->identity();
    if (mark.log_id != identity.id || mark.incarnation != identity.incarnation ||
        mark.places.size() != identity.partitions) {
        return std::unexpected("the mark is that of another log (" + mark.log_id.text() + "; this one is " +
                               identity.id.text() + ")." + what_to_do);
    }
    for (events::Partition p = 0; p < identity.partitions; ++p) {
        const MarkedPlace& place = mark.places[p];
        const std::uint64_t found = log.chains[p].tip().next_number;
        if (found < place.next_number) {
            return std::unexpected("the log is shorter than its mark: partition " + std::to_string(p) + " ends after " +
                                   std::to_string(found) + " blocks, and " + std::to_string(place.next_number) +
                                   " had been written." + what_to_do);
        }
        if (place.next_number == 0) {
            continue;
        }
        const auto digest = digest_of(*log.table, p, place.next_number - 1);
        if (!digest) {
            return std::unexpected(digest.error());
        }
        if (*digest != place.digest) {
            return std::unexpected("the log is not the one that its mark was made for: partition " + std::to_string(p) +
                                   ", block " + std::to_string(place.next_number - 1) + " differs." + what_to_do);
        }
    }
    return {};
}

}  // namespace

std::expected<void, std::string> read_log(const fs::path& directory, BlockTableOptions& options, OpenedLog& log) {
    auto table = BlockTable::open(directory, options);
    if (!table && ends_in_torn_write(directory)) {
        options.without_torn_write = true;
        table = BlockTable::open(directory, options);
    }
    if (!table) {
        return std::unexpected(table.error());
    }
    log.table = std::move(*table);
    for (events::Partition p = 0; p < options.partitions; ++p) {
        auto chain = fold_partition(*log.table, p);
        const auto barriers = chain ? count_end_barriers(*log.table, p) : 0;
        if (!chain || !barriers) {
            return std::unexpected(!chain ? chain.error() : barriers.error());
        }
        log.chains.push_back(std::move(*chain));
        log.end_barriers.push_back(*barriers);
    }
    return {};
}

MarkedLog mark_of(const OpenedLog& log, std::uint64_t generation) {
    const consumers::LogIdentity& identity = log.table->identity();
    MarkedLog mark{identity.id, identity.incarnation, generation, {}};
    for (const events::ChainFold& chain : log.chains) {
        mark.places.push_back({chain.tip().next_number, chain.tip().digest});
    }
    return mark;
}

namespace {

// The error says why there is no mark to hold a log against.
std::expected<MarkedLog, std::string> readable_mark(const fs::path& data) {
    const fs::path file = data / "mark";
    const fs::path key_file = data / "keys" / "mark.key";
    if (!fs::exists(file)) {
        return std::unexpected("the mark " + file.string() + " is missing");
    }
    if (!fs::exists(key_file)) {
        return std::unexpected("the key of the mark, " + key_file.string() + ", is missing");
    }
    const auto key = read_key(key_file);
    return key ? Mark::read(file, *key) : std::unexpected(key.error());
}

std::string refused_without_mark(const std::string& why) {
    return why +
           ". Without the mark and its key nobody can tell whether the end of the log is missing. Put right what is "
           "wrong, from a backup if need be; or, if you accept the log as it is, start once with accept_missing_mark";
}

bool is_empty(const OpenedLog& log) {
    return std::ranges::all_of(log.chains, [](const auto& chain) { return chain.tip().next_number == 0; });
}

// A log without blocks needs no mark; any other one without it is refused, unless the operator says otherwise.
std::expected<void, std::string> look_without_mark(const EmbeddedLogOptions& options, const fs::path& directory,
                                                   BlockTableOptions table_options, const std::string& why) {
    table_options.only_look = true;
    OpenedLog looked;
    const bool there = fs::exists(directory / "CURRENT") && read_log(directory, table_options, looked);
    if (there && !is_empty(looked) && !options.accept_missing_mark) {
        return std::unexpected(refused_without_mark(why));
    }
    return {};  // what cannot even be read is said when it is opened to write
}

// RocksDB changes files when it opens them to write: what its write-ahead log holds goes elsewhere, and the file is
// deleted, even where half of it could not be read. So a log is looked at before, and held against its mark: what is
// refused stays as it was found.
std::expected<void, std::string> look_first(const EmbeddedLogOptions& options, const fs::path& directory,
                                            BlockTableOptions& table_options) {
    const auto mark = readable_mark(options.data);
    if (!mark) {
        return look_without_mark(options, directory, table_options, mark.error());
    }
    table_options.only_look = true;
    OpenedLog looked;
    if (auto read = read_log(directory, table_options, looked); !read) {
        return read;
    }
    if (auto held = hold_against(*mark, looked); !held) {
        return held;
    }
    if (table_options.without_torn_write) {
        spdlog::warn("the last write to {} was cut short, and is left out: nobody had been answered",
                     directory.string());
    }
    table_options.only_look = false;
    return {};
}

std::expected<void, std::string> make_mark(const EmbeddedLogOptions& options, const std::string& why, OpenedLog& log) {
    if (!is_empty(log) && !options.accept_missing_mark) {
        return std::unexpected(refused_without_mark(why));
    }
    const auto key = read_or_make_key(options.data / "keys" / "mark.key");
    if (!key) {
        return std::unexpected(key.error());
    }
    log.marked = mark_of(log, 1);
    auto mark = Mark::create(options.data / "mark", *key, log.marked);
    if (!mark) {
        return std::unexpected(mark.error());
    }
    log.mark = std::make_unique<Mark>(std::move(*mark));
    return {};
}

std::expected<void, std::string> check_mark(const EmbeddedLogOptions& options, OpenedLog& log) {
    const fs::path file = options.data / "mark";
    if (const auto readable = readable_mark(options.data); !readable) {
        return make_mark(options, readable.error(), log);
    }
    const auto key = read_key(options.data / "keys" / "mark.key");
    MarkedLog found;
    auto mark = key ? Mark::open(file, *key, found) : std::unexpected(key.error());
    if (!mark) {
        return std::unexpected(mark.error());
    }
    if (auto held = hold_against(found, log); !held) {
        return held;
    }
    log.marked = mark_of(log, found.generation + 1);
    log.mark = std::make_unique<Mark>(std::move(*mark));
    return {};
}

}  // namespace

std::expected<OpenedLog, std::string> open_log(const EmbeddedLogOptions& options) {
    std::error_code failed;
    fs::create_directories(options.data, failed);
    if (failed) {
        return std::unexpected("cannot make the data directory " + options.data.string() + ": " + failed.message());
    }
    if (options.partitions == 0 || options.partitions > 4096) {
        return std::unexpected("a log has 1 to 4096 partitions, not " + std::to_string(options.partitions));
    }
    if (auto ours = looks_like_ours(options.data); !ours) {
        return std::unexpected(ours.error());
    }
    OpenedLog log;
    auto lock = take_lock(options.data);
    if (!lock) {
        return std::unexpected(lock.error());
    }
    log.lock = std::move(*lock);
    const fs::path directory = options.data / "log";
    if (fs::exists(options.data / "restoring" / "ready")) {
        return std::unexpected("a restore to " + options.data.string() +
                               " was cut short: run the same `tidemark restore` again, and it is finished");
    }
    if (fs::exists(options.data / "mark") && !fs::exists(directory / "CURRENT")) {
        return std::unexpected("there is a mark and no log: " + directory.string() + " is missing or empty." +
                               what_to_do);
    }
    if (Mark::is_of_later_version(options.data / "mark")) {
        return std::unexpected("the mark " + (options.data / "mark").string() +
                               " was written by a later version of Tidemark: start that one. Nothing has been changed");
    }
    BlockTableOptions table_options{
        .partitions = options.partitions, .write_buffer_bytes = options.write_buffer_bytes, .files = options.files};
    if (auto sound = look_first(options, directory, table_options); !sound) {
        return std::unexpected(sound.error());
    }
    if (auto read = read_log(directory, table_options, log); !read) {
        return std::unexpected(read.error());
    }
    if (auto checked = check_mark(options, log); !checked) {
        return std::unexpected(checked.error());
    }
    return log;
}

}  // namespace tidemark::infra
