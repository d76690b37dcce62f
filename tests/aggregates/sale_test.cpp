#include "aggregates/sale/sale.hpp"

#include "tests/support/decider_tables.hpp"

using namespace tidemark;
using namespace tidemark::tests;
using aggregates::Sale;
using Why = aggregates::SaleRejection;

namespace {

constexpr events::Micros tuesday = monday + one_day;
constexpr events::Micros wednesday = monday + 2 * one_day;
constexpr events::Micros friday = monday + 4 * one_day;
constexpr events::Micros sunday = monday - one_day;

const std::string pipeline = R"(version: 3 pipeline {
    stages { id: "lead" name: "Lead" probability_bp: 1000 rotting_days: 30 }
    stages { id: "offer" name: "Offer" probability_bp: 5000 rotting_days: 14 }
    stages { id: "contract" name: "Contract" probability_bp: 9000 } })";

// Where every sale here takes place: a pipeline, a customer in the East, three products.
Given<Sale> world() {
    return Given<Sale>()
        .knowing("pipeline", "standard", pipeline)
        .knowing("customer", "c-1", R"(version: 1 customer { region: "East" sector: "retail" owner: "bob" })")
        .knowing("customer", "c-old", R"(version: 2 customer { archived: true })")
        .knowing("product", "p-1", R"(version: 1 product { list_price { minor: 1000 currency: "EUR" } })")
        .knowing("product", "p-2", R"(version: 1 product { list_price { minor: 9000 currency: "EUR" } })")
        .knowing("product", "p-us", R"(version: 1 product { list_price { minor: 900 currency: "USD" } })")
        .knowing("product", "p-old", R"(version: 2 product { retired: true list_price { minor: 1 currency: "EUR" } })");
}

template <class... Moments>
Given<Sale> after(const Moments&... moments) {
    Given<Sale> all = world();
    ((all = all.then(moments)), ...);
    return all;
}

const std::string open = R"(open_sale { customer_id: "c-1" owner: "ada" pipeline_id: "standard" source: "fair"
                                        expected_close: 20500 lines { product_id: "p-1" quantity: 5 } })";
const std::string dims = R"({ owner: "ada" region: "East" product_id: "p-1" pipeline_id: "standard" source: "fair"
                              customer_id: "c-1" sector: "retail" })";
const std::string eur_50 = R"({ minor: 5000 currency: "EUR" })";
const std::string eur_80 = R"({ minor: 8000 currency: "EUR" })";

const auto opened = moment<Sale>(open, monday);
const auto offered = moment<Sale>(R"(change_sale_stage { stage: "offer" })", tuesday);
const auto repriced = moment<Sale>("change_sale_amount { amount " + eur_80 + " }", tuesday);
const auto won = moment<Sale>("win_sale {}", wednesday);
const auto lost = moment<Sale>(R"(lose_sale { reason: PRICE note: "too dear" })", wednesday);
const auto reopened = moment<Sale>("reopen_sale {}", friday);

std::string micros(events::Micros time) {
    return std::to_string(time);
}

}  // namespace

TEST_CASE("every command to a sale yields its event, and sent again nothing more or the right refusal", "[sale]") {
    const std::string day = micros(one_day);
    const std::string monday_to_wednesday = " opened_at: " + micros(monday) + " closed_at: " + micros(wednesday) +
                                            " cycle_us: " + micros(2 * one_day) +
                                            " closing_stay_us: " + micros(2 * one_day);
    check_commands<Sale>({
        {world(), open, monday,
         "sale_opened { dims " + dims + " amount " + eur_50 + R"( stage: "lead" probability_bp: 1000
            lines { product_id: "p-1" quantity: 5 unit_price { minor: 1000 currency: "EUR" } } expected_close: 20500
            forecast_category: PIPELINE pipeline_version: 3 rotting_days: 30 opened_at: )" +
             micros(monday) + "}"},
        {after(opened), R"(change_sale_stage { stage: "offer" })", tuesday,
         "sale_stage_changed { dims " + dims + R"( from: "lead" to: "offer" amount )" + eur_50 + " time_in_stage_us: " +
             day + " from_probability_bp: 1000 to_probability_bp: 5000 rotting_days: 14 forward: true }"},
        {after(opened), "change_sale_amount { amount " + eur_80 + " }", tuesday,
         "sale_amount_changed { dims " + dims + " from " + eur_50 + " to " + eur_80 +
             R"( stage: "lead" probability_bp: 1000 })"},
        {after(opened), "set_forecast_category { category: COMMIT }", tuesday,
         "forecast_category_set { dims " + dims + " from: PIPELINE to: COMMIT amount " + eur_50 + " }"},
        {after(opened), R"(reassign_sale { owner: "bob" })", tuesday,
         "sale_reassigned { from " + dims +
             R"( to { owner: "bob" region: "East" product_id: "p-1" pipeline_id: "standard"
            source: "fair" customer_id: "c-1" sector: "retail" } amount )" +
             eur_50 + R"( stage: "lead" probability_bp: 1000 })"},
        {after(opened), R"(flag_sale_at_risk { reason: "silent" })", tuesday,
         "sale_flagged_at_risk { dims " + dims + R"( reason: "silent" })"},
        {after(opened, offered), "win_sale { amount " + eur_80 + " }", wednesday,
         "sale_won { dims " + dims + " amount " + eur_80 + " expected_amount " + eur_50 +
             R"( stage: "offer" probability_bp: 5000 time_in_stage_us: )" + day + " opened_at: " + micros(monday) +
             " cycle_us: " + micros(2 * one_day) + "}"},
        {after(opened), R"(lose_sale { reason: PRICE note: "too dear" })", tuesday,
         "sale_lost { dims " + dims + R"( reason: PRICE note: "too dear" amount )" + eur_50 +
             R"( stage: "lead" probability_bp: 1000 time_in_stage_us: )" + day + " opened_at: " + micros(monday) +
             " cycle_us: " + day + "}"},
        {after(opened, offered, lost),
         R"(reopen_sale { stage: "lead" })",
         friday,
         "sale_reopened { dims " + dims + " was: LOST closed_at: " + micros(wednesday) + " closed_amount " + eur_50 +
             " cycle_us: " + micros(2 * one_day) + R"( stage: "lead" probability_bp: 1000 amount )" + eur_50 +
             R"( reason: PRICE closed_stage: "offer" rotting_days: 30 stage_entered_at: )" + micros(tuesday) +
             " stage_entered_dims " + dims + " time_in_stage_us: " + day + " }",
         {Again::is_refused, "SaleNotClosed"}},
        {after(opened, won), "correct_sale { amount " + eur_80 + R"( note: "typing error" })", friday,
         "sale_corrected { dims " + dims + " opened_dims " + dims + " status: WON before { amount " + eur_50 +
             " opened_amount " + eur_50 + monday_to_wednesday + " } after { amount " + eur_80 + " opened_amount " +
             eur_80 + monday_to_wednesday + R"( } note: "typing error" stage: "lead" probability_bp: 1000
             opened_stage: "lead" opened_probability_bp: 1000 opened_pipeline_amount )" +
             eur_50 + " closed_pipeline_amount " + eur_50 + " }"},
    });
}

TEST_CASE("every rejection of a sale has its case", "[sale]") {
    const std::string opening = R"(open_sale { owner: "ada" pipeline_id: "standard" )";
    const std::string huge =
        R"(lines { product_id: "p-1" quantity: 2 unit_price { minor: 500000000000001 currency: "EUR" } })";
    check_rejections<Sale>({
        {world(), "win_sale {}", monday, Why::sale_not_found},
        {world(), R"(correct_sale { note: "x" })", monday, Why::sale_not_found},
        {after(opened), opening + "amount " + eur_80 + "}", tuesday, Why::sale_already_exists},
        {after(opened, won), "win_sale { amount " + eur_80 + "}", friday, Why::sale_already_closed},
        {after(opened, won), "lose_sale { reason: PRICE }", friday, Why::sale_already_closed},
        {after(opened, lost), "win_sale {}", friday, Why::sale_already_closed},
        {after(opened, lost), "lose_sale { reason: TIMING }", friday, Why::sale_already_closed},
        {after(opened, lost), R"(lose_sale { reason: PRICE note: "something else" })", friday,
         Why::sale_already_closed},
        {after(opened, won), R"(change_sale_stage { stage: "offer" })", friday, Why::sale_already_closed},
        {after(opened, won), "change_sale_amount { amount " + eur_80 + "}", friday, Why::sale_already_closed},
        {after(opened, won), "set_forecast_category { category: COMMIT }", friday, Why::sale_already_closed},
        {after(opened, won), R"(reassign_sale { owner: "bob" })", friday, Why::sale_already_closed},
        {after(opened, won), R"(flag_sale_at_risk { reason: "x" })", friday, Why::sale_already_closed},
        {after(opened), "reopen_sale {}", tuesday, Why::sale_not_closed},
        {after(opened), "correct_sale { closed_at: 5 note: \"x\" }", tuesday, Why::sale_not_closed,
         "correct_sale.closed_at"},
        {world(), opening + R"(customer_id: "c-old" amount )" + eur_50 + "}", monday, Why::customer_archived,
         "open_sale.customer_id"},
        {world(), opening + R"(lines { product_id: "p-1" quantity: 1 } lines { product_id: "p-old" quantity: 1 } })",
         monday, Why::product_retired, "open_sale.lines[1].product_id"},
        {after(opened), "change_sale_amount { amount " + eur_80 + R"( lines { product_id: "p-old" quantity: 1 } })",
         tuesday, Why::product_retired, "change_sale_amount.lines[0].product_id"},
        {world(), opening + R"(stage: "nowhere" amount )" + eur_50 + "}", monday, Why::stage_unknown,
         "open_sale.stage"},
        {after(opened), R"(change_sale_stage { stage: "nowhere" })", tuesday, Why::stage_unknown,
         "change_sale_stage.stage"},
        {after(opened, won), R"(reopen_sale { stage: "nowhere" })", friday, Why::stage_unknown, "reopen_sale.stage"},
        {world(), opening + "}", monday, Why::amount_missing, "open_sale.amount"},
        {world(), opening + huge + "}", monday, Why::amount_too_large, "open_sale.lines"},
        {world(), opening + R"(lines { product_id: "p-us" quantity: 1 } amount )" + eur_50 + "}", monday,
         Why::currency_mismatch, "open_sale.lines[0].unit_price"},
        {world(), opening + R"(lines { product_id: "p-1" quantity: 1 } lines { product_id: "p-us" quantity: 1 } })",
         monday, Why::currency_mismatch, "open_sale.lines[1].unit_price"},
        {after(opened), R"(change_sale_amount { amount { minor: 1 currency: "USD" } })", tuesday,
         Why::currency_mismatch, "change_sale_amount.amount"},
        {after(opened), R"(win_sale { amount { minor: 1 currency: "USD" } })", tuesday, Why::currency_mismatch,
         "win_sale.amount"},
        {after(opened), R"(correct_sale { amount { minor: 1 currency: "USD" } note: "x" })", tuesday,
         Why::currency_mismatch, "correct_sale.amount"},
        {after(opened), "change_sale_amount { amount " + eur_80 + "}", sunday, Why::time_before_sale_opened},
        {after(opened), "win_sale {}", sunday, Why::time_before_sale_opened},
        {after(opened, offered), R"(change_sale_stage { stage: "contract" })", monday, Why::time_before_stage_entered},
        {after(opened, offered), "win_sale {}", monday, Why::time_before_stage_entered},
        {after(opened, offered), "lose_sale { reason: PRICE }", monday, Why::time_before_stage_entered},
        {after(opened, won), "reopen_sale {}", tuesday, Why::time_before_sale_closed},
        {after(opened, offered), "correct_sale { opened_at: " + micros(wednesday) + R"( note: "x" })", friday,
         Why::opened_after_stage_left, "correct_sale.opened_at"},
        {after(opened, offered, won), "correct_sale { closed_at: " + micros(monday) + R"( note: "x" })", friday,
         Why::closed_before_stage_entered, "correct_sale.closed_at"},
        {after(opened, won), "correct_sale { opened_at: " + micros(friday) + R"( note: "x" })", friday,
         Why::closed_before_stage_entered, "correct_sale.closed_at"},
        {after(opened), "correct_sale { opened_at: " + micros(friday + one_day + 1) + R"( note: "x" })", friday,
         Why::time_in_future, "correct_sale.opened_at"},
        {after(opened, won), "correct_sale { closed_at: " + micros(friday + one_day + 1) + R"( note: "x" })", friday,
         Why::time_in_future, "correct_sale.closed_at"},
    });
}

TEST_CASE("what a new sale refers to and is not there is named by its field", "[sale]") {
    const auto field_of = [](const std::string& command) {
        const Came<Sale> came = world().when(command);
        REQUIRE(came.rejection.has_value());
        CHECK(came.rejection->code() == "ReferenceNotFound");
        CHECK(came.rejection->category() == v1::REFERENCE_NOT_FOUND);
        return came.rejection->field();
    };
    CHECK(field_of(R"(open_sale { owner: "ada" pipeline_id: "none" })") == "open_sale.pipeline_id");
    CHECK(field_of(R"(open_sale { owner: "ada" pipeline_id: "standard" customer_id: "none" })") ==
          "open_sale.customer_id");
    CHECK(field_of(R"(open_sale { owner: "ada" pipeline_id: "standard" lines { product_id: "p-1" quantity: 1 }
                                  lines { product_id: "none" quantity: 1 } })") == "open_sale.lines[1].product_id");
}

TEST_CASE("the amount of a new sale is what was agreed, whatever the lines add up to", "[sale]") {
    const Came<Sale> came = world().when(
        R"(open_sale { owner: "ada" pipeline_id: "standard" region: "South" stage: "offer" amount { minor: 4000 currency: "EUR" }
           customer_id: "c-1" lines { product_id: "p-us" quantity: 2 unit_price { minor: 2500 currency: "EUR" } } })");
    CHECK(came.state.amount().minor() == 4000);
    CHECK(came.state.lines(0).unit_price().minor() == 2500);
    CHECK(came.state.stage() == "offer");
    CHECK(came.state.dims().region() == "South");
}

TEST_CASE("the opening of a sale is recognised for as long as the sale lives", "[sale]") {
    const auto moved_lines = moment<Sale>(
        "change_sale_amount { amount " + eur_80 + R"( lines { product_id: "p-1" quantity: 9 } })", tuesday);
    const auto reassigned = moment<Sale>(R"(reassign_sale { owner: "bob" region: "West" })", tuesday);
    const auto committed = moment<Sale>("set_forecast_category { category: COMMIT }", tuesday);
    CHECK(after(opened, moved_lines, reassigned, committed, offered, won).when(open, friday) ==
          changes_nothing<Sale>());
}

TEST_CASE("winning a won sale for the same amount changes nothing", "[sale]") {
    CHECK(after(opened, won).when("win_sale { amount " + eur_50 + " }", friday) == changes_nothing<Sale>());
    CHECK(after(opened, won).when("win_sale {}", friday) == changes_nothing<Sale>());
}

TEST_CASE("losing a lost sale for the same reason changes nothing, with the same note or without", "[sale]") {
    CHECK(after(opened, lost).when(lost.command, friday) == changes_nothing<Sale>());
    CHECK(after(opened, lost).when("lose_sale { reason: PRICE }", friday) == changes_nothing<Sale>());
    CHECK(after(opened, lost, reopened).when("lose_sale { reason: PRICE }", friday).events.size() == 1);
}

TEST_CASE("a stage may be left for one that stands before it", "[sale]") {
    const Came<Sale> came = after(opened, offered).when(R"(change_sale_stage { stage: "lead" })", wednesday);
    REQUIRE(came.events.size() == 1);
    CHECK_FALSE(came.events[0].sale_stage_changed().forward());
}

TEST_CASE("from a stage that has left the pipeline, the greater probability is forward", "[sale]") {
    const auto shrunk = after(opened, offered).knowing("pipeline", "standard", R"(version: 4 pipeline {
                                stages { id: "lead" name: "Lead" probability_bp: 1000 }
                                stages { id: "contract" name: "Contract" probability_bp: 9000 } })");
    const auto forward = [&](const std::string& stage) {
        const Came<Sale> came = shrunk.when("change_sale_stage { stage: \"" + stage + "\" }", wednesday);
        REQUIRE(came.events.size() == 1);
        return came.events[0].sale_stage_changed().forward();
    };
    CHECK(forward("contract"));
    CHECK_FALSE(forward("lead"));
}

TEST_CASE("a sale is counted by the product of its first line, also when that becomes another", "[sale]") {
    const std::string line_2 = R"(lines { product_id: "p-2" quantity: 1 unit_price { minor: 8000 currency: "EUR" } })";
    const std::string line_1 = R"(lines { product_id: "p-1" quantity: 5 unit_price { minor: 1000 currency: "EUR" } })";
    const std::string other_dims =
        R"({ owner: "ada" region: "East" product_id: "p-2" pipeline_id: "standard" source: "fair"
                                        customer_id: "c-1" sector: "retail" })";
    const auto swapped = moment<Sale>("change_sale_amount { amount " + eur_80 + line_2 + line_1 + " }", tuesday);
    const Came<Sale> came = after(opened).when(swapped.command, tuesday);
    CHECK(came == yields<Sale>("sale_amount_changed { dims " + dims + " from " + eur_50 + " to " + eur_80 + line_2 +
                                   line_1 + R"( stage: "lead" probability_bp: 1000 })",
                               "sale_reassigned { from " + dims + " to " + other_dims + " amount " + eur_80 +
                                   R"( stage: "lead" probability_bp: 1000 })"));
    CHECK(came.state.dims().product_id() == "p-2");
    CHECK(came.state.opened_dims().product_id() == "p-1");
    CHECK(after(opened, swapped).when(swapped.command, wednesday) == changes_nothing<Sale>());
    const Came<Sale> sold = after(opened, swapped).when("win_sale {}", wednesday);
    REQUIRE(sold.events.size() == 1);
    CHECK(sold.events[0].sale_won().dims().product_id() == "p-2");
    // Another quantity, other lines behind the first, or no lines at all: it stays where it is.
    for (const std::string& lines :
         std::vector<std::string>{R"(lines { product_id: "p-1" quantity: 6 })", line_1 + line_2, ""}) {
        const Came<Sale> stays = after(opened).when("change_sale_amount { amount " + eur_80 + lines + " }", tuesday);
        CHECK(stays.events.size() == 1);
        CHECK(stays.state.dims().product_id() == "p-1");
    }
    const auto bare = moment<Sale>(R"(open_sale { owner: "ada" pipeline_id: "standard" amount )" + eur_50 + "}");
    CHECK(after(bare).when("change_sale_amount { amount " + eur_50 + line_2 + "}", tuesday).state.dims().product_id() ==
          "p-2");
}

TEST_CASE("a flag of risk is lifted when the sale moves on or ends", "[sale]") {
    const auto flagged = moment<Sale>(R"(flag_sale_at_risk { reason: "silent" })", monday);
    CHECK(after(opened, flagged).when(R"(flag_sale_at_risk { reason: "complaint" })", tuesday).state.risk_reason() ==
          "complaint");
    CHECK_FALSE(after(opened, flagged).when(offered.command, tuesday).state.at_risk());
    CHECK_FALSE(after(opened, flagged).when("win_sale {}", tuesday).state.at_risk());
}

TEST_CASE("a sale that is reopened goes on from where it was closed", "[sale]") {
    const Came<Sale> came = after(opened, offered, won).when("reopen_sale {}", friday);
    CHECK(came.state.status() == v1::OPEN);
    CHECK(came.state.stage() == "offer");
    CHECK(came.state.stage_entered_at() == friday);
    CHECK(came.state.closed_at() == 0);
    const Came<Sale> won_again = after(opened, offered, lost, reopened).when("win_sale {}", friday + one_day);
    REQUIRE(won_again.events.size() == 1);
    CHECK(won_again.events[0].sale_won().time_in_stage_us() == one_day);
    CHECK(won_again.events[0].sale_won().cycle_us() == 5 * one_day);
    CHECK(won_again.state.loss_reason() == v1::LOSS_REASON_UNSPECIFIED);
}

TEST_CASE("what a sale was opened with is corrected along, unless its amount was changed since", "[sale]") {
    const std::string correct = R"(correct_sale { amount { minor: 7000 currency: "EUR" } note: "x" })";
    const Came<Sale> untouched = after(opened).when(correct, friday);
    CHECK(untouched.state.amount().minor() == 7000);
    CHECK(untouched.state.opened_amount().minor() == 7000);
    const Came<Sale> changed = after(opened, repriced).when(correct, friday);
    CHECK(changed.state.amount().minor() == 7000);
    CHECK(changed.state.opened_amount().minor() == 5000);
    const Came<Sale> agreed =
        after(opened, moment<Sale>("win_sale { amount " + eur_80 + " }", tuesday)).when(correct, friday);
    CHECK(agreed.state.opened_amount().minor() == 5000);
}

TEST_CASE("a corrected date of opening moves the entry into the first stage along", "[sale]") {
    const std::string earlier = "correct_sale { opened_at: " + micros(sunday) + R"( note: "x" })";
    CHECK(after(opened).when(earlier, friday).state.stage_entered_at() == sunday);
    CHECK(after(opened, offered).when(earlier, friday).state.stage_entered_at() == tuesday);
    const Came<Sale> won_sale = after(opened, won).when(earlier, friday);
    REQUIRE(won_sale.events.size() == 1);
    CHECK(won_sale.events[0].sale_corrected().after().cycle_us() == 3 * one_day);
    CHECK(won_sale.events[0].sale_corrected().before().cycle_us() == 2 * one_day);
}

TEST_CASE("a reopening says which stay it takes back, by the dimensions it was counted by", "[sale]") {
    const auto handed_on = moment<Sale>(R"(reassign_sale { owner: "bob" })", tuesday);
    const auto reopening = [](const Given<Sale>& sale) {
        const Came<Sale> came = sale.when("reopen_sale {}", friday);
        REQUIRE(came.events.size() == 1);
        return came.events[0].sale_reopened();
    };
    // Entered as Ada's on Monday, closed as Bob's on Wednesday.
    const v1::SaleReopened first = reopening(after(opened, handed_on, won));
    CHECK(first.stage_entered_at() == monday);
    CHECK(first.stage_entered_dims().owner() == "ada");
    CHECK(first.dims().owner() == "bob");
    CHECK(first.time_in_stage_us() == 2 * one_day);
    // Entered as Bob's: the next stage, or the same one after a reopening.
    CHECK(reopening(after(opened, handed_on, offered, won)).stage_entered_dims().owner() == "bob");
    const auto won_again = moment<Sale>("win_sale {}", friday);
    const v1::SaleReopened second = reopening(after(opened, handed_on, won, reopened, won_again));
    CHECK(second.stage_entered_dims().owner() == "bob");
    CHECK(second.stage_entered_at() == friday);
    CHECK(second.time_in_stage_us() == 0);
}

TEST_CASE("a correction says which stays and which flows move along with the dates", "[sale]") {
    const auto handed_on = moment<Sale>(R"(reassign_sale { owner: "bob" })", tuesday);
    const auto correction = [](const Given<Sale>& sale) {
        const Came<Sale> came = sale.when("correct_sale { opened_at: " + micros(sunday) + R"( note: "x" })", friday);
        REQUIRE(came.events.size() == 1);
        return came.events[0].sale_corrected();
    };
    const v1::SaleCorrected closed = correction(after(opened, handed_on, offered, won));
    CHECK(closed.opened_stage() == "lead");
    CHECK(closed.opened_probability_bp() == 1000);
    CHECK(closed.first_stage_left_at() == tuesday);
    CHECK(closed.first_stage_left_dims().owner() == "bob");
    CHECK(closed.opened_dims().owner() == "ada");
    CHECK(closed.before().first_stay_us() == one_day);
    CHECK(closed.after().first_stay_us() == 2 * one_day);
    CHECK(closed.before().closing_stay_us() == one_day);
    CHECK(closed.after().closing_stay_us() == one_day);
    CHECK(correction(after(opened, offered, handed_on, won)).first_stage_left_dims().owner() == "ada");

    const v1::SaleCorrected first_stage = correction(after(opened, won));
    CHECK(first_stage.first_stage_left_at() == 0);
    CHECK(first_stage.before().closing_stay_us() == 2 * one_day);
    CHECK(first_stage.after().closing_stay_us() == 3 * one_day);
    CHECK(correction(after(opened)).after().closing_stay_us() == 0);

    // The first stay was taken back by the reopening: nothing of it is left to be moved.
    const v1::SaleCorrected taken_back = correction(after(opened, won, moment<Sale>("reopen_sale {}", wednesday)));
    CHECK(taken_back.opened_stage().empty());
    CHECK(taken_back.first_stage_left_at() == 0);
    CHECK(taken_back.after().first_stay_us() == 0);
}

TEST_CASE("what flowed through the open pipeline is kept apart from what should have", "[sale]") {
    const auto won_for_80 = moment<Sale>("win_sale { amount " + eur_80 + " }", wednesday);
    const auto to_70 = [](events::Micros at) {
        return moment<Sale>(R"(correct_sale { amount { minor: 7000 currency: "EUR" } note: "x" })", at);
    };
    const auto flows = [](const Given<Sale>& sale) {
        const Came<Sale> came = sale.when("correct_sale { opened_at: " + micros(sunday) + R"( note: "x" })", friday);
        REQUIRE(came.events.size() == 1);
        const v1::SaleCorrected& corrected = came.events[0].sale_corrected();
        return std::to_string(corrected.opened_pipeline_amount().minor()) + " in, " +
               std::to_string(corrected.closed_pipeline_amount().minor()) + " out";
    };
    CHECK(flows(after(opened)) == "5000 in, 0 out");
    CHECK(flows(after(opened, to_70(tuesday))) == "5000 in, 0 out");
    CHECK(flows(after(opened, to_70(tuesday), won)) == "5000 in, 7000 out");
    CHECK(flows(after(opened, repriced, won)) == "5000 in, 8000 out");
    CHECK(flows(after(opened, won_for_80)) == "5000 in, 5000 out");
    CHECK(flows(after(opened, won_for_80, to_70(friday))) == "5000 in, 5000 out");
    CHECK(flows(after(opened, won, to_70(friday))) == "5000 in, 5000 out");
    CHECK(flows(after(opened, lost, to_70(friday))) == "5000 in, 5000 out");
    CHECK(flows(after(opened, won_for_80, moment<Sale>("reopen_sale {}", wednesday),
                      moment<Sale>("win_sale {}", friday))) == "5000 in, 8000 out");
}

TEST_CASE("a correction to the figures that are there changes nothing", "[sale]") {
    CHECK(after(opened, won)
              .when("correct_sale { amount " + eur_50 + " opened_at: " + micros(monday) + R"( note: "x" })", friday) ==
          changes_nothing<Sale>());
    CHECK(after(opened).when(R"(correct_sale { note: "nothing" })", friday) == changes_nothing<Sale>());
}
