#include "consumers/position_token.hpp"

#include <catch2/catch.hpp>

namespace tidemark::consumers::test {

namespace {

const LogIdentity four_partitions{{}, 7, 4};

std::string refusal(std::string_view token) {
    const auto parsed = parse_position_token(token, four_partitions);
    REQUIRE_FALSE(parsed);
    return parsed.error();
}

}  // namespace

TEST_CASE("a position token says where each partition was last written", "[position token]") {
    const std::vector<events::Position> positions{{3, 9}, {1, 0}, {3, 12}, {3, 11}};
    const auto token = format_position_token(7, positions);
    CHECK(token == "7:1.0,3.12");
    CHECK(parse_position_token(token, four_partitions) == std::vector<events::Position>{{1, 0}, {3, 12}});
    CHECK(format_position_token(7, {}) == "7:");
    CHECK(parse_position_token("7:", four_partitions) == std::vector<events::Position>{});
}

TEST_CASE("a position token that this log has not given out is refused in words", "[position token]") {
    for (const auto* token : {"", "7", "x", "7:1", "7:1.", "7:.1", "7:1.1,", "7:1.1 ", "7:,1.1", "7:1.1;2.2", "7:-1.1",
                              "7:1.-1", "7:1.99999999999999999999", " 7:1.1"}) {
        CAPTURE(token);
        CHECK(refusal(token).find("not a position token") != std::string::npos);
    }
    CHECK(refusal("6:1.1").find("incarnation 6") != std::string::npos);
    CHECK(refusal("7:4.1").find("partition 4") != std::string::npos);
    CHECK(refusal("7:" + std::string(100'000, '1')).find("longer") != std::string::npos);
}

}  // namespace tidemark::consumers::test
