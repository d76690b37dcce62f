// A full disk: appends are refused as unknown, reads go on, and once there is room the log goes on too.
#include "infra/rocksdb/embedded_log.hpp"
#include "tests/contract/owner.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sys/mount.h>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::AppendStatus;

namespace {

// A small file system of its own in memory; only root may make one.
class SmallDisk {
public:
    SmallDisk() { mounted_ = ::mount("tidemark", directory_.path().c_str(), "tmpfs", 0, "size=160m") == 0; }
    ~SmallDisk() {
        if (mounted_) {
            ::umount2(directory_.path().c_str(), MNT_DETACH);
        }
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    [[nodiscard]] bool mounted() const { return mounted_; }
    [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

private:
    TemporaryDirectory directory_;
    bool mounted_ = false;
};

}  // namespace

TEST_CASE("a full disk refuses appends and loses nothing; with room again the log goes on", "[embedded][fault]") {
    const SmallDisk disk;
    if (!disk.mounted()) {
        WARN("skipped: a small disk can be made by root only");
        return;
    }
    infra::EmbeddedLogOptions options;
    options.data = disk.path();
    options.partitions = 2;
    options.tail_bytes = 0;  // reads go to the database
    const auto ballast = disk.path() / "server.ballast";
    std::ofstream(ballast) << std::string(128u << 20, 'x');
    std::uint64_t counted = 0;
    {
        auto log = infra::EmbeddedLog::open(options);
        REQUIRE(log.has_value());
        Owner ada(**log, 1);
        consumers::AppendResult refused;
        for (int i = 0; i < 400 && refused.what.empty(); ++i) {
            const auto results = ada.append({ada.block(0, 2000)});
            counted += results.front().status == AppendStatus::counted ? 1u : 0u;
            refused = results.front();
        }
        CHECK(refused.status == AppendStatus::unknown);
        CHECK(refused.error == std::errc::no_space_on_device);
        CHECK_THAT(refused.what, Catch::Contains("make room"));
        CHECK(counted > 0);
        CHECK((*log)->end(0).tip.next_number == counted);
        CHECK(read_all(**log, 0, 1 << 20).size() == counted);
        CHECK((*log)->stats().refused >= 1);

        std::filesystem::remove(ballast);
        const auto deadline = std::chrono::steady_clock::now() + long_enough;
        AppendStatus status = AppendStatus::unknown;
        // RocksDB looks every five seconds whether there is room.
        while (status != AppendStatus::counted && std::chrono::steady_clock::now() < deadline) {
            const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
            static_cast<void>((*log)->wait((*log)->wait(0, {}), soon));
            ada.learn(0);
            status = ada.append(0, 2000);
        }
        REQUIRE(status == AppendStatus::counted);
        ++counted;
        CHECK(read_all(**log, 0, 1 << 20).size() == counted);
    }
    const auto log = infra::EmbeddedLog::open(options);
    if (!log) {
        FAIL(log.error());
    }
    CHECK((*log)->end(0).tip.next_number == counted);
    CHECK(read_all(**log, 0, 1 << 20).size() == counted);
}
