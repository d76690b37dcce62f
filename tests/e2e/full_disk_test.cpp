// A server whose log's disk fills up: commands are refused with the reason, queries go on, nothing acknowledged is
// lost, and commands are taken again once there is room.
#include "tests/e2e/load.hpp"
#include "tests/e2e/server.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <fstream>
#include <poll.h>
#include <sys/mount.h>

namespace tidemark::e2e {

namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

// A small file system of its own in memory; only root may make one.
class SmallDisk {
public:
    explicit SmallDisk(fs::path at) : at_(std::move(at)) {
        fs::create_directories(at_);
        mounted_ = ::mount("tidemark", at_.c_str(), "tmpfs", 0, "size=160m") == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    [[nodiscard]] bool mounted() const { return mounted_; }

private:
    fs::path at_;
    bool mounted_ = false;
};

void fill(const fs::path& file) {
    std::ofstream ballast(file, std::ios::binary | std::ios::app);
    const std::string piece(1 << 20, 'x');
    while (ballast << piece << std::flush) {
    }
}

// Sales with much to say, so that the room that the write-ahead log has taken ahead is soon used up.
std::vector<Sent> bulky(std::size_t batch) {
    std::vector<Sent> commands;
    for (std::size_t i = 0; i < 1000; ++i) {
        const std::string sale = "bulky-" + std::to_string(batch) + "-" + std::to_string(i);
        const boost::json::object body = {{"owner", "ada"}, {"region", "north"}, {"pipeline_id", "direct"}};
        const boost::json::object line = {{"stream_id", sale},
                                          {"command_id", sale},
                                          {"actor", "full-disk"},
                                          {"reason", std::string(250, 'r')},
                                          {"sale", boost::json::object{{"open_sale", body}}}};
        commands.push_back({sale, "sale/" + sale, boost::json::serialize(line)});
    }
    return commands;
}

template <class Holds>
bool soon(Holds holds) {
    for (const auto deadline = std::chrono::steady_clock::now() + seconds(60); !holds();) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        (void)::poll(nullptr, 0, 20);
    }
    return true;
}

}  // namespace

TEST_CASE("a server on a full disk says so, answers queries, and takes commands again when there is room", "[disk]") {
    const TemporaryDirectory directory;
    const auto data = directory.path() / "data";
    const SmallDisk disk(data / "log");
    if (!disk.mounted()) {
        WARN("skipped: a small disk can be made by root only");
        return;
    }
    const auto ballast = data / "log" / "ballast";
    Ledger ledger;
    {
        Server server(data, {{"TIDEMARK_LOG_COMPRESS", "false"}});
        prepare(server.port(), ledger);
        Connection connection(server.port());
        fill(ballast);
        bool refused = false;
        for (std::size_t batch = 0; batch < 300 && !refused; ++batch) {
            const auto commands = bulky(batch);
            for (const auto& sent : commands) ledger.sent(sent);
            refused = !send_and_note(connection, commands, ledger);
        }
        REQUIRE(refused);
        // The stream ended before all of it was read, and then its connection ends too. What the database then finishes
        // may make some room again.
        Connection another(server.port());
        Reply reply;
        CHECK(soon([&] {
            fill(data / "log" / "more");
            reply = another.post("/v1/sales/one-more/open-sale", R"({"owner": "ada", "pipeline_id": "direct"})",
                                 "application/json");
            return reply.status == 503 &&
                   another.get("/readyz").body.find("the disk of the log is full") != std::string::npos;
        }));
        CHECK_THAT(reply.body, Catch::Contains("the disk of the log is full: make room"));
        CHECK(another.get("/v1/sales?limit=5").status == 200);
        CHECK(another.get("/v1/events?limit=5").status == 200);

        fs::remove(ballast);
        fs::remove(data / "log" / "more");
        INFO(server.output());
        CHECK(soon([&] { return another.get("/readyz").status == 200; }));
        send_unanswered(server.port(), ledger);
        CHECK(ledger.unanswered().empty());
        server.ask_to_stop();
        CHECK(server.wait_for_exit(seconds(30)) == 0);
    }
    const Server server(data);
    const auto promised = ledger.every_nth_answered(1);
    CHECK(promised.size() > 1000);
    CHECK(ledger.faults_of(promised, read_feed(server.port())).empty());
}

}  // namespace tidemark::e2e
