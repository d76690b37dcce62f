// The binary as people use it: what it prints, and how it ends.
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sys/wait.h>

using tidemark::tests::TemporaryDirectory;

namespace {

struct Ended {
    int code = -1;
    std::string said;  // standard output, then error, as they came
};

Ended run(const std::string& arguments) {
    const std::string command = std::string(TIDEMARK_BINARY) + " " + arguments + " 2>&1";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    Ended ended;
    std::array<char, 4096> piece{};
    while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe))
        ended.said.append(piece.data(), got);
    const int status = ::pclose(pipe);
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ended;
}

}  // namespace

TEST_CASE("a simulated week is sent once, shown as KPIs, replayed, checked and rebuilt") {
    const TemporaryDirectory directory;
    const std::string data = " --data " + (directory.path() / "data").string();
    const std::string week = "simulate --days 7 --end 2026-03-02 --customers 20 --sales-per-day 10" + data;
    const auto first = run(week);
    INFO(first.said);
    REQUIRE(first.code == 0);
    CHECK_THAT(first.said, Catch::Contains("0 had been sent before"));
    const auto again = run(week + " --json");
    CHECK(again.code == 0);
    CHECK_THAT(again.said, !Catch::Contains("\"repeated\":0") && Catch::Contains("\"invalid\":0"));

    const auto kpis = run("kpi" + data);
    CHECK(kpis.code == 0);
    CHECK_THAT(kpis.said, Catch::Contains("sales_opened") && Catch::Contains("win_rate") && Catch::Contains(" EUR"));
    const auto series = run("kpi won_value --grain day --by owner --filter region:East" + data);
    CHECK(series.code == 0);
    CHECK_THAT(series.said, Catch::Contains("2026-02-2"));
    CHECK(run("kpi no_such_kpi" + data).code == 1);

    CHECK(run("rebuild no_such_view" + data).code == 2);
    const auto replayed = run("replay --verify" + data);
    CHECK(replayed.code == 0);
    CHECK_THAT(replayed.said, Catch::Contains(" 0 differ"));
    CHECK_THAT(run("replay product/lighthouse" + data).said,
               Catch::Contains("ProductDefined") && Catch::Contains("24500.00"));
    CHECK(run("replay product/none" + data).code == 1);
    CHECK(run("rebuild" + data).code == 0);
    const auto checked = run("check --json" + data);
    CHECK(checked.code == 0);
    CHECK_THAT(checked.said, Catch::Contains("\"faults\":[]"));
    CHECK(run("kpi --json" + data).said == run("kpi --json" + data).said);
}

TEST_CASE("commands in a file are sent; what is malformed or rejected is told by line, and the exit code says so") {
    const TemporaryDirectory directory;
    const std::string data = " --data " + (directory.path() / "data").string();
    const std::string file = (directory.path() / "commands.ndjson").string();
    std::ofstream(file) << R"({"stream_id":"c1","command_id":"1","customer":{"create_customer":{"name":"张三"}}})"
                        << '\n'
                        << R"({"stream_id":"c2","command_id":"2","customer":{"create_customer":{"nam":"x"}}})" << "\n\n"
                        << R"({"stream_id":"none","command_id":"3","customer":{"archive_customer":{}}})" << '\n';
    const auto sent = run("send " + file + data);
    INFO(sent.said);
    CHECK(sent.code == 3);
    CHECK_THAT(sent.said, Catch::Contains("line 2: UnknownField") && Catch::Contains("line 4: "));
    CHECK_THAT(sent.said, Catch::Contains("2 commands answered: 2 rejected"));
    CHECK_THAT(run("send " + file + data).said, Catch::Contains("2 had been sent before"));
    CHECK(run("send " + (directory.path() / "absent").string() + data).code == 2);
}

TEST_CASE("a data directory that is not one, or is in use, is refused in words") {
    const TemporaryDirectory directory;
    CHECK(run("simulate --write - --days 1 --customers 1 --sales-per-day 1 --end 2026-03-03").code == 0);
    std::ofstream(directory.path() / "file") << "x";
    const auto refused = run("check --data " + (directory.path() / "file").string());
    CHECK(refused.code == 1);
    CHECK_THAT(refused.said, Catch::Contains("tidemark: "));
    CHECK(run("serve --listen 8080 --data " + directory.path().string()).code == 2);
    CHECK(run("serve --set no.such=1 --data " + directory.path().string()).code == 2);
    CHECK(run("kpi --server http://127.0.0.1:1").code == 1);
}

TEST_CASE("a log whose digest key is gone is refused: repeated commands would look like others") {
    const TemporaryDirectory directory;
    const std::string data = " --data " + (directory.path() / "data").string();
    REQUIRE(run("simulate --days 1 --customers 2 --sales-per-day 1 --end 2026-03-03" + data).code == 0);
    REQUIRE(std::filesystem::remove(directory.path() / "data" / "keys" / "digest.key"));
    const auto refused = run("check" + data);
    CHECK(refused.code == 1);
    CHECK_THAT(refused.said, Catch::Contains("digest.key") && Catch::Contains("put it back from a backup"));
}

TEST_CASE("a mistyped data directory is no empty one for those who only look") {
    const TemporaryDirectory directory;
    const std::string data = " --data " + (directory.path() / "dta").string();
    for (const char* command : {"check", "replay", "rebuild", "kpi"}) {
        const auto refused = run(command + data);
        INFO(command);
        CHECK(refused.code == 1);
        CHECK_THAT(refused.said, Catch::Contains("there is no log in it"));
        CHECK_FALSE(std::filesystem::exists(directory.path() / "dta"));
    }
}

TEST_CASE("views made with one set of time zones are not folded with another by a command that names none") {
    const TemporaryDirectory directory;
    const std::string data = " --data " + (directory.path() / "data").string();
    const std::string config = (directory.path() / "tidemark.yaml").string();
    std::ofstream(config) << "tenants: {default: {time_zone: Asia/Shanghai, first_day_of_week: sunday}}\n";
    const std::string day = "simulate --days 2 --end 2026-03-04 --customers 5 --sales-per-day 5" + data;
    REQUIRE(run(day + " --config " + config).code == 0);
    const auto with = run("kpi sales_opened --grain day --json --config " + config + data);
    REQUIRE(with.code == 0);
    for (const std::string& command : {day, "kpi" + data, "rebuild views" + data}) {
        const auto refused = run(command);
        INFO(command);
        CHECK(refused.code == 1);
        CHECK_THAT(refused.said, Catch::Contains("Asia/Shanghai") && Catch::Contains("--config FILE"));
    }
    CHECK(run("check" + data).code == 0);  // nothing of it hangs on them
    ::setenv("TIDEMARK_CONFIG", config.c_str(), 1);
    CHECK(run("kpi sales_opened --grain day --json" + data).said == with.said);
    ::unsetenv("TIDEMARK_CONFIG");

    std::ofstream(config) << "{}\n";  // and by one that names others they are made again
    CHECK(run("kpi" + data + " --config " + config).code == 1);
    CHECK(run("rebuild views" + data + " --config " + config).code == 0);
    CHECK(run("kpi" + data).code == 0);
}
