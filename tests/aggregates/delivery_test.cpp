#include "aggregates/delivery/delivery.hpp"

#include "tests/support/decider_tables.hpp"

using namespace tidemark;
using namespace tidemark::tests;
using aggregates::Delivery;
using Why = aggregates::DeliveryRejection;

namespace {

// Monday is day 20458.
constexpr events::Micros tuesday = monday + one_day;

Given<Delivery> world() {
    return Given<Delivery>()
        .knowing("customer", "c-1", R"(version: 1 customer { region: "East" sector: "health" })")
        .knowing("customer", "c-2", R"(version: 1 customer { region: "West" })")
        .knowing("customer", "c-old", R"(version: 2 customer { archived: true })")
        .knowing("sale", "sale-1",
                 R"(version: 5 sale { status: WON customer_id: "c-1" region: "North" sector: "retail" })")
        .knowing("sale", "sale-lost", R"(version: 2 sale { status: LOST customer_id: "c-1" })")
        .knowing("sale", "sale-open", R"(version: 1 sale { status: OPEN })")
        .knowing("product", "p-1", R"(version: 1 product { list_price { minor: 1 currency: "EUR" } })");
}

template <class... Moments>
Given<Delivery> after(const Moments&... moments) {
    Given<Delivery> all = world();
    ((all = all.then(moments)), ...);
    return all;
}

std::string plan_until(int end_date, const std::string& more_tasks = "") {
    return "{ start_date: 20458 end_date: " + std::to_string(end_date) + R"(
        budget { minor: 100000 currency: "EUR" }
        tasks { id: "t-1" name: "Install" kind: IMPLEMENTATION planned_minutes: 600 }
        tasks { id: "t-2" name: "Migrate" kind: DATA_TASK planned_minutes: 300 } )" +
           more_tasks + R"(
        milestones { id: "m-1" name: "Go live" baseline_date: 20460 }
        risks { id: "r-1" category: MARKET_RISK text: "late parts" probability_bp: 2000 impact { minor: 5000 currency: "EUR" } } })";
}
const std::string plan = plan_until(20470);
const std::string later_plan =
    plan_until(20480, R"(tasks { id: "t-3" name: "Train" kind: INTERFACE planned_minutes: 60 })");

const std::string plan_delivery = R"(plan_delivery { name: "Hospital" customer_id: "c-1" sale_id: "sale-1" owner: "ada"
    product_id: "p-1" kind: SOLUTION_DELIVERY goals: "less paper" strategic_goal: "growth" plan )" +
                                  plan + "}";
const std::string dims = R"({ owner: "ada" region: "East" product_id: "p-1" customer_id: "c-1" kind: SOLUTION_DELIVERY
                              party: INTERNAL sector: "health" })";
const std::string requirement = R"({ id: "q-1" type: FUNCTIONAL scope: "login" priority: PRIORITY_HIGH })";
const std::string new_risk = R"({ id: "r-2" category: TECHNOLOGY_RISK text: "old servers" probability_bp: 100 })";
const std::string risk_1 = R"({ id: "r-1" category: MARKET_RISK text: "late parts" probability_bp: 2000
                                impact { minor: 5000 currency: "EUR" } })";

std::string numbered(const std::string& what, int number) {
    std::string digits = std::to_string(number);
    return what + std::string(4 - digits.size(), '0') + digits;
}
// So many of one list of a plan, with a text that fills them.
std::string many_tasks(int count, std::size_t wide) {
    std::string tasks;
    for (int i = 0; i < count; ++i) {
        tasks +=
            "tasks { id: \"" + numbered("t-", i) + "\" name: \"" + std::string(wide, 'x') + "\" kind: INTERFACE } ";
    }
    return tasks;
}
Given<Delivery> with_requirements(int count) {
    Given<Delivery> many = world();
    for (int i = 0; i < count; ++i) {
        many = many.then(moment<Delivery>("capture_requirement { requirement { id: \"" + numbered("q-", i) +
                                          "\" type: FUNCTIONAL scope: \"x\" } }"));
    }
    return many;
}

std::string many_risks(int first, int count) {
    std::string risks;
    for (int i = first; i < first + count; ++i) {
        risks += "risks { id: \"" + numbered("n-", i) + "\" category: MARKET_RISK text: \"x\" } ";
    }
    return risks;
}
// A planned delivery, and so many commands after that.
template <class Numbered>
Given<Delivery> with_many(int count, Numbered command) {
    Given<Delivery> many = world().then(moment<Delivery>(plan_delivery));
    for (int i = 0; i < count; ++i) many = many.then(moment<Delivery>(command(i)));
    return many;
}

const auto captured = moment<Delivery>("capture_requirement { requirement " + requirement + "}");
const auto baselined = moment<Delivery>("baseline_requirements {}");
const auto planned = moment<Delivery>(plan_delivery);
const auto started = moment<Delivery>("start_delivery {}");
const auto task_started = moment<Delivery>(R"(start_task { task_id: "t-1" })");
const auto task_completed = moment<Delivery>(R"(complete_task { task_id: "t-1" })");
const auto worked = moment<Delivery>(R"(report_work { task_id: "t-1" minutes: 90 })");
const auto cost = moment<Delivery>(R"(record_delivery_cost { cost { minor: 2000 currency: "EUR" } })");
const auto milestone =
    moment<Delivery>(R"(hit_delivery_milestone { milestone_id: "m-1" actual_date: 20462 })", monday + 4 * one_day);
const auto asked = moment<Delivery>(R"(request_change { change_id: "ch-1" text: "training" days_impact: 10 })");
const auto delivered =
    moment<Delivery>(R"(deliver_to_customer { content: "all of it" date: 20469 })", monday + 11 * one_day);
const auto evaluated = moment<Delivery>(R"(evaluate_outcome { effect: "faster" score: 4 })");
const auto closed = moment<Delivery>("close_delivery {}");
const auto cancelled = moment<Delivery>(R"(cancel_delivery { reason: "no budget" })");

}  // namespace

TEST_CASE("every command to a delivery yields its event, and sent again nothing more unless it counts again",
          "[delivery]") {
    check_commands<Delivery>({
        {world(), "capture_requirement { requirement " + requirement + "}", monday,
         "requirement_captured { requirement " + requirement + "}"},
        {after(captured), "baseline_requirements {}", monday, R"(requirements_baselined { requirement_ids: "q-1" })"},
        {world(), plan_delivery, monday,
         "delivery_planned { dims " + dims +
             R"( name: "Hospital" sale_id: "sale-1" goals: "less paper" strategic_goal: "growth" plan )" + plan + "}"},
        {after(planned), "start_delivery {}", monday, "delivery_started { dims " + dims + "}"},
        {after(planned), R"(assign_resource { resource { id: "bob" role: "fitter" } task_id: "t-1" })", monday,
         R"(resource_assigned { resource { id: "bob" role: "fitter" } task_id: "t-1" })"},
        {after(planned, started), R"(start_task { task_id: "t-2" })", monday,
         R"(task_started { task_id: "t-2" kind: DATA_TASK })"},
        {after(planned, started, task_started), R"(complete_task { task_id: "t-1" })", monday,
         R"(task_completed { task_id: "t-1" kind: IMPLEMENTATION planned_minutes: 600 dims )" + dims + "}"},
        {after(planned, started),
         R"(report_work { task_id: "t-1" minutes: 90 note: "cabling" })",
         monday,
         R"(work_reported { task_id: "t-1" minutes: 90 note: "cabling" dims )" + dims + "}",
         {Again::counts_again}},
        {after(planned, started),
         R"(record_delivery_cost { cost { minor: 2000 currency: "EUR" } note: "freight" })",
         monday,
         R"(delivery_cost_recorded { cost { minor: 2000 currency: "EUR" } note: "freight" dims )" + dims + "}",
         {Again::counts_again}},
        {after(planned, started), R"(hit_delivery_milestone { milestone_id: "m-1" })", monday,
         R"(delivery_milestone_hit { milestone_id: "m-1" baseline_date: 20460 actual_date: 20458 slippage_days: -2 dims )" +
             dims + "}"},
        {after(planned), "raise_risk { risk " + new_risk + "}", monday,
         "risk_raised { risk " + new_risk + " dims " + dims + "}"},
        {after(planned), R"(close_risk { risk_id: "r-1" occurred: true })", monday,
         R"(risk_closed { risk_id: "r-1" occurred: true risk )" + risk_1 + " dims " + dims + "}"},
        {after(planned, started),
         R"(record_monitoring { kind: SECURITY metric: "open ports" value_milli: 3000 })",
         monday,
         R"(monitoring_recorded { kind: SECURITY metric: "open ports" value_milli: 3000 })",
         {Again::counts_again}},
        {after(planned),
         R"(record_review { subject: USER_REVIEW verdict: PASSED note: "good" })",
         monday,
         R"(review_recorded { subject: USER_REVIEW verdict: PASSED note: "good" })",
         {Again::counts_again}},
        {after(planned),
         R"(request_change { change_id: "ch-1" text: "training" cost_impact { minor: -5 currency: "EUR" } days_impact: 10 })",
         monday,
         R"(change_requested { change_id: "ch-1" text: "training" cost_impact { minor: -5 currency: "EUR" } days_impact: 10 })"},
        {after(planned, asked), R"(rebaseline_delivery { change_id: "ch-1" plan )" + later_plan + "}", monday,
         R"(delivery_rebaselined { change_id: "ch-1" baseline_number: 2 to )" + later_plan + " dims " + dims +
             R"( from_budget { minor: 100000 currency: "EUR" } })"},
        {after(planned, started), R"(deliver_to_customer { content: "all of it" })", tuesday,
         R"(delivered_to_customer { content: "all of it" date: 20459 planned_date: 20470 dims )" + dims + "}"},
        {after(planned, started, delivered), R"(evaluate_outcome { effect: "faster" impact: "less waiting" score: 4 })",
         monday, R"(outcome_evaluated { effect: "faster" impact: "less waiting" score: 4 dims )" + dims + "}"},
        {after(planned, started, worked, cost, milestone, delivered), "close_delivery {}", monday,
         "delivery_closed { dims " + dims + R"( milestones_total: 1 budget { minor: 100000 currency: "EUR" }
            cost { minor: 2000 currency: "EUR" } planned_minutes: 900 worked_minutes: 90 on_time: true on_budget: true })"},
        {after(planned), R"(cancel_delivery { reason: "no budget" })", monday,
         R"(delivery_cancelled { reason: "no budget" dims )" + dims + "}"},
    });
}

TEST_CASE("every rejection of a delivery has its case", "[delivery]") {
    const std::string opening = R"(plan_delivery { name: "x" owner: "ada" kind: PRODUCT_DELIVERY )";
    const std::string dates = "start_date: 20458 end_date: 20470 ";
    check_rejections<Delivery>({
        {world(), "start_delivery {}", monday, Why::delivery_not_found},
        {world(), "baseline_requirements {}", monday, Why::delivery_not_found},
        {after(captured), "start_delivery {}", monday, Why::delivery_not_planned},
        {after(planned), R"(report_work { minutes: 1 })", monday, Why::delivery_not_started},
        {after(planned), R"(start_task { task_id: "t-1" })", monday, Why::delivery_not_started},
        {after(planned), R"(deliver_to_customer { content: "x" })", monday, Why::delivery_not_started},
        {after(planned, started), "close_delivery {}", monday, Why::delivery_not_delivered},
        {after(planned, started), R"(evaluate_outcome { effect: "x" score: 1 })", monday, Why::delivery_not_delivered},
        {after(planned), R"(plan_delivery { name: "another" owner: "ada" kind: PRODUCT_DELIVERY plan )" + plan + "}",
         monday, Why::delivery_already_planned},
        {after(planned, started, delivered), R"(deliver_to_customer { content: "something else" })", monday,
         Why::delivery_already_delivered},
        {after(planned, started, delivered), R"(report_work { minutes: 1 })", monday, Why::delivery_already_delivered},
        {after(planned, started, delivered), R"(start_task { task_id: "t-1" })", monday,
         Why::delivery_already_delivered},
        {after(planned, started, delivered), R"(complete_task { task_id: "t-1" })", monday,
         Why::delivery_already_delivered},
        {after(planned, started, task_started, task_completed, delivered), R"(start_task { task_id: "t-1" })", monday,
         Why::delivery_already_delivered},
        {after(planned, started, cancelled), "start_delivery {}", monday, Why::delivery_already_cancelled},
        {after(planned, started, delivered, closed), R"(evaluate_outcome { effect: "x" score: 1 })", monday,
         Why::delivery_already_closed},
        {after(planned, started, delivered, closed), R"(cancel_delivery { reason: "x" })", monday,
         Why::delivery_already_closed},
        {after(planned, started, delivered, closed), R"(record_delivery_cost { cost { minor: 1 currency: "EUR" } })",
         monday, Why::delivery_already_closed},
        {after(planned, cancelled), "start_delivery {}", monday, Why::delivery_already_cancelled},
        {after(captured, cancelled), plan_delivery, monday, Why::delivery_already_cancelled},
        {after(captured), R"(capture_requirement { requirement { id: "q-1" type: TRAINING scope: "other" } })", monday,
         Why::requirement_already_captured, "capture_requirement.requirement.id"},
        {after(captured, baselined), R"(capture_requirement { requirement { id: "q-2" type: TRAINING scope: "x" } })",
         monday, Why::requirements_already_baselined},
        {after(planned), "baseline_requirements {}", monday, Why::no_requirements},
        {after(planned), R"(raise_risk { risk { id: "r-1" category: MARKET_RISK text: "other" } })", monday,
         Why::risk_already_raised, "raise_risk.risk.id"},
        {after(planned, moment<Delivery>(R"(close_risk { risk_id: "r-1" })")),
         R"(close_risk { risk_id: "r-1" occurred: true })", monday, Why::risk_already_closed, "close_risk.occurred"},
        {after(planned, asked), R"(request_change { change_id: "ch-1" text: "other" })", monday,
         Why::change_already_requested, "request_change.change_id"},
        {after(planned, started), R"(complete_task { task_id: "t-1" })", monday, Why::task_not_started,
         "complete_task.task_id"},
        {after(planned, started, worked), R"(complete_task { task_id: "t-1" })", monday, Why::task_not_started,
         "complete_task.task_id"},
        {after(planned, started, task_started, task_completed), R"(start_task { task_id: "t-1" })", monday,
         Why::task_already_completed, "start_task.task_id"},
        {after(planned, started, milestone), R"(hit_delivery_milestone { milestone_id: "m-1" actual_date: 20463 })",
         monday, Why::milestone_already_hit, "hit_delivery_milestone.actual_date"},
        {after(planned, started, delivered, evaluated), R"(evaluate_outcome { effect: "slower" score: 2 })", monday,
         Why::outcome_already_evaluated},
        {world(), opening + R"(customer_id: "c-old" plan {)" + dates + "}}", monday, Why::customer_archived,
         "plan_delivery.customer_id"},
        {world(), opening + R"(customer_id: "c-2" sale_id: "sale-1" plan {)" + dates + "}}", monday,
         Why::sale_of_another_customer, "plan_delivery.sale_id"},
        {world(), opening + R"(sale_id: "sale-lost" plan {)" + dates + "}}", monday, Why::sale_lost,
         "plan_delivery.sale_id"},
        {world(), opening + R"(customer_id: "c-1" sale_id: "sale-lost" plan {)" + dates + "}}", monday, Why::sale_lost,
         "plan_delivery.sale_id"},
        {world(), opening + "plan { start_date: 20458 end_date: 20457 } }", monday, Why::plan_ends_before_start,
         "plan_delivery.plan.end_date"},
        {world(), opening + "plan {" + dates + R"(milestones { id: "m" name: "a" baseline_date: 1 }
                                                 milestones { id: "m" name: "b" baseline_date: 1 } } })",
         monday, Why::plan_id_repeated, "plan_delivery.plan.milestones"},
        {world(), opening + "plan {" + dates + many_tasks(250, 200) + "} }", monday, Why::plan_too_large,
         "plan_delivery.plan"},
        {after(planned), "rebaseline_delivery { plan {" + dates + many_tasks(250, 200) + "} }", monday,
         Why::plan_too_large, "rebaseline_delivery.plan"},
        {world(), opening + "goals: \"" + std::string(80 * 1024, 'x') + "\" plan {" + dates + "} }", monday,
         Why::plan_too_large, "plan_delivery"},
        {world(), opening + "plan {" + dates + many_risks(0, 201) + "} }", monday, Why::too_many_risks,
         "plan_delivery.plan.risks"},
        {after(planned), "rebaseline_delivery { plan {" + dates + many_risks(0, 200) + "} }", monday,
         Why::too_many_risks, "rebaseline_delivery.plan.risks"},
        {after(moment<Delivery>(opening + "plan {" + dates + many_risks(0, 200) + "} }")),
         "raise_risk { risk " + new_risk + "}", monday, Why::too_many_risks},
        {with_many(200,
                   [](int i) { return "request_change { change_id: \"" + numbered("c-", i) + "\" text: \"x\" }"; }),
         R"(request_change { change_id: "c" text: "x" })", monday, Why::too_many_changes},
        {with_many(500, [](int i) { return "assign_resource { resource { id: \"" + numbered("r-", i) + "\" } }"; }),
         R"(assign_resource { resource { id: "r" } })", monday, Why::too_many_resources},
        {after(planned, started), R"(hit_delivery_milestone { milestone_id: "m-1" actual_date: 20460 })", monday,
         Why::date_in_future, "hit_delivery_milestone.actual_date"},
        {after(planned, started), R"(hit_delivery_milestone { milestone_id: "m-1" actual_date: 20456 })", monday,
         Why::date_before_start, "hit_delivery_milestone.actual_date"},
        {after(planned, started), R"(deliver_to_customer { content: "x" date: 20460 })", monday, Why::date_in_future,
         "deliver_to_customer.date"},
        {after(planned, started), R"(deliver_to_customer { content: "x" })", monday - 2 * one_day,
         Why::date_before_start, "deliver_to_customer.date"},
        {with_requirements(500), R"(capture_requirement { requirement { id: "q" type: TRAINING scope: "x" } })", monday,
         Why::too_many_requirements},
        {after(planned, started, task_started), "rebaseline_delivery { plan {" + dates + "} }", monday,
         Why::plan_drops_what_was_done, "rebaseline_delivery.plan.tasks"},
        {after(planned, started, milestone), "rebaseline_delivery { plan {" + dates + "} }", monday,
         Why::plan_drops_what_was_done, "rebaseline_delivery.plan.milestones"},
        {after(planned, started), R"(start_task { task_id: "t-9" })", monday, Why::task_unknown, "start_task.task_id"},
        {after(planned, started), R"(complete_task { task_id: "t-9" })", monday, Why::task_unknown,
         "complete_task.task_id"},
        {after(planned, started), R"(report_work { task_id: "t-9" minutes: 1 })", monday, Why::task_unknown,
         "report_work.task_id"},
        {after(planned), R"(assign_resource { resource { id: "bob" } task_id: "t-9" })", monday, Why::task_unknown,
         "assign_resource.task_id"},
        {after(planned, started), R"(hit_delivery_milestone { milestone_id: "m-9" })", monday, Why::milestone_unknown,
         "hit_delivery_milestone.milestone_id"},
        {after(planned), R"(close_risk { risk_id: "r-9" })", monday, Why::risk_unknown, "close_risk.risk_id"},
        {after(planned), R"(rebaseline_delivery { change_id: "ch-9" plan )" + later_plan + "}", monday,
         Why::change_unknown, "rebaseline_delivery.change_id"},
        {after(planned, started), R"(record_delivery_cost { cost { minor: 1 currency: "USD" } })", monday,
         Why::currency_mismatch, "record_delivery_cost.cost"},
        {after(planned),
         R"(raise_risk { risk { id: "r-3" category: MARKET_RISK text: "x" impact { minor: 1 currency: "USD" } } })",
         monday, Why::currency_mismatch, "raise_risk.risk.impact"},
        {after(planned), R"(request_change { change_id: "ch-1" text: "x" cost_impact { minor: 1 currency: "USD" } })",
         monday, Why::currency_mismatch, "request_change.cost_impact"},
        {world(), opening + "plan {" + dates + R"(budget { minor: 1 currency: "EUR" }
            risks { id: "r" category: MARKET_RISK text: "x" impact { minor: 1 currency: "USD" } } } })",
         monday, Why::currency_mismatch, "plan_delivery.plan.risks[0].impact"},
        {world(), opening + "plan {" + dates + R"(
            risks { id: "r" category: MARKET_RISK text: "x" impact { minor: 1 currency: "EUR" } }
            risks { id: "s" category: MARKET_RISK text: "x" impact { minor: 1 currency: "USD" } } } })",
         monday, Why::currency_mismatch, "plan_delivery.plan.risks[1].impact"},
        {after(planned), "rebaseline_delivery { plan {" + dates + R"(budget { minor: 1 currency: "USD" } } })", monday,
         Why::currency_mismatch, "rebaseline_delivery.plan.budget"},
        {after(planned, started,
               moment<Delivery>(R"(record_delivery_cost { cost { minor: 1000000000000000 currency: "EUR" } })")),
         R"(record_delivery_cost { cost { minor: 1 currency: "EUR" } })", monday, Why::amount_too_large,
         "record_delivery_cost.cost"},
    });
}

TEST_CASE("what a new delivery refers to and is not there is named by its field", "[delivery]") {
    for (const std::string what : {"customer", "sale", "product"}) {
        const Came<Delivery> came = world().when("plan_delivery { name: \"x\" owner: \"ada\" kind: PRODUCT_DELIVERY " +
                                                 what + "_id: \"none\" plan " + plan + "}");
        REQUIRE(came.rejection.has_value());
        CHECK(came.rejection->code() == "ReferenceNotFound");
        CHECK(came.rejection->field() == "plan_delivery." + what + "_id");
    }
}

TEST_CASE("a delivery for a sale without a stated customer is for the customer of the sale", "[delivery]") {
    const auto planned_for = [](const std::string& what) {
        return world().when(R"(plan_delivery { name: "x" owner: "ada" kind: PRODUCT_DELIVERY )" + what + " plan " +
                            plan + "}");
    };
    const Came<Delivery> came = planned_for(R"(sale_id: "sale-1")");
    CHECK(came.state.dims().customer_id() == "c-1");
    CHECK(came.state.dims().region() == "North");
    CHECK(came.state.dims().sector() == "retail");
    CHECK(planned_for(R"(sale_id: "sale-1" region: "South")").state.dims().region() == "South");
    const Came<Delivery> named = planned_for(R"(sale_id: "sale-1" customer_id: "c-1")");
    CHECK(named.state.dims().region() == "East");
    CHECK(named.state.dims().sector() == "health");
    CHECK(planned_for(R"(sale_id: "sale-open" customer_id: "c-2")").state.dims().customer_id() == "c-2");
}

TEST_CASE("a plan for a sale that is sent again changes nothing, whatever was found", "[delivery]") {
    const auto command =
        R"(plan_delivery { name: "x" owner: "ada" kind: PRODUCT_DELIVERY sale_id: "sale-1" plan )" + plan + "}";
    CHECK(world().then(moment<Delivery>(command)).when(command) == changes_nothing<Delivery>());
}

TEST_CASE("a late and dear delivery says so when it is closed", "[delivery]") {
    const auto dear = moment<Delivery>(R"(record_delivery_cost { cost { minor: 100001 currency: "EUR" } })");
    const auto late = moment<Delivery>(R"(deliver_to_customer { content: "all" date: 20471 })", monday + 13 * one_day);
    const Came<Delivery> came = after(planned, started, dear, late).when("close_delivery {}");
    REQUIRE(came.events.size() == 1);
    CHECK_FALSE(came.events[0].delivery_closed().on_time());
    CHECK_FALSE(came.events[0].delivery_closed().on_budget());
}

TEST_CASE("a delivery is measured by the plan in force", "[delivery]") {
    const auto rebaselined = moment<Delivery>("rebaseline_delivery { plan " + later_plan + "}");
    const auto late = moment<Delivery>(R"(deliver_to_customer { content: "all" date: 20475 })", monday + 17 * one_day);
    const Came<Delivery> came = after(planned, started, rebaselined, milestone, late).when("close_delivery {}");
    REQUIRE(came.events.size() == 1);
    CHECK(came.events[0].delivery_closed().on_time());
    CHECK(came.events[0].delivery_closed().planned_minutes() == 960);
    CHECK(came.state.baseline_number() == 2);
    CHECK(came.state.risks_open_size() == 1);
}

TEST_CASE("whatever is planned, rebaselined or captured fits the decision of one command", "[delivery]") {
    constexpr std::size_t room = 128UL * 1024;  // of the payloads; the command processor refuses what is larger
    const std::string full = "plan { start_date: 20458 end_date: 20470 " + many_tasks(222, 200) + "}";
    const auto opening = moment<Delivery>(R"(plan_delivery { name: "x" owner: "ada" kind: PRODUCT_DELIVERY goals: ")" +
                                          std::string(30 * 1024, 'x') + "\" " + full + "}");
    const Came<Delivery> planned_full = world().when(opening.command);
    REQUIRE(planned_full.events.size() == 1);
    CHECK(planned_full.events[0].ByteSizeLong() > 76UL * 1024);
    CHECK(planned_full.events[0].ByteSizeLong() < room);
    const Came<Delivery> again = world().then(opening).when(
        "rebaseline_delivery { plan { start_date: 20458 end_date: 20471 " + many_tasks(222, 200) + "} }");
    REQUIRE(again.events.size() == 1);
    CHECK(again.events[0].ByteSizeLong() < room);
    const Came<Delivery> baseline = with_requirements(500).when("baseline_requirements {}");
    REQUIRE(baseline.events.size() == 1);
    CHECK(baseline.events[0].requirements_baselined().requirement_ids_size() == 500);
    CHECK(500UL * 66 < room);  // with ids of 64 characters
}

// Whatever says an amount first settles the currency for whatever says one later.
TEST_CASE("all money of a delivery is in one currency, whichever was said first", "[delivery]") {
    const std::string dates = "start_date: 20458 end_date: 20470 ";
    const auto without_money =
        moment<Delivery>(R"(plan_delivery { name: "x" owner: "ada" kind: PRODUCT_DELIVERY plan {)" + dates + "} }");
    struct Say {
        std::string command, field;
    };
    const auto ways = [&](const std::string& currency, const std::string& id) {
        const std::string amount = "{ minor: 1 currency: \"" + currency + "\" }";
        const std::string risk = "{ id: \"" + id + "\" category: MARKET_RISK text: \"x\" impact " + amount + " }";
        return std::vector<Say>{
            {"record_delivery_cost { cost " + amount + " }", "record_delivery_cost.cost"},
            {"raise_risk { risk " + risk + " }", "raise_risk.risk.impact"},
            {"request_change { change_id: \"" + id + "\" text: \"x\" cost_impact " + amount + " }",
             "request_change.cost_impact"},
            {"rebaseline_delivery { plan {" + dates + "budget " + amount + " } }", "rebaseline_delivery.plan.budget"},
            {"rebaseline_delivery { plan {" + dates + "risks " + risk + " } }",
             "rebaseline_delivery.plan.risks[0].impact"}};
    };
    for (const Say& first : ways("EUR", "a")) {
        for (const Say& second : ways("USD", "b")) {
            INFO(first.command << " and then " << second.command);
            CHECK(after(without_money, started, moment<Delivery>(first.command)).when(second.command) ==
                  refuses<Delivery>(Why::currency_mismatch, second.field));
        }
        for (const Say& second : ways("EUR", "b")) {
            INFO(first.command << " and then " << second.command);
            CHECK_FALSE(after(without_money, started, moment<Delivery>(first.command)).when(second.command).rejection);
        }
    }
}

TEST_CASE("what was done and is told again changes nothing, wherever the delivery stands meanwhile", "[delivery]") {
    const auto assigned =
        moment<Delivery>(R"(assign_resource { resource { id: "bob" role: "fitter" } task_id: "t-1" })");
    const auto rebaselined = moment<Delivery>("rebaseline_delivery { plan " + later_plan + "}");
    const auto other_task = moment<Delivery>(R"(start_task { task_id: "t-2" })");
    const Given<Delivery> handed_over = after(planned, started, assigned, task_started, task_completed, other_task,
                                              rebaselined, milestone, delivered, evaluated);
    const Given<Delivery> ended = handed_over.then(closed);
    for (const auto& done :
         {started, assigned, task_completed, other_task, rebaselined, milestone, delivered, evaluated}) {
        INFO(done.command.ShortDebugString());
        CHECK(handed_over.when(done.command, done.at) == changes_nothing<Delivery>());
        CHECK(ended.when(done.command, done.at) == changes_nothing<Delivery>());
    }
}

TEST_CASE("a rebaseline may repeat the risks that there are, however many", "[delivery]") {
    const std::string dates = "start_date: 20458 end_date: 20470 ";
    const auto full = moment<Delivery>(R"(plan_delivery { name: "x" owner: "ada" kind: PRODUCT_DELIVERY plan {)" +
                                       dates + many_risks(0, 200) + "} }");
    CHECK(after(full).when("rebaseline_delivery { plan {" + dates + many_risks(50, 150) + "} }").events.size() == 1);
    CHECK(after(full).when("rebaseline_delivery { plan {" + dates + many_risks(50, 151) + "} }") ==
          refuses<Delivery>(Why::too_many_risks, "rebaseline_delivery.plan.risks"));
}

TEST_CASE("a date may be a day off the times of start and command, as local dates are", "[delivery]") {
    for (const int date : {20457, 20458, 20459}) {
        const std::string day = std::to_string(date);
        CHECK(after(planned, started).when("deliver_to_customer { content: \"x\" date: " + day + " }").events.size() ==
              1);
        CHECK(after(planned, started)
                  .when(R"(hit_delivery_milestone { milestone_id: "m-1" actual_date: )" + day + " }")
                  .events.size() == 1);
    }
}

TEST_CASE("bills may come in until the delivery is closed", "[delivery]") {
    const Came<Delivery> came = after(planned, started, cost, delivered).when(cost.command);
    CHECK(came.state.cost().minor() == 4000);
}

TEST_CASE("a milestone that was hit may be told again without its date", "[delivery]") {
    CHECK(after(planned, started, milestone).when(R"(hit_delivery_milestone { milestone_id: "m-1" })") ==
          changes_nothing<Delivery>());
}
