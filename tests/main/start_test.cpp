// Starting, and being told to end meanwhile.
#include "api/main/runtime.hpp"
#include "infra/logging/logging.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::api;

TEST_CASE("a start that is stopped while it catches up leaves a store that starts again") {
    infra::set_up_logging("warn", infra::LogFormat::text);
    const tests::TemporaryDirectory directory;
    infra::Config config;
    config.data = directory.path() / "data";
    config.http_port = 0;
    REQUIRE(Runtime::start(config));
    std::filesystem::remove_all(config.data / "derived");  // all is to be followed again
    std::stop_source stop;
    stop.request_stop();
    const auto stopped = Runtime::start(config, {.stop = stop.get_token()});
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error() == "stopped while catching up");
    const auto again = Runtime::start(config);
    CHECK(again);
}
