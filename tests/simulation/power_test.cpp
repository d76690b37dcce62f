// The whole process on real databases, whose disks lose power, fail and tear writes at any of their operations, under
// seeds. The log is in memory, and loses nothing: what the derived stores and the views lost is made again from it,
// they always open, no command is done twice, and in the end every row is what the log says.
#include "infra/rocksdb/rocks_kv.hpp"
#include "tests/simulation/audit.hpp"
#include "tests/simulation/process.hpp"
#include "tests/support/commands.hpp"
#include "tests/support/fault_disk.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdlib>

using namespace tidemark;
using namespace tidemark::tests;
using namespace tidemark::tests::simulation;
namespace fs = std::filesystem;

namespace {

constexpr int lives = 4;  // of a data directory
constexpr int patience = 20'000;

enum class Ends : std::uint8_t { power, failure };

const std::vector<std::string>& derived_tables() {
    static const std::vector<std::string> names(std::begin(consumers::DerivedTable::names),
                                                std::end(consumers::DerivedTable::names));
    return names;
}

// The two databases of a data directory on one disk: power goes for both.
class Disk {
public:
    Disk(fs::path data, fs::path next, Ends ends, std::uint64_t seed)
        : data_(std::move(data)),
          next_(std::move(next)),
          ends_(ends),
          random_(seed),
          at_(1 + random_() % (random_() % 2 == 0 ? 60 : 900)),
          failures_(1 + random_() % 3),
          answer_(std::array{DiskAnswer::failed, DiskAnswer::torn, DiskAnswer::full}[random_() % 3]),
          derived_(data_ / "derived", data_.string() + "-attic-derived", watch()),
          views_(data_ / "views", data_.string() + "-attic-views", watch()) {}

    [[nodiscard]] std::shared_ptr<rocksdb::FileSystem> derived() const { return derived_.files(); }
    [[nodiscard]] std::shared_ptr<rocksdb::FileSystem> views() const { return views_.files(); }
    // What came to happen: power is lost, or operations have failed.
    [[nodiscard]] bool over() const { return over_; }
    void lose_power() {
        if (lost_.exchange(true)) return;
        derived_.lose_power(next_ / "derived", random_);
        views_.lose_power(next_ / "views", random_);
        over_ = true;
    }

private:
    DiskWatch watch() {
        return [this](DiskOp, const std::string&) {
            const std::uint64_t op = ++ops_;
            if (op < at_) return DiskAnswer::done;
            if (ends_ == Ends::power) {
                if (op == at_) lose_power();
                return DiskAnswer::done;
            }
            over_ = true;
            return op < at_ + failures_ ? answer_ : DiskAnswer::done;
        };
    }

    fs::path data_, next_;
    Ends ends_;
    std::mt19937_64 random_;
    std::uint64_t at_, failures_;
    DiskAnswer answer_;
    std::atomic<std::uint64_t> ops_ = 0;
    std::atomic<bool> over_ = false;
    std::atomic<bool> lost_ = false;
    FaultDisk derived_, views_;
};

class PoweredWorld {
public:
    explicit PoweredWorld(std::uint64_t seed)
        : dice_(seed),
          log_({.partitions = static_cast<std::uint32_t>(dice_.between(1, 4)), .clock = [this] { return now_; }}),
          world_log_(log_, points_, [this] { go_on(); }),
          clients_(dice_, Defect::none) {
        options_.processor.cache_bytes = 1;  // what is not stored is not known
        options_.derived.stepped = true;
        options_.derived.run_entries = dice_.between(5, 100);
        options_.batch_events = dice_.between(1, 40);
        options_.view_cache_bytes = dice_.one_in(3) ? 1 : 1u << 20;
    }

    // Empty: all is well.
    std::string run(Ends ends) {
        for (int life = 0; life < lives; ++life) {
            const fs::path data = directory(life);
            const fs::path next = directory(life + 1);
            Disk disk(data, next, ends, dice_.below(1'000'000'000));
            std::string wrong = live(data, disk, ends);
            die();
            if (!wrong.empty()) return "life " + std::to_string(life) + ": " + wrong;
            // A process that was ended by a failure leaves what it had written, or the power goes with it.
            if (ends == Ends::failure && dice_.one_in(2)) fs::rename(data, next);
            if (!fs::exists(next)) disk.lose_power();
        }
        return end_in_peace();
    }

private:
    [[nodiscard]] fs::path directory(int life) const { return root_.path() / ("life-" + std::to_string(life)); }

    std::string open(const fs::path& data, const std::shared_ptr<rocksdb::FileSystem>& derived,
                     const std::shared_ptr<rocksdb::FileSystem>& views) {
        infra::RocksKvOptions small{.block_cache_bytes = 1u << 20, .write_buffer_bytes = 96u << 10, .ingest_rows = 20};
        small.files = derived;
        auto derived_rows = infra::RocksKv::open(data / "derived", derived_tables(), small);
        if (!derived_rows) return "refused: " + derived_rows.error();
        small.files = views;
        auto view_rows =
            infra::RocksKv::open(data / "views", consumers::Catalogue::table_names(projections_under_test()), small);
        if (!view_rows) return "refused: " + view_rows.error();
        derived_rows_ = std::move(*derived_rows);
        view_rows_ = std::move(*view_rows);
        const Clocks clocks{[this] { return monday + now_.count(); },
                            [this] { return consumers::WriterLoop::Time(now_); }};
        process_ = std::make_unique<Process>(world_log_, *derived_rows_, *view_rows_, options_, clocks);
        process_->catch_up();
        for (int i = 0; !process_->take_over(); ++i) {
            if (i == patience) return "the partitions could not be taken over";
            let_time_pass();
        }
        return {};
    }

    // Until something has happened to the disk, and a little longer.
    std::string live(const fs::path& data, Disk& disk, Ends ends) try {
        if (std::string wrong = open(data, disk.derived(), disk.views()); !wrong.empty()) {
            return ends == Ends::failure && disk.over() ? "" : wrong;
        }
        constexpr int longest = 1500;
        int longer = ends == Ends::failure ? 60 : 0;  // after a failure, what goes on must go on rightly
        for (int i = 0; i < longest && longer >= 0; ++i) {
            act();
            if (disk.over()) --longer;
        }
        return {};
    } catch (const std::exception& failure) {
        return ends == Ends::failure && disk.over() ? "" : failure.what();
    }

    void act() {
        let_time_pass();
        const std::uint64_t what = dice_.below(100);
        if (what < 20) {
            auto batch = clients_.batch(dice_.between(1, 6));
            clients_.refused(batch.size() - process_->submit(batch));
        } else if (what < 45) {
            process_->turn();
            (void)world_log_.step();
        } else if (what < 60) {
            process_->follow();
        } else if (what < 75) {
            process_->write();
        } else if (what < 90) {
            process_->fold(static_cast<std::uint32_t>(dice_.below(projections::shards)));
        } else {
            process_->commit(static_cast<std::uint32_t>(dice_.below(projections::shards)));
        }
    }
    void go_on() {
        let_time_pass();
        process_->follow();
    }
    void let_time_pass() { now_ += std::chrono::microseconds(1 + dice_.below(1'000)); }

    void die() {
        process_.reset();
        derived_rows_.reset();
        view_rows_.reset();
        clients_.server_died();
        log_.forget_writer([] { return infra::Fate::lands; });
    }

    std::string end_in_peace() {
        if (std::string wrong = open(directory(lives), nullptr, nullptr); !wrong.empty()) return wrong;
        auto again = clients_.again(1);
        clients_.refused(again.size() - process_->submit(again));
        for (int i = 0; clients_.waiting() || !process_->drain(); ++i) {
            if (i == patience) return "the process does not come to an end";
            let_time_pass();
            (void)world_log_.step();
            process_->follow();
            process_->turn();
        }
        process_->settle();
        std::string all;
        for (const std::string& wrong :
             audit({log_, clients_, process_->derived(), process_->views(), *derived_rows_, *view_rows_})) {
            all += wrong + "\n";
        }
        die();
        return all;
    }

    TemporaryDirectory root_{TemporaryDirectory::in_memory()};
    Dice dice_;
    std::chrono::microseconds now_{0};
    CrashPoints points_;
    infra::MemoryLog log_;
    WorldLog world_log_;
    Clients clients_;
    ProcessOptions options_;
    std::unique_ptr<infra::RocksKv> derived_rows_, view_rows_;
    std::unique_ptr<Process> process_;
};

void live_seeds(Ends ends) {
    spdlog::set_level(spdlog::level::off);  // of each failure that is planted, RocksDB says a page
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
    const char* only = std::getenv("TIDEMARK_SEED");
    const std::uint64_t first = only != nullptr ? std::stoull(only) : 1;
    const std::uint64_t last = only != nullptr ? first : TIDEMARK_POWER_SEEDS;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        INFO("run it again: TIDEMARK_SEED=" << seed << " test_followers_power");
        std::string wrong;
        try {
            wrong = PoweredWorld(seed).run(ends);
        } catch (const std::exception& failure) {
            wrong = failure.what();
        }
        CHECK(wrong == "");
    }
}

}  // namespace

TEST_CASE("derived stores and views open after a loss of power, and are what the log says", "[power]") {
    live_seeds(Ends::power);
}

TEST_CASE("derived stores and views go on after writes that failed or were torn, and are what the log says",
          "[failure]") {
    live_seeds(Ends::failure);
}
