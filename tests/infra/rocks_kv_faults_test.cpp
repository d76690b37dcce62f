// The key-value store on a disk that loses power, and on files that were damaged: what was written is there up to some
// write and nothing of those behind it, or the store is refused or reads fail, in words.
#include "infra/rocksdb/rocks_kv.hpp"
#include "tests/support/fault_disk.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <sstream>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::Durability;
using consumers::KvBatch;
using infra::RocksKv;
namespace fs = std::filesystem;

namespace {

constexpr consumers::Table rows = 0, meta = 1, scratch = 2;
const std::vector<std::string> tables = {"rows", "meta", "scratch"};

// Small, so that tables are flushed and write-ahead logs change.
infra::RocksKvOptions small(const FaultDisk* disk = nullptr) {
    infra::RocksKvOptions options{
        .block_cache_bytes = 1u << 20, .write_buffer_bytes = 64u << 10, .ingest_rows = 4, .bulk_bytes = 4096};
    if (disk != nullptr) options.files = disk->files();
    return options;
}

std::string key_of(std::uint64_t number) {
    std::string key = std::to_string(number);
    return std::string(8 - key.size(), '0') + key;
}
std::string value_of(std::uint64_t number) {
    return std::string(1 + number * 977 % 3000, static_cast<char>('a' + number % 26));
}
KvBatch numbered(std::uint64_t number) {
    KvBatch batch;
    batch.put(rows, key_of(number), value_of(number));
    batch.put(meta, "last", std::to_string(number));
    return batch;
}

// The last write that is there, if all before it are and none behind it; else what is wrong.
std::expected<std::uint64_t, std::string> last_of(RocksKv& store) {
    const auto last = store.get(meta, "last");
    if (!last) return std::unexpected("unreadable: " + last.error().what);
    const std::uint64_t end = *last ? std::stoull(**last) : 0;
    std::uint64_t next = 1;
    std::string wrong;
    const auto read = store.snapshot()->scan(rows, "", "", [&](std::string_view key, std::string_view value) {
        if (key != key_of(next) || value != value_of(next)) wrong = "row " + std::string(key) + " after a hole";
        ++next;
        return wrong.empty();
    });
    if (!read) return std::unexpected("unreadable: " + read.error().what);
    if (!wrong.empty()) return std::unexpected(wrong);
    if (next != end + 1)
        return std::unexpected(std::to_string(next - 1) + " rows, and the last is said to be " + std::to_string(end));
    return end;
}

std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
}
void put_bytes(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}
std::vector<fs::path> files_of(const fs::path& directory, const char* extension) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (entry.path().extension() == extension && entry.file_size() > 0) found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
}

// As a kill leaves it: `writes` of them, each in the write-ahead log.
class Killed {
public:
    explicit Killed(std::uint64_t writes, infra::RocksKvOptions options = {}) {
        {
            const auto store = RocksKv::open(directory_.path() / "killed", tables, options).value();
            for (std::uint64_t number = 1; number <= writes; ++number) {
                REQUIRE(store->write(numbered(number), Durability::buffered));
            }
        }  // closed, as its files change behind its back while it is open; closing writes nothing that a log has
    }
    [[nodiscard]] fs::path copy() {
        const fs::path made = directory_.path() / ("copy-" + std::to_string(copies_++));
        fs::copy(directory_.path() / "killed", made);
        return made;
    }

private:
    TemporaryDirectory directory_{TemporaryDirectory::in_memory()};
    int copies_ = 0;
};

}  // namespace

TEST_CASE("a loss of power takes the last writes of a store in their order, and nothing else", "[power]") {
    constexpr std::uint64_t seeds = 150;
    std::size_t lost_some = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        CAPTURE(seed);
        const TemporaryDirectory directory(TemporaryDirectory::in_memory());
        std::mt19937_64 random(seed);
        std::uint64_t written = 0;
        std::atomic<std::uint64_t> safe = 0;  // survives whatever happens now
        for (int life = 0; life < 3; ++life) {
            const fs::path here = directory.path() / std::to_string(life);
            const fs::path next = directory.path() / std::to_string(life + 1);
            const std::uint64_t lost_at = 1 + random() % 200;
            std::mt19937_64 left(random());
            std::atomic<std::uint64_t> ops = 0;
            std::uint64_t must = 0;
            std::atomic<bool> lost = false;
            std::unique_ptr<FaultDisk> disk;
            const auto lose = [&] {
                must = safe;
                disk->lose_power(next, left);
                lost = true;
            };
            disk = std::make_unique<FaultDisk>(here, here.string() + "-attic", [&](DiskOp, const std::string&) {
                if (++ops == lost_at) lose();
                return DiskAnswer::done;
            });
            {
                const auto store = RocksKv::open(here, tables, small(disk.get()));
                if (!store) FAIL(store.error());
                const auto there = last_of(**store);
                if (!there) FAIL(there.error());
                CHECK(*there >= safe);
                lost_some += *there < written ? 1u : 0u;
                written = *there;
                safe = written;
                for (int i = 0; i < 80 && !lost; ++i) {
                    const std::uint64_t what = random() % 20;
                    if (what == 0) {
                        REQUIRE((*store)->clear(scratch));
                        if (!lost) safe = written;
                    } else if (what == 1) {
                        consumers::KvRun run(scratch);
                        for (int k = 0; k < 10; ++k) run.add(key_of(static_cast<std::uint64_t>(k)), "x");
                        REQUIRE((*store)->ingest({std::move(run)}, numbered(++written)));
                    } else if (what == 2) {
                        KvBatch batch = numbered(++written);
                        batch.put(scratch, "large", std::string(5000, 'y'));
                        REQUIRE((*store)->write_bulk(std::move(batch)));
                        if (!lost) safe = written;
                    } else {
                        REQUIRE((*store)->write(numbered(++written), Durability::buffered));
                    }
                }
            }
            if (!lost) lose();
            safe = must;
        }
        const auto store = RocksKv::open(directory.path() / "3", tables, small());
        if (!store) FAIL(store.error());
        const auto there = last_of(**store);
        if (!there) FAIL(there.error());
        CHECK(*there >= safe);
    }
    CHECK(lost_some > 0);
}

TEST_CASE("zeros where a write should begin end a store's replay there: RocksDB alone would skip them", "[power]") {
    Killed killed(60);
    const auto logs = files_of(killed.copy(), ".log");
    REQUIRE(logs.size() == 1);
    const std::string whole = bytes_of(logs.front());
    std::size_t shorter = 0;
    // The beginnings of some writes: each holds its row's key once.
    for (std::uint64_t number = 2; number <= 58; number += 4) {
        CAPTURE(number);
        const std::string key = key_of(number);
        const std::size_t at = whole.find(key);
        REQUIRE(at != std::string::npos);
        // A fragment's header is 7 bytes, a batch's 12, a put's tag, family and lengths some more: the header lies in
        // the 32 bytes in front of the key. All of the page behind it is zeros too.
        const fs::path copy = killed.copy();
        std::string holed = whole;
        const std::size_t from = at - 32;
        const std::size_t to = std::min((from / 4096 + 2) * 4096, holed.size());
        std::fill(holed.begin() + static_cast<std::ptrdiff_t>(from), holed.begin() + static_cast<std::ptrdiff_t>(to),
                  '\0');
        put_bytes(copy / logs.front().filename(), holed);
        const auto store = RocksKv::open(copy, tables, {});
        if (!store) FAIL(store.error());
        const auto there = last_of(**store);
        if (!there) FAIL(there.error());
        CHECK(*there < number);
        shorter += *there + 2 >= number ? 1u : 0u;
    }
    CHECK(shorter > 0);
}

TEST_CASE("a write-ahead log that is cut at a write, or not there at all, ends the replay of those behind it",
          "[power]") {
    const TemporaryDirectory directory(TemporaryDirectory::in_memory());
    // Two logs: the second is there because one table was flushed, which the test takes back by damaging the first.
    const fs::path live = directory.path() / "live";
    {
        const auto store = RocksKv::open(live, tables, {}).value();
        for (std::uint64_t number = 1; number <= 20; ++number) {
            REQUIRE(store->write(numbered(number), Durability::buffered));
        }
    }
    const fs::path log = files_of(live, ".log").back();
    const std::string whole = bytes_of(log);
    // What follows the tenth write goes into a log of its own, as if the first had been closed there.
    const std::size_t cut = whole.find(key_of(11));
    REQUIRE(cut != std::string::npos);
    std::size_t shortest = 20;
    for (std::size_t back = 0; back < 40; ++back) {
        const fs::path copy = directory.path() / ("copy-" + std::to_string(back));
        fs::copy(live, copy);
        put_bytes(copy / log.filename(), whole.substr(0, cut - back));
        const auto store = RocksKv::open(copy, tables, {});
        if (!store) FAIL(store.error());
        const auto there = last_of(**store);
        if (!there) FAIL(there.error());
        CHECK(*there <= 10);
        shortest = std::min<std::size_t>(shortest, *there);
    }
    CHECK(shortest >= 9);
}

TEST_CASE("a damaged file of a store: it is refused or cannot be read, in words, or ends at some write", "[damage]") {
    Killed killed(200, small());  // a part in finished files, the rest in the write-ahead log
    std::mt19937_64 random(1);
    using Damage = std::function<void(const fs::path&)>;
    const std::vector<std::pair<const char*, Damage>> damages = {
        {"flipped",
         [&](const fs::path& file) {
             std::string bytes = bytes_of(file);
             bytes[random() % bytes.size()] ^= 0x20;
             put_bytes(file, bytes);
         }},
        {"cut", [&](const fs::path& file) { fs::resize_file(file, random() % fs::file_size(file)); }},
        {"missing", [](const fs::path& file) { fs::remove(file); }},
    };
    std::size_t refused = 0, shorter = 0;
    for (const char* extension : {".sst", ".log"}) {
        for (const auto& [how, damage] : damages) {
            for (int round = 0; round < 12; ++round) {
                const fs::path copy = killed.copy();
                const auto files = files_of(copy, extension);
                REQUIRE_FALSE(files.empty());
                const fs::path file = files[random() % files.size()];
                INFO(file.filename() << " " << how << ", round " << round);
                damage(file);
                const auto store = RocksKv::open(copy, tables, small());
                if (!store) {
                    CHECK_THAT(store.error(), Catch::Contains("damaged") && Catch::Contains("move the directory away"));
                    ++refused;
                    continue;
                }
                const auto there = last_of(**store);
                // A log that somebody deletes whole leaves no trace where the number behind it is in a file: what is
                // missing then, `tidemark check` finds.
                const bool deleted_log = extension == std::string(".log") && how == std::string("missing");
                if (!there) {
                    if (!deleted_log) CHECK_THAT(there.error(), Catch::StartsWith("unreadable"));
                    ++refused;
                    continue;
                }
                shorter += *there < 200 ? 1u : 0u;
            }
        }
    }
    CHECK(refused > 10);
    CHECK(shorter > 5);
}
