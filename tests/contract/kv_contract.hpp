// The adapters that tests/contract/kv_contract_test.cpp holds to consumers/store/kv_store.hpp. Each makes an
// empty store with the tables 0, 1 and 2.
#pragma once

#include "infra/memory/memory_kv.hpp"
#include "infra/rocksdb/rocks_kv.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <tuple>

namespace tidemark::tests {

struct KvInMemory {
    std::unique_ptr<consumers::KvStore> store = std::make_unique<infra::MemoryKv>(3);
};

template <std::size_t IngestRows>
struct KvOnRocks {
    KvOnRocks() {
        auto opened = infra::RocksKv::open(directory.path(), {"streams", "outcomes", "meta"},
                                           {.block_cache_bytes = 1u << 20,
                                            .write_buffer_bytes = 4u << 20,
                                            .ingest_rows = IngestRows,
                                            .bulk_bytes = 16 * IngestRows,
                                            .drop_other_tables = false});
        if (!opened) {
            FAIL(opened.error());
        }
        store = std::move(*opened);
    }
    TemporaryDirectory directory;
    std::unique_ptr<consumers::KvStore> store;
};
using KvOnRocksByFiles = KvOnRocks<2>;  // every run of more than one row is ingested as a file
using KvOnRocksByWrites = KvOnRocks<1'000'000>;

using KvAdapters = std::tuple<KvInMemory, KvOnRocksByFiles, KvOnRocksByWrites>;

}  // namespace tidemark::tests
