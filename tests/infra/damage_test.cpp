// A store that was damaged behind the server's back: it is refused, in words that say what it is and what to do, and
// left as it was found; or nothing that was acknowledged is missing.
#include "infra/rocksdb/embedded_log.hpp"
#include "tests/contract/owner.hpp"
#include "tests/infra/promises.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::AppendStatus;
using infra::EmbeddedLog;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t partitions = 2;

infra::EmbeddedLogOptions options_for(const fs::path& data) {
    infra::EmbeddedLogOptions options;
    options.data = data;
    options.partitions = partitions;
    return options;
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

std::map<std::string, std::string> files_of(const fs::path& directory) {
    std::map<std::string, std::string> files;
    if (!fs::exists(directory)) return files;
    for (const auto& entry : fs::directory_iterator(directory)) files[entry.path().filename()] = bytes_of(entry.path());
    return files;
}

fs::path newest(const fs::path& log, const char* extension) {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(log)) {
        if (entry.path().extension() == extension && entry.path().filename() > found.filename()) found = entry.path();
    }
    REQUIRE_FALSE(found.empty());
    return found;
}

void append(consumers::Log& log, Promises& promises, std::size_t groups) {
    Owner ada(log, 1);
    for (events::Partition p = 0; p < partitions; ++p) ada.learn(p);
    for (std::size_t i = 0; i < groups; ++i) {
        std::vector<events::BlockPtr> group;
        for (events::Partition p = 0; p < partitions; ++p) group.push_back(ada.block(p, i % 4 == 0 ? 40 : 2));
        promises.appended(group);
        for (const auto& result : ada.append(std::move(group))) REQUIRE(result.status == AppendStatus::counted);
        promises.acknowledged();
    }
}

// A store as a kill leaves it: a part in finished files, the rest in the write-ahead log. Each damage is done to a
// copy.
class Store {
public:
    Store() {
        const fs::path live = directory_.path() / "live";
        {
            auto log = EmbeddedLog::open(options_for(live));
            REQUIRE(log.has_value());
            append(**log, promises_, 8);
        }
        auto log = EmbeddedLog::open(options_for(live));
        REQUIRE(log.has_value());
        mark_before = bytes_of(live / "mark");
        append(**log, promises_, 8);
        // The log goes on: this is what a kill at this moment leaves.
        fs::copy(live, killed(), fs::copy_options::recursive);
    }
    [[nodiscard]] fs::path killed() const { return directory_.path() / "killed"; }

    fs::path copy() const {
        const fs::path damaged = directory_.path() / "damaged";
        fs::remove_all(damaged);
        fs::copy(killed(), damaged, fs::copy_options::recursive);
        return damaged;
    }

    // Opens a damaged copy. Refused: the reason, and no file is another one than before. Opened: empty, and everything
    // is there, or cannot be read; `lost` says what is not.
    std::string open(const fs::path& damaged, std::string& lost) const {
        const auto before = files_of(damaged / "log");
        const auto log = EmbeddedLog::open(options_for(damaged));
        if (!log) {
            if (files_of(damaged / "log") != before) lost = "it was refused, and files were changed";
            return log.error();
        }
        lost = promises_.faults(**log, promises_.count());
        if (lost.find("cannot be read") != std::string::npos) lost.clear();  // an error, and nothing false
        return {};
    }

    std::string mark_before;  // as it was when the log was opened

private:
    TemporaryDirectory directory_{TemporaryDirectory::in_memory()};
    Promises promises_;
};

// A few places in the middle, and every byte of the headers of the first fragments: checksum, length and type.
std::vector<std::size_t> places_in(const std::string& wal, std::size_t spread) {
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at < wal.size(); at += std::max<std::size_t>(1, wal.size() / spread)) places.push_back(at);
    std::size_t header = 0;
    for (int fragment = 0; fragment < 12 && header + 7 < wal.size(); ++fragment) {
        for (std::size_t at = header; at < header + 7; ++at) places.push_back(at);
        const auto low = static_cast<std::uint8_t>(wal[header + 4]);
        const auto high = static_cast<std::uint8_t>(wal[header + 5]);
        header += 7u + low + 256u * high;
    }
    std::ranges::sort(places);
    places.erase(std::ranges::unique(places).begin(), places.end());
    return places;
}

struct Seen {
    std::size_t refused = 0;
    std::size_t lost = 0;
};

// Flips one bit in each place, cuts at each place.
Seen damage_wal(const Store& store, std::size_t spread, bool forget_mark) {
    Seen seen;
    const std::string wal = bytes_of(newest(store.killed() / "log", ".log"));
    for (const bool cut : {false, true}) {
        for (const std::size_t at : places_in(wal, spread)) {
            std::string damaged = wal;
            cut ? damaged.resize(at) : static_cast<void>(damaged[at] ^= static_cast<char>(1u << (at % 8)));
            const fs::path copy = store.copy();
            put_bytes(newest(copy / "log", ".log"), damaged);
            if (forget_mark) put_bytes(copy / "mark", store.mark_before);
            std::string lost;
            const std::string why = store.open(copy, lost);
            INFO((cut ? "cut at " : "flipped at ") << at << " of " << wal.size() << ": " << why);
            if (!forget_mark) CHECK(lost == "");
            if (!why.empty()) CHECK_THAT(why, Catch::Contains("backup"));
            seen.refused += why.empty() ? 0u : 1u;
            seen.lost += lost.empty() ? 0u : 1u;
        }
    }
    return seen;
}

}  // namespace

TEST_CASE("a write-ahead log that is flipped or cut anywhere is refused, or nothing is missing", "[damage]") {
    const Store store;
    const Seen seen = damage_wal(store, 120, false);
    CHECK(seen.lost == 0);
    CHECK(seen.refused > 200);
}

TEST_CASE("planted: a mark that is forgotten is found by the damage to the write-ahead log", "[planted]") {
    const Store store;
    CHECK(damage_wal(store, 40, true).lost > 0);
}

TEST_CASE("each kind of damage to a store is refused by what it is and with what to do", "[damage]") {
    const Store store;
    struct Damage {
        const char* what;
        std::function<void(const fs::path& data)> make;
        const char* says;
        const char* todo;
    };
    const auto flip_middle = [](const fs::path& file) {
        std::string bytes = bytes_of(file);
        bytes[bytes.size() / 2] ^= 1;
        put_bytes(file, bytes);
    };
    const std::vector<Damage> table = {
        {"no write-ahead log", [](const fs::path& d) { fs::remove(newest(d / "log", ".log")); },
         "the log is shorter than its mark", "from a backup"},
        {"an empty one", [](const fs::path& d) { put_bytes(newest(d / "log", ".log"), ""); },
         "the log is shorter than its mark", "from a backup"},
        {"zeros in it",
         [](const fs::path& d) {
             const auto wal = newest(d / "log", ".log");
             std::string bytes = bytes_of(wal);
             std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2), bytes.end(), '\0');
             put_bytes(wal, bytes);
         },
         "log", "from a backup"},
        {"the manifest flipped",
         [&](const fs::path& d) { flip_middle(d / "log" / bytes_of(d / "log" / "CURRENT").substr(0, 15)); },
         "it is damaged", "from a backup"},
        {"no manifest",
         [](const fs::path& d) { fs::remove(d / "log" / bytes_of(d / "log" / "CURRENT").substr(0, 15)); }, "is missing",
         "from a backup"},
        {"no CURRENT", [](const fs::path& d) { fs::remove(d / "log" / "CURRENT"); }, "there is a mark and no log",
         "from a backup"},
        {"nonsense in CURRENT", [](const fs::path& d) { put_bytes(d / "log" / "CURRENT", "nonsense\n"); },
         "it is damaged", "from a backup"},
        {"a finished file missing", [](const fs::path& d) { fs::remove(newest(d / "log", ".sst")); },
         "cannot open the log", "from a backup"},
        {"no log at all", [](const fs::path& d) { fs::remove_all(d / "log"); }, "there is a mark and no log",
         "from a backup"},
        {"no mark", [](const fs::path& d) { fs::remove(d / "mark"); }, "is missing", "accept_missing_mark"},
        {"the mark of zeros", [](const fs::path& d) { put_bytes(d / "mark", std::string(16384, '\0')); },
         "holds nothing that its key has signed", "accept_missing_mark"},
        {"the mark of a later format",
         [](const fs::path& d) {
             std::string bytes = bytes_of(d / "mark");
             for (std::size_t slot = 0; slot < 4; ++slot) bytes[slot * bytes.size() / 4 + 4] = 2;
             put_bytes(d / "mark", bytes);
         },
         "was written by a later version", "start that one"},
        {"no key", [](const fs::path& d) { fs::remove(d / "keys" / "mark.key"); }, "mark.key, is missing",
         "from a backup"},
        {"a key cut short", [](const fs::path& d) { fs::resize_file(d / "keys" / "mark.key", 7); }, "32 bytes",
         "from a backup"},
    };
    for (const Damage& damage : table) {
        const fs::path copy = store.copy();
        damage.make(copy);
        std::string lost;
        const std::string why = store.open(copy, lost);
        INFO(damage.what << ": " << why);
        CHECK_THAT(why, Catch::Contains(damage.says) && Catch::Contains(damage.todo));
        CHECK(lost == "");
    }
    std::string lost;
    CHECK(store.open(store.copy(), lost) == "");  // undamaged
    CHECK(lost == "");
}
