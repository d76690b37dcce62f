// The embedded log on a disk that fails, fills up, is read-only, lies about bytes, or hangs while it syncs: nothing
// acknowledged is lost, the answer says what is wrong, reads go on.
#include "infra/rocksdb/embedded_log.hpp"
#include "tests/contract/owner.hpp"
#include "tests/infra/promises.hpp"
#include "tests/support/fault_disk.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <optional>
#include <random>
#include <thread>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::AppendStatus;
using infra::EmbeddedLog;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t partitions = 2;

infra::EmbeddedLogOptions options_on(const fs::path& data, const FaultDisk* disk) {
    infra::EmbeddedLogOptions options;
    options.data = data;
    options.partitions = partitions;
    options.tail_bytes = 0;  // reads go to the database
    options.write_buffer_bytes = 64 * 1024;
    if (disk != nullptr) options.files = disk->files();
    return options;
}

// Appends groups until one is not acknowledged; what became of that one. Nothing: all of them were.
std::optional<consumers::AppendResult> append(consumers::Log& log, Promises& promises, std::size_t groups,
                                              std::mt19937_64& random) {
    Owner ada(log, 1);
    for (events::Partition p = 0; p < partitions; ++p) ada.learn(p);
    for (std::size_t i = 0; i < groups; ++i) {
        std::vector<events::BlockPtr> group;
        for (events::Partition p = 0; p < partitions; ++p) {
            group.push_back(ada.block(p, random() % 8 == 0 ? 300 : random() % 12));
        }
        promises.appended(group);
        for (const auto& result : ada.append(std::move(group))) {
            if (result.status != AppendStatus::counted) return result;
        }
        promises.acknowledged();
    }
    return std::nullopt;
}

std::size_t counted_blocks(consumers::Log& log) {
    std::size_t all = 0;
    for (events::Partition p = 0; p < partitions; ++p) {
        const auto blocks = read_partition(log, p);
        REQUIRE(blocks.has_value());
        all += blocks->size();
    }
    return all;
}

struct Case {
    const char* name;
    DiskAnswer answer;
    std::errc error;
    const char* says;
    std::uint64_t seeds;  // a full disk is closed slowly: RocksDB looks for room meanwhile
};

}  // namespace

TEST_CASE("a disk that begins to fail at any operation loses nothing that was acknowledged", "[disk]") {
    const std::vector<Case> table = {
        {"fails", DiskAnswer::failed, std::errc::io_error, "Mend the disk, then restart the server", 25},
        {"is read-only", DiskAnswer::read_only, std::errc::io_error, "Mend the disk, then restart the server", 25},
        {"is full", DiskAnswer::full, std::errc::no_space_on_device, "make room", 6},
    };
    for (const Case& fault : table) {
        std::size_t while_appending = 0;
        for (std::uint64_t seed = 1; seed <= fault.seeds; ++seed) {
            INFO("a disk that " << fault.name << ", seed " << seed);
            const TemporaryDirectory directory(TemporaryDirectory::in_memory());
            std::mt19937_64 random(seed);
            const std::uint64_t fails_from = 10 + random() % 120;
            std::atomic<std::uint64_t> ops = 0;
            const FaultDisk disk(
                directory.path() / "log", directory.path() / "server.attic",
                [&](DiskOp, const std::string&) { return ++ops >= fails_from ? fault.answer : DiskAnswer::done; });
            Promises promises;
            {
                const auto log = EmbeddedLog::open(options_on(directory.path(), &disk));
                if (log) {
                    const auto refused = append(**log, promises, 60, random);
                    CHECK(counted_blocks(**log) == promises.count() * partitions);  // reads go on
                    if (refused) {
                        ++while_appending;
                        CHECK(refused->status == AppendStatus::unknown);
                        CHECK(refused->error == fault.error);
                        CHECK_THAT(refused->what, Catch::Contains(fault.says));
                        CHECK((*log)->trouble() == refused->what);
                    }
                } else {
                    CHECK_THAT(log.error(), Catch::Contains("disk of the test") || Catch::Contains("Read-only file"));
                }
            }
            const auto log = EmbeddedLog::open(options_on(directory.path(), nullptr));
            if (!log) FAIL(log.error());
            CHECK(promises.faults(**log, promises.count()) == "");
            CHECK_FALSE(append(**log, promises, 3, random));
        }
        CHECK(while_appending > fault.seeds / 2);
    }
}

TEST_CASE("a sync that fails is not acknowledged, and nothing is written behind it", "[disk]") {
    const TemporaryDirectory directory(TemporaryDirectory::in_memory());
    std::atomic<bool> failing = false;
    std::atomic<int> writes_behind = 0;
    const FaultDisk disk(directory.path() / "log", directory.path() / "server.attic",
                         [&](DiskOp op, const std::string& file) {
                             const bool wal = file.ends_with(".log");
                             if (failing && wal && op == DiskOp::write) ++writes_behind;
                             return failing && wal && op == DiskOp::sync ? DiskAnswer::failed : DiskAnswer::done;
                         });
    std::mt19937_64 random(1);
    Promises promises;
    const auto log = EmbeddedLog::open(options_on(directory.path(), &disk));
    REQUIRE(log.has_value());
    REQUIRE_FALSE(append(**log, promises, 5, random));
    failing = true;
    REQUIRE(append(**log, promises, 1, random));
    const int written = writes_behind;
    failing = false;  // a disk may say later that all is well; what was in doubt stays so
    CHECK(append(**log, promises, 1, random));
    CHECK(writes_behind == written);
    CHECK(counted_blocks(**log) == 5 * partitions);
}

TEST_CASE("while a sync hangs nothing is acknowledged and reads go on; when it returns, all is", "[disk]") {
    const TemporaryDirectory directory(TemporaryDirectory::in_memory());
    std::promise<void> let_go;
    const auto released = let_go.get_future().share();
    std::promise<void> reached;
    std::atomic<bool> hanging = false;
    const FaultDisk disk(directory.path() / "log", directory.path() / "server.attic",
                         [&](DiskOp op, const std::string& file) {
                             if (op == DiskOp::sync && file.ends_with(".log") && hanging.exchange(false)) {
                                 reached.set_value();
                                 released.wait();
                             }
                             return DiskAnswer::done;
                         });
    std::mt19937_64 random(1);
    Promises promises;
    const auto log = EmbeddedLog::open(options_on(directory.path(), &disk));
    REQUIRE(log.has_value());
    REQUIRE_FALSE(append(**log, promises, 4, random));

    hanging = true;
    Owner ada(**log, 1);
    ada.learn(0);
    std::atomic<int> acknowledged = 0;
    std::vector<std::future<void>> reports;
    for (int i = 0; i < 3; ++i) {
        auto reported = std::make_shared<std::promise<void>>();
        reports.push_back(reported->get_future());
        (*log)->append({ada.block(0, 5)}, [&acknowledged, reported](const std::vector<consumers::AppendResult>& all) {
            acknowledged += all.front().status == AppendStatus::counted ? 1 : 0;
            reported->set_value();
        });
    }
    REQUIRE(reached.get_future().wait_for(long_enough) == std::future_status::ready);
    CHECK(acknowledged == 0);
    CHECK(counted_blocks(**log) == 4 * partitions);
    CHECK((*log)->end(0).tip.next_number == 4);
    let_go.set_value();
    for (auto& report : reports) REQUIRE(report.wait_for(long_enough) == std::future_status::ready);
    CHECK(acknowledged == 3);
    CHECK(counted_blocks(**log) == 4 * partitions + 3);
}

TEST_CASE("a disk that flips a bit of what is written is found when it is read: nothing false is served", "[disk]") {
    constexpr std::uint64_t seeds = 60;
    std::size_t refused = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        CAPTURE(seed);
        const TemporaryDirectory directory(TemporaryDirectory::in_memory());
        std::mt19937_64 random(seed);
        const std::uint64_t flips_at = 1 + random() % 60;
        std::atomic<std::uint64_t> writes = 0;
        const FaultDisk disk(directory.path() / "log", directory.path() / "server.attic",
                             [&](DiskOp op, const std::string&) {
                                 const bool flip = op == DiskOp::write && ++writes == flips_at;
                                 return flip ? DiskAnswer::flipped : DiskAnswer::done;
                             });
        Promises promises;
        {
            const auto log = EmbeddedLog::open(options_on(directory.path(), &disk));
            if (log) static_cast<void>(append(**log, promises, 20, random));
        }
        const auto log = EmbeddedLog::open(options_on(directory.path(), nullptr));
        if (!log) {
            ++refused;
            CHECK_THAT(log.error(), Catch::Contains("backup") || Catch::Contains("later version"));
            continue;
        }
        // Opened: either the flip is nowhere that matters, or reading what it hit is an error.
        const std::string faults = promises.faults(**log, promises.count());
        CHECK_THAT(faults, Catch::Equals("") || Catch::Contains("cannot be read"));
    }
    CHECK(refused > seeds / 4);
}

TEST_CASE("no room for the mark: what was written is in doubt, and it goes on by itself once there is room", "[disk]") {
    const TemporaryDirectory directory(TemporaryDirectory::in_memory());
    std::atomic<int> fault = 0;
    std::mt19937_64 random(1);
    Promises promises;
    infra::EmbeddedLogOptions options = options_on(directory.path(), nullptr);
    options.mark_fault = [&](bool) { return fault.load(); };
    {
        const auto log = EmbeddedLog::open(options);
        REQUIRE(log.has_value());
        REQUIRE_FALSE(append(**log, promises, 3, random));
        fault = ENOSPC;
        const auto in_doubt = append(**log, promises, 1, random);
        REQUIRE(in_doubt);
        CHECK(in_doubt->status == AppendStatus::unknown);
        CHECK(in_doubt->error == std::errc::no_space_on_device);
        CHECK_THAT(in_doubt->what, Catch::Contains("make room"));
        CHECK((*log)->trouble() == in_doubt->what);
        // It is there all the same, and whoever goes on goes on behind it; as long as there is no room, nobody does.
        CHECK(counted_blocks(**log) == 4 * partitions);
        Owner bob(**log, 2);
        bob.learn(0);
        CHECK(bob.append({bob.block(0, 3)}).front().error == std::errc::no_space_on_device);
        CHECK(counted_blocks(**log) == 4 * partitions);
        fault = 0;
        promises.acknowledged();  // the fourth: it counts
        REQUIRE_FALSE(append(**log, promises, 3, random));
        CHECK((*log)->trouble().empty());
    }
    const auto log = EmbeddedLog::open(options_on(directory.path(), nullptr));
    if (!log) FAIL(log.error());
    CHECK(promises.faults(**log, promises.count()) == "");
}

TEST_CASE("a mark that cannot be written or synced stops the appends until the log is opened again", "[disk]") {
    for (const bool while_sealing : {false, true}) {
        CAPTURE(while_sealing);
        const TemporaryDirectory directory(TemporaryDirectory::in_memory());
        std::atomic<int> fault = 0;
        std::promise<void> asked;
        std::atomic<bool> told = false;
        std::mt19937_64 random(1);
        Promises promises;
        infra::EmbeddedLogOptions options = options_on(directory.path(), nullptr);
        options.mark_fault = [&](bool sealing) {
            if (fault == 0 || sealing != while_sealing) return 0;
            if (!told.exchange(true)) asked.set_value();
            return fault.load();
        };
        {
            const auto log = EmbeddedLog::open(options);
            REQUIRE(log.has_value());
            fault = EIO;
            if (while_sealing) {
                REQUIRE_FALSE(append(**log, promises, 1, random));
                REQUIRE(asked.get_future().wait_for(long_enough) == std::future_status::ready);
                while ((*log)->trouble().empty()) std::this_thread::yield();  // the sealer is about to say so
            }
            const auto refused = append(**log, promises, 1, random);
            REQUIRE(refused);
            CHECK(refused->status == AppendStatus::unknown);
            CHECK_THAT(refused->what, Catch::Contains("restart the server"));
            fault = 0;
            CHECK(append(**log, promises, 1, random));
            CHECK(counted_blocks(**log) == promises.count() * partitions);
        }
        const auto log = EmbeddedLog::open(options_on(directory.path(), nullptr));
        if (!log) FAIL(log.error());
        CHECK_FALSE(append(**log, promises, 2, random));
    }
}

TEST_CASE("a disk that is full for a while loses nothing and takes what comes behind it", "[disk]") {
    std::size_t went_on = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {  // RocksDB looks for room every five seconds
        CAPTURE(seed);
        const TemporaryDirectory directory(TemporaryDirectory::in_memory());
        std::mt19937_64 random(seed);
        std::atomic<bool> full = false;
        const FaultDisk disk(directory.path() / "log", directory.path() / "server.attic",
                             [&](DiskOp, const std::string&) { return full ? DiskAnswer::full : DiskAnswer::done; });
        Promises promises;
        {
            const auto log = EmbeddedLog::open(options_on(directory.path(), &disk));
            REQUIRE(log.has_value());
            REQUIRE_FALSE(append(**log, promises, 1 + random() % 10, random));
            full = true;  // in the middle of whatever it does, and whatever it was told before
            const auto refused = append(**log, promises, 30, random);
            REQUIRE(refused);
            CHECK(refused->error == std::errc::no_space_on_device);
            disk.say_free(0);
            promises.settle(promises.count());
            CHECK(append(**log, promises, 1, random));
            promises.settle(promises.count());
            full = false;
            disk.say_free(1u << 30);
            // Soon; or, where it was full at the beginning of a new write-ahead log, after a restart, and it says so.
            const auto deadline = std::chrono::steady_clock::now() + 3 * long_enough;
            auto behind = append(**log, promises, 1, random);
            while (behind && behind->what.find("restart the server") == std::string::npos) {
                promises.settle(promises.count());
                REQUIRE(std::chrono::steady_clock::now() < deadline);
                std::this_thread::yield();
                behind = append(**log, promises, 1, random);
            }
            if (behind) {
                CHECK((*log)->trouble() == behind->what);
                promises.settle(promises.count());
            } else {
                ++went_on;
                REQUIRE_FALSE(append(**log, promises, 10, random));
            }
        }
        const auto log = EmbeddedLog::open(options_on(directory.path(), nullptr));
        if (!log) FAIL(log.error());
        CHECK(promises.faults(**log, promises.count()) == "");
        CHECK_FALSE(append(**log, promises, 3, random));
    }
    CHECK(went_on > 0);
}

TEST_CASE("a disk with little room left is full, before the database finds out", "[disk]") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        const TemporaryDirectory directory(TemporaryDirectory::in_memory());
        std::mt19937_64 random(seed);
        std::atomic<bool> full = false;
        std::atomic<int> writes = 0;  // to write-ahead logs while there is no room
        const FaultDisk disk(directory.path() / "log", directory.path() / "server.attic",
                             [&](DiskOp op, const std::string& file) {
                                 if (full && op == DiskOp::write && file.ends_with(".log")) ++writes;
                                 return DiskAnswer::done;
                             });
        Promises promises;
        {
            const auto log = EmbeddedLog::open(options_on(directory.path(), &disk));
            REQUIRE(log.has_value());
            for (int round = 0; round < 5; ++round) {
                REQUIRE_FALSE(append(**log, promises, 1 + random() % 10, random));
                full = true;
                disk.say_free(1u << 20);
                const auto refused = append(**log, promises, 30, random);
                REQUIRE(refused);
                CHECK(refused->error == std::errc::no_space_on_device);
                CHECK_THAT((*log)->trouble(), Catch::Contains("make room"));
                promises.settle(promises.count());
                disk.say_free(1u << 30);
                full = false;
            }
            REQUIRE_FALSE(append(**log, promises, 1, random));
            CHECK((*log)->trouble().empty());
            CHECK(writes == 0);
        }
        const auto log = EmbeddedLog::open(options_on(directory.path(), nullptr));
        if (!log) FAIL(log.error());
        CHECK(promises.faults(**log, promises.count()) == "");
    }
}
