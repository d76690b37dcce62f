// A process of its own: a thread that others have left behind does not block the signals, and would end it.
#include "api/main/end_signals.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <unistd.h>

using tidemark::api::EndSignals;

TEST_CASE("the first signal is taken from the beginning, not only when the server stands") {
    const EndSignals signals;
    CHECK_FALSE(signals.asked().stop_requested());
    REQUIRE(::kill(::getpid(), SIGTERM) == 0);
    CHECK(signals.wait() == SIGTERM);
}
