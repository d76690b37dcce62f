#include "api/http/bulk_reader.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace tidemark;
using api::BulkFormat;
using api::BulkReader;

namespace {

// What comes out when the bytes come in pieces of `piece`: stream ids, or codes of faults in brackets.
std::vector<std::string> read(BulkFormat format, std::string_view bytes, std::size_t piece, std::size_t most = 1000) {
    std::vector<std::string> out;
    BulkReader reader(format, most);
    const auto take_all = [&] {
        while (const auto item = reader.next()) {
            out.push_back(item->fault ? "[" + item->fault->code + "]" : item->command.stream_id());
        }
    };
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        reader.add(bytes.substr(at, piece));
        take_all();
    }
    reader.end();
    take_all();
    return out;
}

std::string delimited(std::string_view id) {
    v1::Command command;
    command.set_stream_id(std::string(id));
    const std::string bytes = command.SerializeAsString();
    return static_cast<char>(bytes.size()) + bytes;
}

using Items = std::vector<std::string>;

}  // namespace

TEST_CASE("lines become commands wherever the pieces are cut", "[bulk]") {
    const std::string lines =
        "{\"stream_id\":\"a\"}\n\n{\"stream_id\":\"张\"}\r\n{\"stream_id\":\n{\"stream_id\":\"c\"}";
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
        CHECK(read(BulkFormat::ndjson, lines, piece) == Items{"a", "张", "[NotJson]", "c"});
    }
}

TEST_CASE("a line without end is refused once, and the next one is read", "[bulk]") {
    const std::string lines = "{\"stream_id\":\"a\"}\n" + std::string(5000, 'x') + "\n{\"stream_id\":\"b\"}\n";
    for (const std::size_t piece : {1u, 64u, 100'000u}) {
        CHECK(read(BulkFormat::ndjson, lines, piece) == Items{"a", "[TooLong]", "b"});
    }
}

TEST_CASE("a line may have as many bytes as are allowed, however it ends and is cut", "[bulk]") {
    const std::string line = "{\"stream_id\":\"a\"}";
    const std::string more = line + " \n";
    for (const std::size_t piece : {1u, 17u, 18u, 1000u}) {
        CHECK(read(BulkFormat::ndjson, line + "\r\n" + line + "\n" + line, piece, line.size()) == Items{"a", "a", "a"});
        CHECK(read(BulkFormat::ndjson, more + line, piece, line.size()) == Items{"[TooLong]", "a"});
    }
}

// Joined anew with each piece, and searched anew from its beginning, this line would take minutes.
TEST_CASE("a line of a megabyte that comes byte by byte is read like any other", "[bulk]") {
    constexpr std::size_t megabyte = 1u << 20;
    const std::string line = "{\"stream_id\":\"a\"," + std::string(megabyte - 30, ' ') + "\"actor\":\"b\"}";
    CHECK(read(BulkFormat::ndjson, line + "\n" + line, 1, megabyte) == Items{"a", "a"});
}

TEST_CASE("what is not asked for waits, and is not lost when more comes", "[bulk]") {
    BulkReader reader(BulkFormat::ndjson, 1000);
    reader.add("{\"stream_id\":\"a\"}\n{\"stream_id\":\"b\"}\n{\"stream");
    REQUIRE(reader.next()->command.stream_id() == "a");
    reader.add("_id\":\"c\"}\n");
    CHECK(reader.next()->command.stream_id() == "b");
    CHECK(reader.next()->command.stream_id() == "c");
    CHECK_FALSE(reader.next().has_value());
}

TEST_CASE("a line that begins with more blanks than it may have bytes is too long, however it is cut", "[bulk]") {
    const std::string lines = std::string(1500, ' ') + "{\"stream_id\":\"a\"}\n" + std::string(900, ' ') + "\n";
    for (const std::size_t piece : {1u, 1200u, 100'000u}) {
        CHECK(read(BulkFormat::ndjson, lines, piece) == Items{"[TooLong]"});
    }
}

TEST_CASE("messages with their length become commands wherever the pieces are cut", "[bulk]") {
    const std::string bytes = delimited("a") + delimited("b") + delimited("c");
    for (const std::size_t piece : {1u, 2u, 5u, 1000u}) {
        CHECK(read(BulkFormat::delimited, bytes, piece) == Items{"a", "b", "c"});
    }
}

TEST_CASE("a bad message costs only itself; a bad length ends the stream", "[bulk]") {
    const std::string bad("\x03\xff\xff\xff", 4);
    const std::string unknown("\x03\xf8\x7f\x01", 4);  // field 2047
    CHECK(read(BulkFormat::delimited, delimited("a") + bad + delimited("b"), 4) == Items{"a", "[NotProtobuf]", "b"});
    CHECK(read(BulkFormat::delimited, delimited("a") + unknown + delimited("b"), 4) ==
          Items{"a", "[UnknownField]", "b"});
    CHECK(read(BulkFormat::delimited, delimited("a") + "\xff\xff\xff\xff\x7f" + delimited("b"), 4) ==
          Items{"a", "[BadLength]"});
    CHECK(read(BulkFormat::delimited, delimited("a") + delimited("b").substr(0, 2), 4) == Items{"a", "[CutOff]"});
}

TEST_CASE("outcomes go out in the format of their stream", "[bulk]") {
    v1::Outcome outcome;
    outcome.set_command_id("c");
    outcome.set_status(v1::UNCHANGED);
    std::string text;
    api::append_outcome(BulkFormat::ndjson, outcome, text);
    CHECK(text == "{\"command_id\":\"c\",\"status\":\"UNCHANGED\",\"repeated\":false,\"retry_after_s\":0}\n");
    std::string bytes;
    api::append_outcome(BulkFormat::delimited, outcome, bytes);
    api::append_outcome(BulkFormat::delimited, outcome, bytes);
    const std::string one = outcome.SerializeAsString();
    const std::string framed = static_cast<char>(one.size()) + one;
    CHECK(bytes == framed + framed);
}
