// The adapters that tests/contract/log_contract_test.cpp holds to consumers/log/log.hpp. Each makes an empty
// log with four partitions; a further adapter is one more struct, and a name in `LogAdapters`.
#pragma once

#include "infra/memory/memory_log.hpp"
#include "infra/rocksdb/embedded_log.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <tuple>

namespace tidemark::tests {

struct InMemory {
    std::unique_ptr<consumers::Log> log = std::make_unique<infra::MemoryLog>(infra::MemoryLogOptions{.partitions = 4});
};

// Faults that an adapter may have and stay within the contract: late reports, messages that land twice, groups
// that pass each other.
struct InMemoryAndSlow {
    std::unique_ptr<consumers::Log> log = std::make_unique<infra::MemoryLog>(infra::MemoryLogOptions{
        .partitions = 4,
        .faults = infra::random_faults(7, {.lost = 0, .unreported = 0, .late = 0, .doubled = 0.2, .overtaken = 0})});
};

template <std::size_t TailBytes>
struct Embedded {
    Embedded() {
        auto opened = infra::EmbeddedLog::open({.data = directory.path(), .partitions = 4, .tail_bytes = TailBytes});
        if (!opened) {
            FAIL(opened.error());
        }
        log = std::move(*opened);
    }
    TemporaryDirectory directory;
    std::unique_ptr<consumers::Log> log;
};
using EmbeddedInDatabase = Embedded<0>;  // nothing is kept in memory: every read goes to the database
using EmbeddedWithShortTail = Embedded<3000>;
using EmbeddedWithLongTail = Embedded<(64u << 20)>;

using LogAdapters =
    std::tuple<InMemory, InMemoryAndSlow, EmbeddedInDatabase, EmbeddedWithShortTail, EmbeddedWithLongTail>;

}  // namespace tidemark::tests
