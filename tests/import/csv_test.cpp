#include "api/import/csv.hpp"

#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <zlib.h>

using namespace tidemark::api;
using tidemark::tests::TemporaryDirectory;

namespace {

struct Read {
    std::vector<std::string> columns;
    std::vector<CsvRecord> records;
};

Read read_all(const std::filesystem::path& path) {
    auto reader = CsvReader::open(path);
    if (!reader) throw std::runtime_error(reader.error());
    Read read{.columns = reader->columns(), .records = {}};
    for (;;) {
        auto record = reader->next();
        if (!record) throw std::runtime_error(record.error());
        if (!*record) return read;
        read.records.push_back(std::move(**record));
    }
}

Read read_text(const std::string& text) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "a.csv";
    std::ofstream(path, std::ios::binary) << text;
    return read_all(path);
}

}  // namespace

TEST_CASE("quotes, commas, line ends inside quotes and CRLF are read as RFC 4180 says") {
    const auto read = read_text("a,b\r\n\"x, \"\"y\"\"\",2\r\n\"two\r\nlines\",3\r\n last ,4");
    REQUIRE(read.records.size() == 3);
    CHECK(read.columns == std::vector<std::string>{"a", "b"});
    CHECK(read.records[0].fields == std::vector<std::string>{"x, \"y\"", "2"});
    CHECK(read.records[1].fields == std::vector<std::string>{"two\r\nlines", "3"});
    CHECK(read.records[2].fields == std::vector<std::string>{" last ", "4"});
    CHECK(read.records[0].line == 2);
    CHECK(read.records[1].line == 3);
    CHECK(read.records[2].line == 5);
}

TEST_CASE("a byte order mark is no part of the first column's name") {
    CHECK(read_text("\xEF\xBB\xBFname\n张三\n").columns.front() == "name");
}

TEST_CASE("a broken record is handed out with the reason, and reading goes on behind it") {
    const auto read = read_text("a,b\n1\n2,3,4\n\"x\"y,5\n\n6,\xFF\n7,8\n");
    REQUIRE(read.records.size() == 5);
    CHECK(read.records[0].broken == "has 1 fields where the header has 2");
    CHECK(read.records[0].fields == std::vector<std::string>{"1"});
    CHECK(read.records[1].broken == "has 3 fields where the header has 2");
    CHECK_THAT(read.records[2].broken, Catch::Contains("quote"));
    CHECK(read.records[2].fields == std::vector<std::string>{"\"x\"y,5"});
    CHECK(read.records[3].broken == "is not UTF-8");
    CHECK(read.records[3].line == 6);
    CHECK(read.records[4].broken.empty());
    CHECK(read.records[4].line == 7);
}

TEST_CASE("two records with a CR alone between them are not one record of all their fields") {
    for (const std::string end : {"\n", "\r\n", ""}) {
        const auto read = read_text("a,b,c,d\r\n1,2\r3,4" + end);
        REQUIRE(read.records.size() == 1);
        CHECK_THAT(read.records[0].broken, Catch::Contains("CR"));
    }
    CHECK(read_text("a,b\r\n1,\"2\r3\"\r\n").records[0].fields == std::vector<std::string>{"1", "2\r3"});
}

TEST_CASE("a quote that is never closed breaks its record only") {
    const auto read = read_text("a,b\n1,\"2\n3,4\n");
    REQUIRE(read.records.size() == 1);
    CHECK_THAT(read.records[0].broken, Catch::Contains("not closed"));
}

TEST_CASE("a line that does not end within bounds is a broken record, and its tail is not read as another one") {
    const std::string endless = std::string(3 << 20, 'x') + ",2\n";
    const auto read = read_text("a,b\n" + endless + "3,4\n\"" + endless + "5,6\n" + endless);
    REQUIRE(read.records.size() == 5);
    for (const std::size_t broken : {0U, 2U, 4U}) {
        CHECK_THAT(read.records[broken].broken, Catch::Contains("longer than 1 MiB"));
        CHECK(read.records[broken].fields.front().size() < (2 << 20));
    }
    CHECK(read.records[1].line == 3);
    CHECK(read.records[3].fields == std::vector<std::string>{"5", "6"});
    for (std::size_t beyond = 0; beyond < 140'000; beyond += 7'001) {  // wherever a piece that is read ends
        const auto close = read_text("a,b\n" + std::string((1 << 20) + beyond, 'x') + ",2\n3,4\n");
        REQUIRE(close.records.size() == 2);
        CHECK(close.records[1].fields == std::vector<std::string>{"3", "4"});
    }
}

TEST_CASE("a gzipped file reads as its content") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "a.csv.gz";
    gzFile file = gzopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    REQUIRE(gzputs(file, "a\nCôte d'Ivoire\n") > 0);
    REQUIRE(gzclose(file) == Z_OK);
    const auto read = read_all(path);
    REQUIRE(read.records.size() == 1);
    CHECK(read.records[0].fields.front() == "Côte d'Ivoire");
}

TEST_CASE("a gzipped file that stops short is an error, wherever it stops") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "a.csv.gz";
    gzFile file = gzopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    REQUIRE(gzputs(file, "a\n") > 0);
    for (int i = 0; i < 50'000; ++i) REQUIRE(gzprintf(file, "%d\n", i * 7919) > 0);
    REQUIRE(gzclose(file) == Z_OK);
    const auto whole = std::filesystem::file_size(path);
    CHECK(read_all(path).records.size() == 50'000);
    for (const auto size : {whole - 1, whole - 8, whole - 9, whole / 2, whole / 20}) {
        std::filesystem::resize_file(path, size);
        CHECK_THROWS_WITH(read_all(path), Catch::Contains("ends in the middle"));
    }
}

TEST_CASE("an absent, an empty and a doubly named file are refused in words") {
    const TemporaryDirectory directory;
    CHECK_THAT(CsvReader::open(directory.path() / "none.csv").error(), Catch::Contains("No such file"));
    std::ofstream(directory.path() / "empty.csv") << "";
    CHECK_THAT(CsvReader::open(directory.path() / "empty.csv").error(), Catch::Contains("is empty"));
    std::ofstream(directory.path() / "twice.csv") << "a,b,a\n";
    CHECK_THAT(CsvReader::open(directory.path() / "twice.csv").error(), Catch::Contains("two columns are named 'a'"));
}

TEST_CASE("what is written as CSV reads back the same") {
    const std::vector<std::string> fields{"plain", "with, comma", "with \"quotes\"", "two\nlines", "", "张三"};
    const auto read = read_text("a,b,c,d,e,f\n" + csv_line(fields));
    REQUIRE(read.records.size() == 1);
    CHECK(read.records[0].fields == fields);
}

TEST_CASE("an empty field alone is written as a record, not as a blank line") {
    const auto read = read_text("a\n" + csv_line({""}));
    REQUIRE(read.records.size() == 1);
    CHECK(read.records[0].fields == std::vector<std::string>{""});
}
