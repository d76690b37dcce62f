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

v1::Reference sold() {
    v1::Reference reference;
    reference.set_version(1);
    *reference.mutable_product()->mutable_list_price() = eur(1'000);
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
        for (const auto& need : needs) found.push_back(need.kind == "pipeline" ? &pipeline_ : &product_);
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
        if (any(3) != 0) *body.add_lines() = line();
        send(id, open, now);
        for (auto steps = any(12); steps > 0; --steps) {
            now += any(15 * 86'400) * 1'000'000 + 1;
            send(id, next(now), now);
        }
    }

    v1::ProductLine line() {
        v1::ProductLine line;
        line.set_product_id(any(2) == 0 ? "p1" : "p2");
        line.set_quantity(1 + any(3));
        return line;
    }

    v1::SaleCommand next(events::Micros now) {
        v1::SaleCommand c;
        switch (any(8)) {
            case 0:
            case 1: c.mutable_change_sale_stage()->set_stage(any(2) == 0 ? "offer" : "contract"); break;
            case 2:
                *c.mutable_change_sale_amount()->mutable_amount() = eur(1 + any(200'000));
                if (any(2) == 0) *c.mutable_change_sale_amount()->add_lines() = line();
                break;
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
    v1::Reference product_ = sold();
};

using Tally = std::map<std::string, double>;  // "2026-01 ada" -> value; nothing where it is zero

void add(Tally& told, const std::string& month, const std::string& who, double value) {
    const auto key = (month.empty() ? "" : month + " ") + who;
    if ((told[key] += value) == 0) told.erase(key);
}

}  // namespace

namespace {

// Stays and openings as the history of each sale tells them, corrections and reopenings included, by month and stage.
struct Stays {
    Tally entered, ended, ended_ms, progressed, open_sales;
};

template <class Month>
Stays stays_of(const View& sales_view, const Month& month) {
    namespace sales = projections::sales;
    Stays told;
    sales::each_history(sales_view, "default", [&](const v1::SaleHistory& history) {
        const auto moments = sales::timeline(history, {});
        for (const auto& visit : sales::stage_visits(moments)) {
            if (visit.taken_back()) continue;
            add(told.entered, month(visit.entered_at()), visit.stage(), 1);
            if (visit.exit() == v1::STILL_IN) continue;
            add(told.ended, month(visit.left_at()), visit.stage(), 1);
            add(told.ended_ms, month(visit.left_at()), visit.stage(),
                static_cast<double>(visit.time_in_stage_us() / 1'000));
            if (visit.exit() == v1::MOVED_FORWARD || visit.exit() == v1::WON_FROM)
                add(told.progressed, month(visit.entered_at()), visit.stage(), 1);
        }
        // Open at the end of which months: from the opening, or a reopening, to the next close.
        for (int m = 1; m <= 12; ++m) {
            const auto end = m == 12 ? at(2027, 1, 1) : at(2026, static_cast<unsigned>(m) + 1, 1);
            bool open = false;
            auto state = v1::SALE_STATUS_UNSPECIFIED;
            for (const auto& moment : moments) {
                const bool turns = (moment.status() == v1::OPEN) != (state == v1::OPEN);
                state = moment.status();
                if (turns && moment.occurred_at() < end) open = state == v1::OPEN;
            }
            if (open) add(told.open_sales, month(end - 1), "", 1);
        }
        return true;
    });
    return told;
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
        const auto at_the_end = [&](std::string_view name, const char* by = "owner") {
            Tally told;
            const auto answer =
                kpis->series(view, name, {.tenant = "default", .from = "2030-01-01", .to = "2030-02-01", .by = {by}})
                    .value();
            for (const auto& p : answer.points())
                add(told, "", p.dims(0).value(), p.has_money() ? static_cast<double>(p.money().minor()) : p.value());
            return told;
        };
        const auto month = [&](events::Micros t) {
            const auto& calendar = kpis->calendar("default");
            return calendar.label(kpi::Grain::month, calendar.bucket(kpi::Grain::month, t));
        };

        Tally won_product, open_product, opened_product;
        Tally opened, opened_value, won, won_value, lost_value, cycle_sum, reasons, open, open_value, weighted,
            by_stage;
        for (const auto& [id, s] : operation.states) {
            add(opened, month(s.opened_at()), s.opened_dims().owner(), 1);
            add(opened_value, month(s.opened_at()), s.opened_dims().owner(),
                static_cast<double>(s.opened_amount().minor()));
            const auto& owner = s.dims().owner();
            add(opened_product, month(s.opened_at()), s.opened_dims().product_id(), 1);
            if (s.status() == v1::WON) add(won_product, month(s.closed_at()), s.dims().product_id(), 1);
            if (s.status() == v1::OPEN)
                add(open_product, "", s.dims().product_id(), static_cast<double>(s.amount().minor()));
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
                add(weighted, "", owner, static_cast<double>((amount * s.probability_bp() + 5'000) / 10'000));
            }
        }
        CHECK(series("sales_opened", "owner") == opened);
        CHECK(series("opened_value", "owner") == opened_value);
        CHECK(series("sales_won", "owner") == won);
        CHECK(series("won_value", "owner") == won_value);
        CHECK(series("lost_value", "owner") == lost_value);
        CHECK(series("loss_reasons", "reason") == reasons);
        CHECK(series("sales_opened", "product") == opened_product);
        CHECK(series("sales_won", "product") == won_product);
        CHECK(at_the_end("open_pipeline_value", "product") == open_product);
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
        const Stays stays = stays_of(sales_view, month);
        // A measure behind the points of a series, by month and stage.
        const auto measured = [&](std::string_view name, std::string_view measure) {
            Tally told;
            const auto answer = kpis->series(view, name, {.tenant = "default", .by = {"stage"}}).value();
            for (const auto& p : answer.points())
                for (const auto& m : p.measures())
                    if (m.name() == measure) add(told, p.bucket(), p.dims(0).value(), static_cast<double>(m.value()));
            return told;
        };
        CHECK(measured("stage_entered", "entered") == stays.entered);
        CHECK(measured("stage_conversion", "progressed") == stays.progressed);
        CHECK(measured("days_in_stage_mean", "stay_ms") == stays.ended);
        auto ended_ms = stays.ended_ms;
        for (const auto& [place, days] : series("days_in_stage_mean", "stage"))
            CHECK(days * 86'400'000 * stays.ended.at(place) == Approx(ended_ms[place]));
        for (const char* by : {"owner", "product"})
            for (const auto& [place, entered] : series("stage_entered", by)) CHECK(entered > 0);
        for (const char* by : {"stage", "owner", "product", "region", "source", "sector"})
            for (const auto& [place, share] : series("stage_conversion", by)) {
                INFO(place << " by " << by);
                CHECK(share >= 0);
                CHECK(share <= 1);
            }
        Tally open_by_month;
        const auto levels =
            kpis->series(view, "open_sales", {.tenant = "default", .from = "2026-01-01", .to = "2027-01-01"}).value();
        for (const auto& p : levels.points()) add(open_by_month, p.bucket(), "", p.value());
        CHECK(open_by_month == stays.open_sales);
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
