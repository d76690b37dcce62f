#include "projections/funnel/funnel.hpp"

#include "projections/purse.hpp"
#include "projections/sales/sales.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace tidemark::projections::funnel {

namespace {

constexpr double day_us = 86'400e6;

struct Stage {
    v1::FunnelStage row;
    Purse open_value;
    std::vector<std::int64_t> stays_us;  // that ended
};

class Counting {
public:
    explicit Counting(const v1::PipelineRow& pipeline) : pipeline_(pipeline) {}

    void add(std::span<const v1::SaleMoment> moments) {
        ++sales_;
        const auto& last = moments.back();
        if (last.status() == v1::OPEN) {
            auto& stage = stages_[last.stage()];
            stage.row.set_open(stage.row.open() + 1);
            stage.open_value.add(last.amount());
        } else {
            ++(last.status() == v1::WON ? won_ : lost_);
            (last.status() == v1::WON ? won_value_ : lost_value_).add(last.amount());
        }
        for (const auto& visit : sales::stage_visits(moments)) add(stages_[visit.stage()], visit);
    }

    v1::Funnel answer() && {
        v1::Funnel funnel;
        funnel.set_pipeline_id(pipeline_.id());
        funnel.set_name(pipeline_.name());
        for (const auto& defined : pipeline_.stages()) {
            auto& row = *funnel.add_stages();
            row = finished(std::move(stages_[defined.id()]));
            row.set_stage(defined.id());
            row.set_name(defined.name());
            stages_.erase(defined.id());
        }
        for (auto& [id, stage] : stages_) {
            auto& row = *funnel.add_stages();
            row = finished(std::move(stage));
            row.set_stage(id);
        }
        funnel.set_sales(sales_);
        funnel.set_won(won_);
        funnel.set_lost(lost_);
        won_value_.write(*funnel.mutable_won_value());
        lost_value_.write(*funnel.mutable_lost_value());
        return funnel;
    }

private:
    static void add(Stage& stage, const v1::StageVisit& visit) {
        if (visit.taken_back()) return;  // a reopened sale never left that way, and has entered anew
        auto& row = stage.row;
        row.set_entered(row.entered() + 1);
        if (visit.exit() != v1::STILL_IN) stage.stays_us.push_back(visit.time_in_stage_us());
        if (visit.exit() == v1::MOVED_FORWARD || visit.exit() == v1::WON_FROM) row.set_progressed(row.progressed() + 1);
        if (visit.exit() == v1::MOVED_BACK) row.set_moved_back(row.moved_back() + 1);
        if (visit.exit() == v1::WON_FROM) row.set_won(row.won() + 1);
        if (visit.exit() == v1::LOST_FROM) row.set_lost(row.lost() + 1);
    }

    static v1::FunnelStage finished(Stage stage) {
        auto& row = stage.row;
        stage.open_value.write(*row.mutable_open_value());
        if (row.entered() > 0)
            row.set_conversion(static_cast<double>(row.progressed()) / static_cast<double>(row.entered()));
        auto& stays = stage.stays_us;
        if (!stays.empty()) {
            const auto sum = std::accumulate(stays.begin(), stays.end(), std::int64_t{0});
            row.set_mean_days(static_cast<double>(sum) / static_cast<double>(stays.size()) / day_us);
            const auto middle = stays.begin() + static_cast<std::ptrdiff_t>((stays.size() - 1) / 2);
            std::ranges::nth_element(stays, middle);
            row.set_median_days(static_cast<double>(*middle) / day_us);
        }
        return std::move(row);
    }

    const v1::PipelineRow& pipeline_;
    std::map<std::string, Stage> stages_;
    std::uint64_t sales_ = 0, won_ = 0, lost_ = 0;
    Purse won_value_, lost_value_;
};

}  // namespace

std::expected<v1::Funnel, QueryError> query_funnel(const ViewReader& sales_view, const Query& query) {
    const auto pipeline = sales::pipeline(sales_view, query.tenant, query.pipeline);
    if (!pipeline)
        return std::unexpected(QueryError{"pipeline", "there is no pipeline \"" + query.pipeline + "\"", true});
    Counting counting(*pipeline);
    sales::each_history(sales_view, query.tenant, [&](const v1::SaleHistory& history) {
        if (history.pipeline_id() != query.pipeline) return true;
        const auto moments = sales::timeline(history, query.as_of);
        if (!moments.empty() && passes(query.owner, moments.back().owner()) &&
            passes(query.region, moments.back().region()) && passes(query.product, moments.back().product_id()))
            counting.add(moments);
        return true;
    });
    return std::move(counting).answer();
}

}  // namespace tidemark::projections::funnel
