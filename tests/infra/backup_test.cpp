// Backups of the embedded log: taken while it is written, read back, restored on an empty machine and over a newer
// copy; refused when they are damaged.
#include "infra/rocksdb/backup.hpp"

#include "infra/rocksdb/embedded_log.hpp"
#include "tests/contract/owner.hpp"
#include "tests/infra/promises.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <thread>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::AppendStatus;
using infra::EmbeddedLog;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t partitions = 3;

infra::EmbeddedLogOptions options_for(const fs::path& data) {
    infra::EmbeddedLogOptions options;
    options.data = data;
    options.partitions = partitions;
    return options;
}

std::unique_ptr<EmbeddedLog> open(const fs::path& data) {
    auto log = EmbeddedLog::open(options_for(data));
    if (!log) FAIL(log.error());
    return std::move(*log);
}

// Blocks of a few records and of many, so that some lie in files of their own.
void append(consumers::Log& log, std::size_t groups) {
    Owner ada(log, 1);
    for (events::Partition p = 0; p < partitions; ++p) ada.learn(p);
    for (std::size_t i = 0; i < groups; ++i) {
        std::vector<events::BlockPtr> group;
        for (events::Partition p = 0; p < partitions; ++p) group.push_back(ada.block(p, i % 5 == 0 ? 200 : 2));
        for (const auto& result : ada.append(std::move(group))) REQUIRE(result.status == AppendStatus::counted);
    }
}

std::vector<std::string> stored(consumers::Log& log) {
    std::vector<std::string> all;
    for (events::Partition p = 0; p < partitions; ++p) {
        for (const auto& block : read_all(log, p, 1 << 20)) all.emplace_back(block->stored());
    }
    return all;
}

void restore(const fs::path& backup, const fs::path& data, bool replace = false) {
    const auto restored = infra::restore_backup({.backup = backup, .data = data, .replace = replace});
    if (!restored) FAIL(restored.error());
}

std::string refusal(const fs::path& backup, const fs::path& data, bool replace = false) {
    const auto restored = infra::restore_backup({.backup = backup, .data = data, .replace = replace});
    REQUIRE_FALSE(restored.has_value());
    return restored.error();
}

void flip(const fs::path& file, std::uint64_t at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const auto was = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(was ^ 0x10));
}

fs::path largest_file(const fs::path& directory) {
    fs::path largest;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
    }
    return largest;
}

// A log with a backup of it.
struct BackedUp {
    TemporaryDirectory directory{TemporaryDirectory::in_memory()};
    fs::path data = directory.path() / "data";
    fs::path backup = directory.path() / "backup";
    fs::path elsewhere = directory.path() / "elsewhere";
    std::vector<std::string> blocks;

    explicit BackedUp(std::size_t groups = 12) {
        const auto log = open(data);
        append(*log, groups);
        const auto told = log->back_up(backup);
        if (!told) FAIL(told.error());
        CHECK(told->blocks == groups * partitions);
        blocks = stored(*log);
    }
};

}  // namespace

TEST_CASE("a backup that is restored on an empty machine is the same log in another incarnation", "[backup]") {
    const BackedUp made;
    const auto told = infra::verify_backup(made.backup);
    REQUIRE(told.has_value());
    CHECK(told->identity.incarnation == 1);
    restore(made.backup, made.elsewhere);
    const auto log = open(made.elsewhere);
    CHECK(stored(*log) == made.blocks);
    CHECK(log->identity().id == told->identity.id);
    CHECK(log->identity().incarnation == 2);
    append(*log, 3);
    CHECK(stored(*log).size() == made.blocks.size() + 3 * partitions);
}

TEST_CASE("a backup taken while the log is written holds all that was acknowledged before", "[backup]") {
    const TemporaryDirectory directory(TemporaryDirectory::in_memory());
    constexpr std::size_t backups = 8;
    std::vector<std::size_t> acknowledged;
    Promises promises;
    {
        const auto log = open(directory.path() / "data");
        std::jthread writer([&](const std::stop_token& stop) {
            Owner ada(*log, 1);
            for (events::Partition p = 0; p < partitions; ++p) ada.learn(p);
            while (!stop.stop_requested()) {
                std::vector<events::BlockPtr> group;
                for (events::Partition p = 0; p < partitions; ++p) group.push_back(ada.block(p, 20));
                promises.appended(group);
                auto appended = std::make_shared<std::promise<void>>();
                log->append(std::move(group), [appended, &promises](const std::vector<consumers::AppendResult>&) {
                    promises.acknowledged();
                    appended->set_value();
                });
                appended->get_future().wait();
            }
        });
        for (std::size_t i = 0; i < backups; ++i) {
            while (promises.count() < (i + 1) * 5) std::this_thread::yield();
            acknowledged.push_back(promises.count());
            const auto told = log->back_up(directory.path() / ("backup-" + std::to_string(i)));
            if (!told) FAIL(told.error());
        }
    }
    for (std::size_t i = 0; i < backups; ++i) {
        CAPTURE(i);
        const fs::path data = directory.path() / ("restored-" + std::to_string(i));
        restore(directory.path() / ("backup-" + std::to_string(i)), data);
        CHECK(promises.faults(*open(data), acknowledged[i]) == "");
    }
}

TEST_CASE("a restore over a newer copy is asked for by name, and keeps that one aside", "[backup]") {
    const BackedUp made;
    append(*open(made.data), 4);
    CHECK_THAT(refusal(made.backup, made.data), Catch::Contains("holds a store already"));
    {
        const auto log = open(made.data);
        CHECK_THAT(refusal(made.backup, made.data, true), Catch::Contains("another process holds"));
        CHECK(stored(*log).size() == made.blocks.size() + 4 * partitions);
    }
    fs::create_directory(made.data / "derived");
    restore(made.backup, made.data, true);
    CHECK_FALSE(fs::exists(made.data / "derived"));
    {
        const auto log = open(made.data);
        CHECK(stored(*log) == made.blocks);
        CHECK(log->identity().incarnation == 2);
    }
    for (const char* name : {"log", "mark", "keys", "derived"}) CHECK(fs::exists(made.data / "replaced" / name));
    CHECK_THAT(refusal(made.backup, made.data, true), Catch::Contains("is there already, of a former restore"));
    fs::rename(made.data / "replaced", made.elsewhere);
    CHECK(stored(*open(made.elsewhere)).size() == made.blocks.size() + 4 * partitions);  // it can be gone back to
    restore(made.backup, made.data, true);
    CHECK(open(made.data)->identity().incarnation == 3);  // never one that was there before
}

TEST_CASE("the log of the newer copy is refused in the restored directory", "[backup][mark]") {
    const BackedUp made;
    append(*open(made.data), 4);
    restore(made.backup, made.data, true);
    fs::remove_all(made.data / "log");
    fs::rename(made.data / "replaced" / "log", made.data / "log");
    const auto opened = EmbeddedLog::open(options_for(made.data));
    REQUIRE_FALSE(opened.has_value());
    CHECK_THAT(opened.error(), Catch::Contains("the mark is that of another log"));
}

TEST_CASE("a damaged backup is refused, and what it was to replace stays as it is", "[backup]") {
    const BackedUp made;
    struct Damage {
        const char* what;
        std::function<void(const fs::path&)> make;
    };
    const std::vector<Damage> table = {
        {"a byte of the blocks", [](const fs::path& b) { flip(largest_file(b / "log"), 5000); }},
        {"the blocks cut", [](const fs::path& b) { fs::resize_file(largest_file(b / "log"), 4000); }},
        {"the blocks missing", [](const fs::path& b) { fs::remove(largest_file(b / "log")); }},
        {"the list of files missing", [](const fs::path& b) { fs::remove(b / "log" / "CURRENT"); }},
        {"no log", [](const fs::path& b) { fs::remove_all(b / "log"); }},
        {"no mark", [](const fs::path& b) { fs::remove(b / "mark"); }},
        {"no keys", [](const fs::path& b) { fs::remove_all(b / "keys"); }},
        {"another key", [](const fs::path& b) { flip(b / "keys" / "mark.key", 3); }},
        {"nothing", [](const fs::path& b) { fs::remove_all(b); }},
    };
    for (const auto& [what, make] : table) {
        CAPTURE(what);
        const fs::path copy = made.directory.path() / "damaged";
        fs::remove_all(copy);
        fs::copy(made.backup, copy, fs::copy_options::recursive);
        make(copy);
        const std::string why = refusal(copy, made.data, true);
        CHECK_THAT(why, Catch::Contains("cannot be used") && Catch::Contains("Take another backup"));
        CHECK_FALSE(fs::exists(made.data / "replaced"));
    }
    CHECK(stored(*open(made.data)) == made.blocks);
}

TEST_CASE("a backup is not written over another one, and what was cut short before is no backup", "[backup]") {
    const BackedUp made;
    const auto log = open(made.data);
    CHECK_THAT(log->back_up(made.backup).error(), Catch::Contains("is there already"));
    fs::create_directories(made.elsewhere.string() + ".partial/log");
    CHECK(log->back_up(made.elsewhere).has_value());
    CHECK(infra::verify_backup(made.elsewhere).has_value());
    const auto key = fs::status(made.elsewhere / "keys" / "mark.key").permissions() & fs::perms::all;
    CHECK(key == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK((fs::status(made.elsewhere).permissions() & fs::perms::all) == fs::perms::owner_all);
}

TEST_CASE("a restore that was cut short leaves a directory that is refused, and is done again", "[backup]") {
    const BackedUp made;
    fs::create_directories(made.elsewhere);
    SECTION("before anything is in place") {
        fs::create_directories(made.elsewhere / "restoring" / "log");
    }
    SECTION("the mark is in place, and the log is not") {
        fs::copy_file(made.backup / "mark", made.elsewhere / "mark");
        const auto opened = EmbeddedLog::open(options_for(made.elsewhere));
        REQUIRE_FALSE(opened.has_value());
        CHECK_THAT(opened.error(), Catch::Contains("there is a mark and no log"));
    }
    restore(made.backup, made.elsewhere, true);
    CHECK(stored(*open(made.elsewhere)) == made.blocks);
}

TEST_CASE("a restore that is cut short at any step is finished by the same call, and keeps the former store",
          "[backup]") {
    struct Cut {};
    for (const bool replace : {true, false}) {
        bool whole = false;
        for (int steps = 1; !whole; ++steps) {
            CAPTURE(replace, steps);
            REQUIRE(steps < 30);
            const BackedUp made;
            std::vector<std::string> former;
            if (replace) {
                const auto log = open(made.elsewhere);
                append(*log, 4);
                former = stored(*log);
                fs::create_directories(made.elsewhere / "derived");
                fs::create_directories(made.elsewhere / "views");
            }
            infra::RestoreOptions options{.backup = made.backup, .data = made.elsewhere, .replace = replace};
            int left = steps;
            options.on_step = [&] {
                if (--left == 0) throw Cut{};
            };
            try {
                const auto restored = infra::restore_backup(options);
                whole = restored.has_value();
                REQUIRE(whole);
            } catch (const Cut&) {
                const auto refused = EmbeddedLog::open(options_for(made.elsewhere));
                REQUIRE_FALSE(refused.has_value());
                CHECK_THAT(refused.error(), Catch::Contains("run the same `tidemark restore` again"));
                CHECK_THAT(refusal(made.data, made.elsewhere, replace), Catch::Contains("finish that one first"));
                options.on_step = {};
                const auto finished = infra::restore_backup(options);
                if (!finished) FAIL(finished.error());
                CHECK(finished->identity.incarnation == 2);
            }
            {
                const auto log = open(made.elsewhere);
                CHECK(stored(*log) == made.blocks);
            }
            CHECK_FALSE(fs::exists(made.elsewhere / "restoring"));
            if (!replace) continue;
            CHECK(fs::exists(made.elsewhere / "replaced" / "derived"));
            CHECK(fs::exists(made.elsewhere / "replaced" / "views"));
            const auto log = open(made.elsewhere / "replaced");
            CHECK(stored(*log) == former);
        }
    }
}

TEST_CASE("a restore that is cut short while it copies has changed nothing, and begins anew", "[backup]") {
    const BackedUp made;
    {
        const auto log = open(made.elsewhere);
        append(*log, 4);
    }
    fs::create_directories(made.elsewhere / "restoring" / "log");
    std::ofstream(made.elsewhere / "restoring" / "log" / "000001.sst") << "half";
    CHECK(open(made.elsewhere) != nullptr);
    restore(made.backup, made.elsewhere, true);
    CHECK(stored(*open(made.elsewhere)) == made.blocks);
}
