#include "consumers/position_token.hpp"

#include <catch2/catch.hpp>

namespace tidemark::consumers::test {

namespace {

const LogIdentity four_partitions{events::Uuid{{0x0a, 0x1b, 0x2c, 0x3d}}, 7, 4};
const std::string ours = "0a1b2c3d-";

std::string refusal(std::string_view token) {
    const auto parsed = parse_position_token(token, four_partitions);
    REQUIRE_FALSE(parsed);
    return parsed.error();
}

}  // namespace

TEST_CASE("a position token says where each partition was last written", "[position token]") {
    const std::vector<events::Position> positions{{3, 9}, {1, 0}, {3, 12}, {3, 11}};
    const auto token = format_position_token(four_partitions, positions);
    CHECK(token == ours + "7:1.0,3.12");
    CHECK(parse_position_token(token, four_partitions) == std::vector<events::Position>{{1, 0}, {3, 12}});
    CHECK(format_position_token(four_partitions, {}) == ours + "7:");
    CHECK(parse_position_token(ours + "7:", four_partitions) == std::vector<events::Position>{});
}

TEST_CASE("a position token that this log has not given out is refused in words", "[position token]") {
    for (const auto* token : {"", "7", "x", "7:1", "7:1.", "7:.1", "7:1.1,", "7:1.1 ", "7:,1.1", "7:1.1;2.2", "7:-1.1",
                              "7:1.-1", "7:1.99999999999999999999", " 7:1.1"}) {
        CAPTURE(token);
        CHECK(refusal(token).find("not a position token") != std::string::npos);
        CHECK(refusal(ours + token).find("not a position token") != std::string::npos);
    }
    CHECK(refusal("0a1b2c3e-7:1.1").find("log 0a1b2c3e, this is 0a1b2c3d") != std::string::npos);
    CHECK(refusal(ours + "6:1.1").find("incarnation 6") != std::string::npos);
    CHECK(refusal(ours + "7:4.1").find("partition 4") != std::string::npos);
    CHECK(refusal(ours + "7:" + std::string(100'000, '1')).find("longer") != std::string::npos);
}

}  // namespace tidemark::consumers::test
