#include "tests/simulation/views.hpp"

#include "projections/registry.hpp"

#include <algorithm>

namespace tidemark::tests::simulation {

const std::vector<projections::Projection>& projections_under_test() {
    static const std::vector<projections::Projection> all = projections::all(projections::kpi::Kpis::make().value());
    return all;
}

Views::Views(consumers::Log& log, consumers::KvStore& store, std::size_t batch_events, std::size_t cache_bytes)
    : catalogue_(store, projections_under_test()) {
    for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
        const consumers::BatchLimits limits{batch_events, std::chrono::hours(1), cache_bytes};
        workers_[shard] =
            std::make_unique<consumers::ShardWorker>(log, catalogue_, shard, limits, [](const consumers::Folds&) {});
        for (std::size_t view = 0; view < projections_under_test().size(); ++view) {
            auto fold = std::make_unique<consumers::ViewFold>(catalogue_, projections_under_test()[view],
                                                              consumers::ViewColour{view, consumers::Colour::a},
                                                              log.identity(), shard, consumers::OnPoison::park);
            fold->check_against(log);
            workers_[shard]->adopt(std::move(fold));
        }
    }
}

void Views::fold_all() {
    for (std::uint32_t shard = 0; shard < projections::shards; ++shard) {
        while (step(shard) > 0) {
        }
        commit(shard);
    }
}

std::vector<consumers::ParkedStream> Views::parked() const {
    std::vector<consumers::ParkedStream> all;
    for (const auto& worker : workers_) {
        for (const auto& fold : worker->folds()) {
            for (auto& stream : fold->parked()) all.push_back(std::move(stream));
        }
    }
    return all;
}

consumers::Table Views::table_of_places() {
    const auto names = consumers::Catalogue::table_names(projections_under_test());
    return static_cast<consumers::Table>(std::ranges::find(names, "meta") - names.begin());
}

std::size_t Views::tables() {
    return consumers::Catalogue::table_names(projections_under_test()).size();
}

}  // namespace tidemark::tests::simulation
