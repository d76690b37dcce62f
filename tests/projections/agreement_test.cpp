// What views and KPIs say must agree with what the aggregates know, after any history: sales decided by the aggregate
// itself under seeds, then counted once by the fold and once, in the plainest way, over the final states.
#include "aggregates/sale/sale.hpp"
#include "projections/funnel/funnel.hpp"
#include "projections/kpi/kpi.hpp"
#include "projections/sales/sales.hpp"
#include "tests/projections/story.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>

using namespace tidemark;
using namespace tidemark::tests;
using aggregates::Sale;
namespace kpi = projections::kpi;

namespace {

constexpr std::int64_t day = 86'400'000'000;

v1::Reference direct() {
    v1::Reference reference;
    reference.set_version(1);
    for (const auto& [id, bp] : {std::pair{"lead", 1'000}, {"offer", 3'333}, {"contract", 8'000}}) {
        auto& stage = *reference.mutable_pipeline()->add_stages();
        stage.set_id(id);
        stage.set_name(id);
        stage.set_probability_bp(bp);
    }
    return reference;
}

class Operation {
public:
    explicit Operation(unsigned seed) : random_(seed) {
        v1::PipelineEvent defined;
        *defined.mutable_pipeline_defined()->mutable_stages() = pipeline_.pipeline().stages();
        story.pipeline("direct", defined, at(2025, 1, 1));
        for (int i = 0; i < 60; ++i) live("s" + std::to_string(i));
    }
    Story story;
    std::map<std::string, v1::SaleState> states;
    int accepted = 0;

private:
    std::int64_t any(std::int64_t below) {
        return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
    }

    void send(const std::string& id, const v1::SaleCommand& command, events::Micros now) {
        auto& state = states[id];
        const auto needs = Sale::needs(state, command);
        std::vector<const v1::Reference*> found;
        for (const auto& need : needs) found.push_back(need.kind == "pipeline" ? &pipeline_ : nullptr);
        const aggregates::Facts facts(needs, found);
        const auto decision = Sale::decide(state, command, {id, now, 0, facts});
        if (!decision) return;  // random commands are often out of place
        for (const auto& event : *decision) {
            Sale::evolve(state, event, now);
            story.sale(id, event, now);
            ++accepted;
        }
    }

    void live(const std::string& id) {
        auto now = at(2026, 1, 1) + any(60) * day + any(86'400) * 1'000'000;
        v1::SaleCommand open;
        auto& body = *open.mutable_open_sale();
        body.set_owner(any(2) == 0 ? "ada" : "bob");
        body.set_region("north");
        body.set_pipeline_id("direct");
        *body.mutable_amount() = eur(1'000 + any(100'000));
        send(id, open, now);
        for (auto steps = any(12); steps > 0; --steps) {
            now += any(15 * 86'400) * 1'000'000 + 1;
            send(id, next(now), now);
        }
    }

    v1::SaleCommand next(events::Micros now) {
        v1::SaleCommand c;
        switch (any(8)) {
            case 0:
            case 1: c.mutable_change_sale_stage()->set_stage(any(2) == 0 ? "offer" : "contract"); break;
            case 2: *c.mutable_change_sale_amount()->mutable_amount() = eur(1 + any(200'000)); break;
            case 3: c.mutable_reassign_sale()->set_owner(any(2) == 0 ? "ada" : "bob"); break;
            case 4:
                c.mutable_win_sale();
                if (any(2) == 0) *c.mutable_win_sale()->mutable_amount() = eur(1 + any(200'000));
                break;
            case 5: c.mutable_lose_sale()->set_reason(any(2) == 0 ? v1::PRICE : v1::TIMING); break;
            case 6: c.mutable_reopen_sale(); break;
            default:
                c.mutable_correct_sale()->set_note("was wrong");
                if (any(2) == 0) *c.mutable_correct_sale()->mutable_amount() = eur(1 + any(200'000));
                if (any(2) == 0) c.mutable_correct_sale()->set_opened_at(at(2025, 12, 20) + any(40) * day);
                if (any(2) == 0) c.mutable_correct_sale()->set_closed_at(now - any(20) * day);
        }
        return c;
    }

    std::mt19937_64 random_;
    v1::Reference pipeline_ = direct();
};

using Tally = std::map<std::string, double>;  // "2026-01 ada" -> value; nothing where it is zero

void add(Tally& told, const std::string& month, const std::string& who, double value) {
    const auto key = (month.empty() ? "" : month + " ") + who;
    if ((told[key] += value) == 0) told.erase(key);
}

}  // namespace

TEST_CASE("KPIs and funnel agree with the states of the sales after any history", "[agreement]") {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        const Operation operation(seed);
        REQUIRE(operation.accepted > 150);
        const auto kpis = kpi::Kpis::make().value();
        View view(kpi::Kpis::projection(kpis));
        operation.story.fold_into(view);

        const auto series = [&](std::string_view name, const char* by) {
            Tally told;
            const auto answer = kpis->series(view, name, {.tenant = "default", .by = {by}}).value();
            for (const auto& p : answer.points())
                add(told, p.bucket(), p.dims(0).value(),
                    p.has_money() ? static_cast<double>(p.money().minor()) : p.value());
            return told;
        };
        const auto at_the_end = [&](std::string_view name) {
            Tally told;
            const auto answer =
                kpis->series(view, name,
                             {.tenant = "default", .from = "2030-01-01", .to = "2030-02-01", .by = {"owner"}})
                    .value();
            for (const auto& p : answer.points())
                add(told, "", p.dims(0).value(), p.has_money() ? static_cast<double>(p.money().minor()) : p.value());
            return told;
        };
        const auto month = [&](events::Micros t) {
            const auto& calendar = kpis->calendar("default");
            return calendar.label(kpi::Grain::month, calendar.bucket(kpi::Grain::month, t));
        };

        Tally opened, opened_value, won, won_value, lost_value, cycle_sum, reasons, open, open_value, weighted,
            by_stage;
        for (const auto& [id, s] : operation.states) {
            add(opened, month(s.opened_at()), s.opened_dims().owner(), 1);
            add(opened_value, month(s.opened_at()), s.opened_dims().owner(),
                static_cast<double>(s.opened_amount().minor()));
            const auto& owner = s.dims().owner();
            const auto amount = s.amount().minor();
            if (s.status() == v1::WON) {
                add(won, month(s.closed_at()), owner, 1);
                add(won_value, month(s.closed_at()), owner, static_cast<double>(amount));
                add(cycle_sum, month(s.closed_at()), owner,
                    static_cast<double>((s.closed_at() - s.opened_at()) / 1'000));
            } else if (s.status() == v1::LOST) {
                add(lost_value, month(s.closed_at()), owner, static_cast<double>(amount));
                add(reasons, month(s.closed_at()), v1::LossReason_Name(s.loss_reason()), 1);
            } else {
                add(open, "", owner, 1);
                add(by_stage, "", s.stage(), 1);
                add(open_value, "", owner, static_cast<double>(amount));
                add(weighted, "", owner, static_cast<double>(amount * s.probability_bp() / 10'000));
            }
        }
        CHECK(series("sales_opened", "owner") == opened);
        CHECK(series("opened_value", "owner") == opened_value);
        CHECK(series("sales_won", "owner") == won);
        CHECK(series("won_value", "owner") == won_value);
        CHECK(series("lost_value", "owner") == lost_value);
        CHECK(series("loss_reasons", "reason") == reasons);
        CHECK(at_the_end("open_sales") == open);
        CHECK(at_the_end("open_pipeline_value") == open_value);
        CHECK(at_the_end("weighted_forecast") == weighted);
        Tally cycles;
        for (const auto& [place, days] : series("sales_cycle_mean", "owner"))
            cycles[place] = days * 86'400'000 * won[place];
        REQUIRE(cycles.size() == cycle_sum.size());
        for (const auto& [place, sum] : cycle_sum) CHECK(cycles[place] == Approx(sum));

        View sales_view(projections::sales::make());
        operation.story.fold_into(sales_view);
        const auto funnel =
            projections::funnel::query_funnel(sales_view, {.tenant = "default", .pipeline = "direct"}).value();
        Tally stages;
        for (const auto& stage : funnel.stages()) {
            add(stages, "", stage.stage(), static_cast<double>(stage.open()));
            CHECK(stage.entered() >= stage.progressed() + stage.lost() + stage.moved_back() + stage.open());
        }
        CHECK(stages == by_stage);
        for (const auto& [id, s] : operation.states) {
            const auto row = projections::sales::query_one(sales_view, "default", id).value();
            CHECK(row.status() == s.status());
            CHECK(row.amount().minor() == s.amount().minor());
            CHECK(row.stage_entered_at() == s.stage_entered_at());
            CHECK(row.opened_at() == s.opened_at());
            CHECK(row.at_risk() == s.at_risk());
        }
    }
}
