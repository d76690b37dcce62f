// What the embedded log does beyond the contract: it opens again where it was, and it refuses a log that is
// not what its mark says, another owner's directory, and anything that is not a log of Tidemark.
#include "infra/rocksdb/embedded_log.hpp"

#include "infra/rocksdb/rocks_kv.hpp"
#include "tests/contract/owner.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::AppendStatus;
using infra::EmbeddedLog;
using infra::EmbeddedLogOptions;
namespace fs = std::filesystem;

namespace {

EmbeddedLogOptions options_for(const fs::path& data) {
    EmbeddedLogOptions options;
    options.data = data;
    options.partitions = 4;
    return options;
}

std::unique_ptr<EmbeddedLog> open(const EmbeddedLogOptions& options) {
    auto opened = EmbeddedLog::open(options);
    if (!opened) {
        FAIL(opened.error());
    }
    return std::move(*opened);
}

std::string refusal(const EmbeddedLogOptions& options) {
    const auto opened = EmbeddedLog::open(options);
    REQUIRE_FALSE(opened.has_value());
    return opened.error();
}

void append(consumers::Log& log, events::Partition partition, std::size_t blocks, std::size_t records = 3) {
    Owner ada(log, 1);
    for (std::size_t i = 0; i < blocks; ++i) {
        REQUIRE(ada.append(partition, records) == AppendStatus::counted);
    }
}

// The write-ahead log that holds the newest blocks.
fs::path newest_wal(const fs::path& data) {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(data / "log")) {
        if (entry.path().extension() == ".log" && entry.path().filename() > newest.filename()) {
            newest = entry.path();
        }
    }
    REQUIRE_FALSE(newest.empty());
    return newest;
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

}  // namespace

TEST_CASE("a log that is opened again is the same one and goes on", "[embedded]") {
    const TemporaryDirectory directory;
    consumers::LogIdentity identity;
    consumers::Log::End end;
    std::vector<std::string> stored;
    {
        const auto log = open(options_for(directory.path()));
        identity = log->identity();
        append(*log, 2, 10);
        append(*log, 0, 1, 0);
        end = log->end(2);
        for (const auto& block : read_all(*log, 2, 1 << 20)) {
            stored.emplace_back(block->stored());
        }
    }
    const auto log = open(options_for(directory.path()));
    CHECK(log->identity() == identity);
    CHECK(log->end(2).tip == end.tip);
    CHECK(log->end(2).edge.peaks() == end.edge.peaks());
    CHECK(log->end(0).tip.next_number == 1);
    CHECK(log->read(0, 0, 1 << 20).value().size() == 1);
    append(*log, 2, 5);
    const auto all = read_all(*log, 2, 1 << 20);
    REQUIRE(all.size() == 15);
    CHECK(std::equal(stored.begin(), stored.end(), all.begin(),
                     [](const std::string& was, const auto& block) { return block->stored() == was; }));
}

TEST_CASE("a log of many blocks opens from its stored ends, with the same Merkle edge", "[embedded]") {
    const TemporaryDirectory directory;
    const auto one = GENERATE(true, false);  // block by block, or many groups under way
    consumers::Log::End end;
    {
        const auto log = open(options_for(directory.path()));
        Owner ada(*log, 1);
        std::vector<std::future<AppendStatus>> reports;
        for (int i = 0; i < 1500; ++i) {
            auto reported = std::make_shared<std::promise<AppendStatus>>();
            reports.push_back(reported->get_future());
            log->append({ada.block(1, 2)}, [reported](std::vector<consumers::AppendResult> results) {
                reported->set_value(results.front().status);
            });
            if (one && i % 100 == 0) {
                reports.back().wait();
            }
        }
        for (auto& report : reports) {
            REQUIRE(report.get() == AppendStatus::counted);
        }
        end = log->end(1);
        CHECK(log->stats().blocks == 1500);
        CHECK(log->stats().writes <= 1500);
    }
    const auto log = open(options_for(directory.path()));
    CHECK(log->end(1).tip == end.tip);
    CHECK(log->end(1).edge.peaks() == end.edge.peaks());
    CHECK(read_all(*log, 1, 64 * 1024).size() == 1500);
}

TEST_CASE("blocks of any size come back from the database as they were", "[embedded]") {
    const TemporaryDirectory directory;
    std::vector<std::string> stored;
    {
        const auto log = open(options_for(directory.path()));
        Owner ada(*log, 1);
        for (const std::size_t records : {1u, 2000u, 0u, 30u, 1500u}) {
            const auto block = ada.block(3, records);
            stored.emplace_back(block->stored());
            REQUIRE(ada.append({block}).front().status == AppendStatus::counted);
        }
    }
    const auto log = open(options_for(directory.path()));
    std::vector<std::string> read;
    for (const auto& block : read_all(*log, 3, 1 << 20)) {
        read.emplace_back(block->stored());
    }
    CHECK(read == stored);
}

TEST_CASE("a second opener is refused in words, and the first goes on", "[embedded]") {
    const TemporaryDirectory directory;
    const auto log = open(options_for(directory.path()));
    CHECK_THAT(refusal(options_for(directory.path())),
               Catch::Contains("another process holds " + directory.path().string()));
    append(*log, 0, 1);
}

TEST_CASE("another number of partitions is refused, and the right one is named", "[embedded]") {
    const TemporaryDirectory directory;
    open(options_for(directory.path())).reset();
    auto options = options_for(directory.path());
    options.partitions = 8;
    CHECK_THAT(refusal(options), Catch::Contains("has 4 partitions and 8 are asked for"));
    options.partitions = 0;
    CHECK_THAT(refusal(options), Catch::Contains("1 to 4096 partitions"));
}

TEST_CASE("a directory that holds other things is refused and left alone", "[embedded]") {
    const TemporaryDirectory directory;
    put_bytes(directory.path() / "thesis.odt", "years of work");
    CHECK_THAT(refusal(options_for(directory.path())), Catch::Contains("is not a data directory of Tidemark"));
    CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a log shorter than its mark is refused: its write-ahead log was deleted", "[mark]") {
    const TemporaryDirectory directory;
    {
        append(*open(options_for(directory.path())), 1, 5);
    }
    fs::remove(newest_wal(directory.path()));
    const std::string why = refusal(options_for(directory.path()));
    CHECK_THAT(why, Catch::Contains("there is a mark"));
    CHECK_THAT(why, Catch::Contains("Put the data directory back from a backup"));
    CHECK(refusal(options_for(directory.path())) == why);  // and stays so
}

TEST_CASE("a log shorter than its mark is refused: its write-ahead log was cut", "[mark]") {
    const TemporaryDirectory directory;
    {
        append(*open(options_for(directory.path())), 1, 1);
    }
    {
        append(*open(options_for(directory.path())), 1, 20);
    }
    const fs::path wal = newest_wal(directory.path());
    fs::resize_file(wal, fs::file_size(wal) / 2);
    const std::string why = refusal(options_for(directory.path()));
    CHECK_THAT(why, Catch::Contains("the log is shorter than its mark: partition 1 ends after"));
    CHECK_THAT(why, Catch::Contains("21 had been written"));
}

TEST_CASE("an older copy of the log is refused", "[mark]") {
    const TemporaryDirectory directory;
    const TemporaryDirectory copy;
    {
        append(*open(options_for(directory.path())), 1, 5);
    }
    fs::copy(directory.path() / "log", copy.path() / "log", fs::copy_options::recursive);
    {
        append(*open(options_for(directory.path())), 1, 5);
    }
    fs::remove_all(directory.path() / "log");
    fs::copy(copy.path() / "log", directory.path() / "log", fs::copy_options::recursive);
    CHECK_THAT(refusal(options_for(directory.path())),
               Catch::Contains("partition 1 ends after 5 blocks, and 10 had been written"));
}

TEST_CASE("a log of the same length with other blocks is refused", "[mark]") {
    const TemporaryDirectory directory;
    const TemporaryDirectory copy;
    {
        append(*open(options_for(directory.path())), 1, 2);
    }
    fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
    {
        append(*open(options_for(directory.path())), 1, 1, 3);
    }
    {
        append(*open(options_for(copy.path())), 1, 1, 4);
    }
    fs::remove_all(directory.path() / "log");
    fs::copy(copy.path() / "log", directory.path() / "log", fs::copy_options::recursive);
    CHECK_THAT(refusal(options_for(directory.path())), Catch::Contains("partition 1, block 2 differs"));
}

TEST_CASE("the log of another data directory is refused", "[mark]") {
    const TemporaryDirectory directory;
    const TemporaryDirectory other;
    {
        append(*open(options_for(directory.path())), 1, 1);
    }
    {
        append(*open(options_for(other.path())), 1, 1);
    }
    fs::remove_all(directory.path() / "log");
    fs::copy(other.path() / "log", directory.path() / "log", fs::copy_options::recursive);
    CHECK_THAT(refusal(options_for(directory.path())), Catch::Contains("the mark is that of another log"));
}

TEST_CASE("a missing mark is refused unless the operator accepts it", "[mark]") {
    const TemporaryDirectory directory;
    {
        append(*open(options_for(directory.path())), 1, 5);
    }
    const bool key_only = GENERATE(false, true);
    fs::remove(key_only ? directory.path() / "keys" / "mark.key" : directory.path() / "mark");
    CHECK_THAT(refusal(options_for(directory.path())), Catch::Contains(key_only ? "mark.key" : "is missing"));
    auto options = options_for(directory.path());
    options.accept_missing_mark = true;
    {
        const auto log = open(options);
        CHECK(log->end(1).tip.next_number == 5);
    }
    open(options_for(directory.path())).reset();  // from now on it is there again
}

TEST_CASE("a log without blocks needs no mark", "[mark]") {
    const TemporaryDirectory directory;
    open(options_for(directory.path())).reset();
    fs::remove(directory.path() / "mark");
    CHECK(open(options_for(directory.path()))->end(0).tip.next_number == 0);
}

TEST_CASE("a mark that is damaged in one slot counts by another; damaged in all it is refused", "[mark]") {
    const TemporaryDirectory directory;
    {
        append(*open(options_for(directory.path())), 1, 6);
    }
    const fs::path file = directory.path() / "mark";
    const std::string whole = bytes_of(file);
    REQUIRE(whole.size() % 4 == 0);
    const std::size_t slot = whole.size() / 4;
    for (std::size_t hurt = 0; hurt < 4; ++hurt) {
        std::string bytes = whole;
        bytes[hurt * slot + 30] ^= 1;
        put_bytes(file, bytes);
        open(options_for(directory.path())).reset();
    }
    std::string bytes = whole;
    for (std::size_t hurt = 0; hurt < 4; ++hurt) {
        bytes[hurt * slot + 30] ^= 1;
    }
    put_bytes(file, bytes);
    CHECK_THAT(refusal(options_for(directory.path())), Catch::Contains("holds nothing that its key has signed"));
}

TEST_CASE("a flipped byte anywhere in the write-ahead log is refused or harmless, never a shorter log",
          "[mark][property]") {
    const TemporaryDirectory directory;
    {
        append(*open(options_for(directory.path())), 1, 1);
    }
    {
        append(*open(options_for(directory.path())), 1, 12);
    }
    const TemporaryDirectory copy;
    const std::string whole = bytes_of(newest_wal(directory.path()));
    std::size_t refused = 0;
    std::size_t opened = 0;
    for (std::size_t at = 3; at < whole.size(); at += whole.size() / 23) {
        CAPTURE(at);
        fs::remove_all(copy.path());
        fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
        std::string bytes = whole;
        bytes[at] ^= 0x10;
        put_bytes(newest_wal(copy.path()), bytes);
        const auto log = EmbeddedLog::open(options_for(copy.path()));
        if (log) {
            ++opened;
            CHECK((*log)->end(1).tip.next_number == 13);
            CHECK(read_all(**log, 1, 1 << 20).size() == 13);
        } else {
            ++refused;
            CHECK_THAT(log.error(), Catch::Contains("backup"));
        }
    }
    CHECK(refused > 15);  // nearly all of it is blocks; the end of the file holds stored ends, which can be made again
    CAPTURE(opened);
}

TEST_CASE("a log of an unknown format is refused", "[embedded]") {
    const TemporaryDirectory directory;
    fs::create_directories(directory.path() / "log");
    put_bytes(directory.path() / "log" / "CURRENT", "MANIFEST-000001\n");
    CHECK_THAT(refusal(options_for(directory.path())), Catch::Contains("cannot open the log in"));
}

TEST_CASE("the keys are made once, and readable by their owner only", "[mark]") {
    const TemporaryDirectory directory;
    open(options_for(directory.path())).reset();
    const fs::path key = directory.path() / "keys" / "mark.key";
    CHECK((fs::status(key).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(bytes_of(key).size() == 32);
    const std::string before = bytes_of(key);
    open(options_for(directory.path())).reset();
    CHECK(bytes_of(key) == before);
    fs::permissions(key, fs::perms::group_read, fs::perm_options::add);
    CHECK_THAT(refusal(options_for(directory.path())), Catch::Contains("chmod 600"));
}

TEST_CASE("after a write that fails other than for want of room nothing is appended, reads go on, nothing is lost",
          "[embedded][fault]") {
    const TemporaryDirectory directory;
    const fs::path counted = directory.path() / "server.counted";
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // A file may not grow beyond this: the write-ahead log's write fails with EFBIG.
        const rlimit limit{256 * 1024, 256 * 1024};
        std::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &limit);
        auto log = EmbeddedLog::open(options_for(directory.path()));
        if (!log) {
            ::_exit(3);
        }
        Owner ada(**log, 1);
        std::uint64_t appended = 0;
        consumers::AppendResult result;
        for (; appended < 2000; ++appended) {
            result = ada.append({ada.block(0, 20)}).front();
            if (result.status != AppendStatus::counted) {
                break;
            }
            put_bytes(counted, std::to_string(appended + 1));
        }
        ada.learn(0);
        const bool refused = result.status == AppendStatus::unknown && result.error == std::errc::io_error &&
                             result.what.find("restart the server") != std::string::npos &&
                             (*log)->trouble() == result.what && ada.append(0, 1) == AppendStatus::unknown;
        const bool read = read_all(**log, 0, 1 << 20).size() == appended;
        log->reset();
        ::_exit(refused && read ? 0 : 4);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    const auto log = open(options_for(directory.path()));
    CHECK(std::stoull(bytes_of(counted)) > 0);
    CHECK(log->end(0).tip.next_number >= std::stoull(bytes_of(counted)));
    append(*log, 0, 3);
}

TEST_CASE("a log of a later format is refused by name", "[embedded]") {
    const TemporaryDirectory directory;
    open(options_for(directory.path())).reset();
    {
        auto raw = infra::RocksKv::open(directory.path() / "log", {"default", "blocks"});
        REQUIRE(raw.has_value());
        consumers::KvBatch batch;
        batch.put(0, "format", "tidemark log 2");
        REQUIRE((*raw)->write(std::move(batch), consumers::Durability::synced));
    }
    CHECK_THAT(refusal(options_for(directory.path())),
               Catch::Contains("has the format \"tidemark log 2\"; this version knows \"tidemark log 1\" only"));
}

TEST_CASE("a stored end that says nonsense is not believed: the log is folded from its beginning", "[embedded]") {
    const auto nonsense = GENERATE(0, 1, 2);
    const TemporaryDirectory directory;
    consumers::Log::End end;
    {
        const auto log = open(options_for(directory.path()));
        append(*log, 1, 7);
        end = log->end(1);
    }
    {
        using namespace std::string_literals;
        auto raw = infra::RocksKv::open(directory.path() / "log", {"default", "blocks"});
        REQUIRE(raw.has_value());
        const auto stored = (*raw)->get(0, "end/\0\0\0\1"s).value();
        REQUIRE(stored.has_value());
        std::string changed = *stored;
        if (nonsense == 0) {
            changed.back() ^= 1;  // a peak of the Merkle edge
        } else if (nonsense == 1) {
            changed.erase(0, 1);
        } else {
            changed.assign(200, '\xff');
        }
        consumers::KvBatch batch;
        batch.put(0, "end/\0\0\0\1"s, changed);
        REQUIRE((*raw)->write(std::move(batch), consumers::Durability::synced));
    }
    const auto log = open(options_for(directory.path()));
    CHECK(log->end(1).tip == end.tip);
    CHECK(log->end(1).edge.peaks() == end.edge.peaks());
}
