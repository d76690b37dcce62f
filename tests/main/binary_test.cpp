// The binary as people use it: what it prints, and how it ends.
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
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

std::ptrdiff_t lines_with(const std::string& text, const std::string& word) {
    std::istringstream in(text);
    std::ptrdiff_t count = 0;
    for (std::string line; std::getline(in, line);) count += line.find(word) != std::string::npos ? 1 : 0;
    return count;
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
    const auto near = run("kpi win_rat" + data);
    CHECK(near.code == 1);
    CHECK_THAT(near.said, Catch::Contains("did you mean win_rate?") && Catch::Contains("GET /v1/kpis"));
    // A bucket without a win has no velocity; it is the same row all the same.
    CHECK_THAT(run("kpi sales_velocity --grain hour --json" + data).said,
               Catch::Contains(R"("currency":"EUR","measures")"));
    CHECK(lines_with(run("kpi --grain hour" + data).said, "sales_velocity") == 1);
    CHECK_THAT(run("kpi sales_velocity --grain week" + data).said, Catch::Contains(" EUR per day"));

    CHECK(run("rebuild no_such_view" + data).code == 2);
    const auto rebuilt = run("rebuild --json" + data);
    INFO(rebuilt.said);
    CHECK(rebuilt.code == 0);
    CHECK_THAT(rebuilt.said, Catch::Contains(R"({"rebuilt":"derived","records":)") &&
                                 Catch::Contains(R"({"rebuilt":"views","views":[)") && Catch::Contains(R"("kpi")"));
    CHECK_THAT(rebuilt.said, !Catch::Contains(R"("records":0,)") && !Catch::Contains("made again"));
    const auto replayed = run("replay --verify" + data);  // there is a snapshot of every stream now
    CHECK(replayed.code == 0);
    CHECK_THAT(replayed.said, Catch::Matches("(.|\n)*[1-9][0-9,]* snapshots compared, 0 differ\n"));
    CHECK_THAT(run("replay --verify --json" + data).said, !Catch::Contains("\"snapshots_compared\":0,"));
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

TEST_CASE("replay shows of each event what an auditor asks: when, who, for whom, why, by which command, and where") {
    const TemporaryDirectory directory;
    const std::string data = " --data " + (directory.path() / "data").string();
    const std::string file = (directory.path() / "commands.ndjson").string();
    std::ofstream(file)
        << R"({"stream_id":"c1","command_id":"k1","actor":"ada","on_behalf_of":"bo","reason":"by phone",)"
        << R"("causation_id":"call-7","customer":{"create_customer":{"name":"N","region":"east"}}})" << '\n'
        << R"({"stream_id":"c1","command_id":"k2","customer":{"archive_customer":{}}})" << '\n';
    REQUIRE(run("send " + file + data).code == 0);
    const auto shown = run("replay customer/c1" + data);
    INFO(shown.said);
    CHECK_THAT(shown.said, Catch::Contains("CustomerCreated") && Catch::Contains(" ada for bo: by phone\n"));
    CHECK_THAT(shown.said, Catch::Matches("(.|\n)*recorded 20[0-9TZ:.-]+ at [0-9]+:0 by command k1 because of call-7\n"
                                          " +.*\"region\":\"east\"(.|\n)*"));
    CHECK_THAT(shown.said, Catch::Contains(" anonymous\n"));
    const auto lines = run("replay customer/c1 --json" + data);
    INFO(lines.said);
    CHECK(lines_with(lines.said, "") == 2);
    for (const char* member :
         {R"("actor":"ada")", R"("on_behalf_of":"bo")", R"("reason":"by phone")", R"("causation_id":"call-7")",
          R"("command_id":"k1")", R"("position":{"partition":)", R"("recorded_at":"20)", R"("occurred_at":"20)",
          R"("type":"CustomerCreated")", R"("customer":{"customer_created":{)"}) {
        CHECK_THAT(lines.said, Catch::Contains(member));
    }
    // One that is not compared is not said to be the same.
    const auto verified = run("replay --verify" + data);
    CHECK(verified.code == 0);
    CHECK_THAT(verified.said, Catch::Contains("no snapshot was compared") && !Catch::Contains("0 differ"));
}

TEST_CASE("who speaks to a server that is not there is told what to do") {
    for (const char* command : {"kpi", "simulate --days 1", "send /dev/null", "backup"}) {
        const auto refused = run(std::string(command) + " --server http://127.0.0.1:1");
        INFO(command << ": " << refused.said);
        CHECK(refused.code == 1);
        CHECK_THAT(refused.said, Catch::Contains("is a server running there?") && Catch::Contains("tidemark serve") &&
                                     Catch::Contains("--data"));
    }
}

TEST_CASE("a dry run checks every row, sends nothing and needs no server") {
    const TemporaryDirectory directory;
    const std::string samples = TIDEMARK_SAMPLES;
    const std::string files = " " + std::string(TIDEMARK_MAPPINGS) + "/maven_crm.yaml " + samples + "/accounts.csv " +
                              samples + "/products.csv " + samples + "/sales_teams.csv " + samples +
                              "/sales_pipeline.csv --rejects " + directory.path().string();
    const std::string key = (directory.path() / "import.key").string();
    const auto checked = run("import --dry-run --server http://127.0.0.1:1 --key " + key + files);
    INFO(checked.said);
    CHECK(checked.code == 3);  // two rows of the sample are dirt
    CHECK_THAT(checked.said, Catch::Contains("rejected 2 rows") && Catch::Contains("'2017-02-30' is not a date"));
    CHECK_THAT(checked.said, Catch::Contains("14 commands checked, none was sent"));
    CHECK(std::filesystem::exists(directory.path() / "sales_pipeline.rejects.csv"));
    CHECK_FALSE(std::filesystem::exists(key));

    // The same commands are new to a server afterwards.
    const std::string data = " --data " + (directory.path() / "data").string();
    const auto imported = run("import --key " + key + files + data);
    INFO(imported.said);
    CHECK_THAT(imported.said, Catch::Contains("14 commands: 14 accepted, 0 changed nothing, 0 rejected\n"));
    CHECK(std::filesystem::exists(key));
    const auto was = std::filesystem::current_path();
    std::filesystem::current_path(directory.path());
    CHECK(run("import --key relative.key" + files + data).code == 3);
    std::filesystem::current_path(was);
    CHECK(std::filesystem::exists(directory.path() / "relative.key"));
    CHECK_THAT(run("import --key " + key + files + data).said,
               Catch::Contains("14 commands: 0 accepted, 0 changed nothing, 0 rejected; 14 had been sent before"));
}

TEST_CASE("a simulation with a rate takes its time, and one without does not") {
    const TemporaryDirectory directory;
    const std::string play = "simulate --days 1 --end 2026-03-03 --customers 1 --sales-per-day 2 --json --data ";
    const auto commands = [&](const std::string& said) {
        const auto at = said.find("\"commands\":");
        REQUIRE(at != std::string::npos);
        return std::stod(said.substr(at + 11));
    };
    const auto seconds = [&](const std::string& said) {
        const auto at = said.find("\"seconds\":");
        REQUIRE(at != std::string::npos);
        return std::stod(said.substr(at + 10));
    };
    const auto free = run(play + (directory.path() / "free").string());
    REQUIRE(free.code == 0);
    const double count = commands(free.said);
    REQUIRE(count > 10);
    // Paced to last a second and a half, however many there are.
    const int rate = static_cast<int>(count / 1.5);
    const auto paced = run(play + (directory.path() / "paced").string() + " --rate " + std::to_string(rate));
    INFO(paced.said);
    REQUIRE(paced.code == 0);
    CHECK(commands(paced.said) == count);
    CHECK(seconds(paced.said) >= (count - 1) / rate);
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
