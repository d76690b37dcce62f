// Who may include whom, and who may know what. The build already refuses a forbidden include between layers;
// this says it readably, and says what a compiler does not: no clock in a fold, no sleep in a test.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string_view>;

// ---- The rules -------------------------------------------------------------------------------------------------

struct Arrow {
    std::string_view folder;  // the longest folder that fits a file is the one that counts
    Words may_include;        // folders of ours
};

const std::vector<Arrow> arrows = {
    {"events/", {"events/"}},
    {"aggregates/", {"events/", "aggregates/"}},
    {"projections/", {"events/", "projections/"}},
    {"consumers/", {"events/", "aggregates/", "projections/", "consumers/"}},
    {"infra/", {"events/", "consumers/", "infra/"}},
    {"api/", {"events/", "aggregates/", "projections/", "consumers/", "api/"}},
    {"api/main/", {"events/", "aggregates/", "projections/", "consumers/", "infra/", "api/"}},
    {"tests/", {"events/", "aggregates/", "projections/", "consumers/", "infra/", "api/", "tests/"}},
};

// What only some folders may say outside of comments.
struct Reserved {
    Words what;
    Words allowed_in;
    std::string_view why;
};

const std::vector<Reserved> reserved = {
    {{"<rocksdb/"}, {"infra/rocksdb/", "tests/"}, "only infra/rocksdb knows RocksDB"},
    {{"<librdkafka/", "rdkafka.h>"}, {"infra/kafka/", "tests/"}, "only infra/kafka knows librdkafka"},
    {{"<boost/beast", "<boost/asio", "<simdjson", "<boost/json", "<CLI/"},
     {"api/", "tests/"},
     "only api knows HTTP, JSON and the command line"},
    {{"system_clock", "steady_clock", "high_resolution_clock", "clock_gettime", "gettimeofday", "std::time("},
     {"consumers/", "infra/", "api/", "tests/"},
     "a fold and a decision read no clock: time comes with the command or the event"},
    {{"<random>", "std::rand", "RAND_bytes", "random_device"},
     {"consumers/", "infra/", "api/", "tests/", "events/ids"},
     "a fold and a decision draw no random number"},
    {{"<spdlog", "<iostream>", "std::cout", "std::cerr", "fprintf("},
     {"consumers/", "infra/", "api/", "tests/"},
     "a fold and a decision write nothing: an outcome is an event or a rejection"},
    {{"<fstream>", "std::getenv", "<filesystem>"},
     {"infra/", "api/", "tests/"},
     "what is decided and folded depends on nothing but its input"},
    {{"co_await", "co_return", "std::async", "std::thread", "std::jthread", "std::mutex"},
     {"consumers/", "infra/", "api/", "tests/"},
     "domain code is synchronous"},
    {{"sleep_for", "sleep_until", "usleep("},
     {"consumers/", "infra/", "api/"},
     "a test waits for a condition with a deadline, it does not sleep"},
};

// ---- How they are read -----------------------------------------------------------------------------------------

struct SourceFile {
    std::string path;  // from the root
    std::vector<std::string> lines;
};

bool starts_with_any(std::string_view text, const Words& words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.starts_with(word); });
}

std::string without_comment(std::string line) {
    if (const auto at = line.find("//"); at != std::string::npos && !line.substr(0, at).ends_with(':')) line.resize(at);
    return line;
}

const Arrow* arrow_of(std::string_view path) {
    const Arrow* longest = nullptr;
    for (const auto& arrow : arrows) {
        if (path.starts_with(arrow.folder) && (!longest || arrow.folder.size() > longest->folder.size()))
            longest = &arrow;
    }
    return longest;
}

std::string place(const SourceFile& file, std::size_t line) {
    return file.path + ":" + std::to_string(line + 1);
}

void judge_include(const SourceFile& file, std::size_t number, std::vector<std::string>& faults) {
    constexpr std::string_view opening = "#include \"";
    const std::string_view line = file.lines[number];
    if (!line.starts_with(opening)) return;
    const auto included = line.substr(opening.size(), line.find('"', opening.size()) - opening.size());
    const auto* arrow = arrow_of(file.path);
    if (!arrow || starts_with_any(included, arrow->may_include)) return;
    faults.push_back(place(file, number) + " includes \"" + std::string(included) + "\": " +
                     std::string(arrow->folder) + " may not know it (ARCHITECTURE.md says who may include whom)");
}

void judge_words(const SourceFile& file, std::size_t number, std::vector<std::string>& faults) {
    const auto line = without_comment(file.lines[number]);
    for (const auto& rule : reserved) {
        if (starts_with_any(file.path, rule.allowed_in)) continue;
        for (const auto word : rule.what) {
            if (line.find(word) == std::string::npos) continue;
            faults.push_back(place(file, number) + " says " + std::string(word) + ": " + std::string(rule.why));
        }
    }
}

std::vector<std::string> faults_of(const SourceFile& file) {
    std::vector<std::string> faults;
    for (std::size_t number = 0; number < file.lines.size(); ++number) {
        judge_include(file, number, faults);
        judge_words(file, number, faults);
    }
    return faults;
}

std::vector<SourceFile> our_sources() {
    const fs::path root = TIDEMARK_SOURCE_DIR;
    std::vector<SourceFile> sources;
    for (const auto* folder : {"events", "aggregates", "projections", "consumers", "infra", "api", "tests"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            const auto extension = entry.path().extension();
            if (extension != ".hpp" && extension != ".cpp") continue;
            SourceFile file{fs::relative(entry.path(), root).generic_string(), {}};
            if (file.path == "tests/layers_test.cpp") continue;  // names what it forbids
            std::ifstream in(entry.path());
            for (std::string line; std::getline(in, line);) file.lines.push_back(std::move(line));
            sources.push_back(std::move(file));
        }
    }
    return sources;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const auto& line : lines) all += line + "\n";
    return all;
}

}  // namespace

TEST_CASE("no source includes or says what its folder may not know", "[layers]") {
    const auto sources = our_sources();
    REQUIRE(sources.size() > 20);  // the tree was found
    for (const auto& file : sources) {
        const auto faults = faults_of(file);
        if (!faults.empty()) FAIL_CHECK(joined(faults));
    }
}

TEST_CASE("a forbidden include is found and said in a sentence", "[layers]") {
    const auto faults = faults_of({"projections/funnel/funnel.cpp", {"", "#include \"aggregates/sale/sale.hpp\""}});
    REQUIRE(faults.size() == 1);
    CHECK(faults[0] ==
          "projections/funnel/funnel.cpp:2 includes \"aggregates/sale/sale.hpp\": projections/ may not know it "
          "(ARCHITECTURE.md says who may include whom)");
}

TEST_CASE("only the wiring names an adapter", "[layers]") {
    const std::vector<std::string> include = {"#include \"infra/rocksdb/embedded_log.hpp\""};
    CHECK(faults_of({"api/http/server.cpp", include}).size() == 1);
    CHECK(faults_of({"api/main/runtime.cpp", include}).empty());
}

TEST_CASE("a clock in a decision and a sleep in a test are found, in a comment they are not", "[layers]") {
    CHECK(faults_of({"aggregates/sale/sale.cpp", {"auto now = std::chrono::system_clock::now();"}}).size() == 1);
    CHECK(faults_of({"aggregates/sale/sale.cpp", {"int x;  // no system_clock here"}}).empty());
    CHECK(faults_of({"tests/api/server_test.cpp", {"std::this_thread::sleep_for(1s);"}}).size() == 1);
}

TEST_CASE("sources and functions stay readable: no source of ours is longer than 600 lines", "[layers]") {
    for (const auto& file : our_sources()) {
        if (file.lines.size() > 600)
            FAIL_CHECK(file.path << " has " << file.lines.size() << " lines: split it by what it says");
    }
}
