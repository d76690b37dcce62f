// What must hold when a world has come to rest, whatever happened in it.
#pragma once

#include "infra/memory/memory_log.hpp"
#include "tests/simulation/clients.hpp"
#include "tests/simulation/views.hpp"

namespace tidemark::tests::simulation {

// Everything has been answered, followed, folded and written.
struct Rest {
    infra::MemoryLog& log;
    const Clients& clients;
    consumers::DerivedStores& derived;
    const Views& views;
    consumers::KvStore& derived_rows;
    consumers::KvStore& view_rows;
};

// What is wrong, for people; empty: nothing.
[[nodiscard]] std::vector<std::string> audit(const Rest& rest);

// What audit() holds the log to: commands exactly once and whole, versions dense, decisions as the aggregates decide
// them on what was there, answers as the log has them, nothing forgotten that was answered before, states as they fold.
[[nodiscard]] std::vector<std::string> audit_log(const Rest& rest);
// And what follows the log: equal to the same made afresh.
[[nodiscard]] std::vector<std::string> audit_followers(const Rest& rest);

}  // namespace tidemark::tests::simulation
