#include "infra/logging/logging.hpp"

#include <catch2/catch.hpp>
#include <spdlog/formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

using namespace tidemark;

namespace {

// The line behind its time and level.
std::string line(infra::LogFormat format, const std::string& message) {
    std::ostringstream out;
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(out);
    spdlog::logger logger("test", sink);
    logger.set_formatter(infra::log_formatter(format));
    logger.info("{}", message);
    return out.str();
}

}  // namespace

TEST_CASE("a text line shows time, level, message and fields", "[logging]") {
    CHECK_THAT(line(infra::LogFormat::text,
                    consumers::with_fields("caught up", {{"partition", "3"}, {"view", "sales report"}})),
               Catch::Matches("\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z info caught up partition=3 view=\"sales report\"\n"));
}

TEST_CASE("a JSON line is one object with the fields as members", "[logging]") {
    CHECK_THAT(line(infra::LogFormat::json, consumers::with_fields("said \"no\"", {{"why", "a\\b"}, {"empty", ""}})),
               Catch::Matches("\\{\"time\":\"[0-9T:.Z-]+\",\"level\":\"info\",\"message\":\"said \\\\\"no\\\\\"\","
                              "\"why\":\"a\\\\\\\\b\",\"empty\":\"\"\\}\n"));
}

TEST_CASE("nothing that is logged can begin a line or a field of its own", "[logging]") {
    const std::string hostile = "first\nsecond\r\x1b[31m";
    for (const auto format : {infra::LogFormat::text, infra::LogFormat::json}) {
        const std::string written = line(format, consumers::with_fields(hostile, {{"id", hostile + "\x1e"
                                                                                                   "level\x1f"
                                                                                                   "error"}}));
        CHECK(std::ranges::count(written, '\n') == 1);
        CHECK(std::ranges::none_of(written.substr(0, written.size() - 1),
                                   [](char letter) { return static_cast<unsigned char>(letter) < 0x20; }));
        CHECK_THAT(written, Catch::Contains("first\\nsecond\\u000d\\u001b[31m"));
        CHECK_THAT(written, Catch::Contains("?level?error"));
    }
}
