// Every view, folded by hand: as the projector's workers do it, without their threads.
#pragma once

#include "consumers/projector/shard_worker.hpp"

#include <array>

namespace tidemark::tests::simulation {

[[nodiscard]] const std::vector<projections::Projection>& projections_under_test();

class Views {
public:
    // Goes on where `store` is.
    Views(consumers::Log& log, consumers::KvStore& store, std::size_t batch_events, std::size_t cache_bytes);

    std::size_t step(std::uint32_t shard) { return workers_[shard]->step({}); }
    void commit(std::uint32_t shard) { workers_[shard]->commit(); }
    void fold_all();  // and commits
    [[nodiscard]] std::vector<consumers::ParkedStream> parked() const;

    [[nodiscard]] static std::size_t tables();
    [[nodiscard]] static consumers::Table table_of_places();

private:
    consumers::Catalogue catalogue_;
    std::array<std::unique_ptr<consumers::ShardWorker>, projections::shards> workers_;
};

}  // namespace tidemark::tests::simulation
