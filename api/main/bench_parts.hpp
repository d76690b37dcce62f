// What `tidemark bench` measures: a plain RocksDB and a whole server in this process.
#pragma once

#include "api/bench/bench.hpp"

namespace tidemark::api {

[[nodiscard]] BenchParts bench_parts();

}  // namespace tidemark::api
