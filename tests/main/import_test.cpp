// Whole imports: CSV through a server in this process to the figures that its API gives.
#include "api/cli/commands.hpp"
#include "api/main/runtime.hpp"
#include "infra/logging/logging.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>
#include <iostream>
#include <poll.h>
#include <sstream>
#include <tuple>

using namespace tidemark;
using namespace tidemark::api;

namespace {

namespace json = boost::json;
const std::filesystem::path mappings = TIDEMARK_MAPPINGS;
const std::filesystem::path samples = TIDEMARK_SAMPLES;
const std::filesystem::path shared_data = TIDEMARK_SHARED_DATA;

class Bed {
public:
    explicit Bed(const std::filesystem::path& data) {
        infra::set_up_logging("warn", infra::LogFormat::text);
        infra::Config config;
        config.data = data;
        config.http_port = 0;
        auto started = Runtime::start(config);
        if (!started) throw std::runtime_error(started.error());
        runtime_ = std::move(*started);
        client_ = std::make_unique<Client>(address());
    }
    Runtime& runtime() { return *runtime_; }
    ServerAddress address() const { return {.host = "127.0.0.1", .port = std::to_string(runtime_->port())}; }

    // Runs `tidemark import --json`; the report, and the exit code.
    std::pair<json::object, ExitCode> import(const std::string& mapping,
                                             const std::vector<std::filesystem::path>& files,
                                             const std::filesystem::path& rejects) {
        std::ostringstream out;
        auto* const was = std::cout.rdbuf(out.rdbuf());
        const ExitCode code = run_import(
            {.mapping = mappings / mapping, .files = files, .rejects = rejects, .json = true},
            {.reach = [this](const Where&) -> std::expected<ServerAddress, std::string> { return address(); },
             .read_or_make_key = [](const std::filesystem::path&) -> std::expected<std::string, std::string> {
                 return "a key of this test";
             }});
        std::cout.rdbuf(was);
        return {json::parse(out.str()).as_object(), code};
    }

    json::object get(const std::string& target) { return json::parse(body(target)).as_object(); }
    std::string body(const std::string& target) {
        const auto reply = client_->get(target);
        if (!reply) throw std::runtime_error(reply.error());
        if (reply->status != 200) throw std::runtime_error(target + ": " + reply->body);
        return reply->body;
    }

    // One command that the business refuses: a customer who is not there is archived.
    void be_refused() {
        const auto reply = client_->post("/v1/customers/nobody/archive-customer", "application/json", "{}");
        if (!reply) throw std::runtime_error(reply.error());
        if (reply->status != 404) throw std::runtime_error(reply->body);
    }

    // An aggregate that was changed a moment ago, at that version at least: what reads it follows close behind the log.
    json::object get_at(const std::string& target, std::int64_t version) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        for (;;) {
            const auto reply = client_->get(target);
            if (!reply) throw std::runtime_error(reply.error());
            if (reply->status == 200) {
                const auto answer = json::parse(reply->body).as_object();
                if (answer.at("version").to_number<std::int64_t>() >= version) return answer;
            }
            if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(target + ": " + reply->body);
            (void)::poll(nullptr, 0, 20);
        }
    }

    void wait_for_views() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
        for (;;) {
            const auto statuses = runtime_->projector().status();
            for (const auto& status : statuses) {
                if (!status.failure.empty() || !status.parked.empty())
                    throw std::runtime_error(status.name + " does not follow");
            }
            if (std::ranges::all_of(statuses, [](const auto& status) { return status.lag_events == 0; })) return;
            if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the views do not catch up");
            (void)::poll(nullptr, 0, 20);
        }
    }

private:
    std::unique_ptr<Runtime> runtime_;
    std::unique_ptr<Client> client_;
};

double number(const json::object& point, const char* key) {
    const auto* found = point.if_contains(key);
    return found == nullptr     ? NAN
           : found->is_string() ? std::stod(found->as_string().c_str())
                                : found->to_number<double>();
}

// The points of a KPI by year; `sum` adds them up.
json::array points(Bed& bed, const std::string& kpi) {
    const auto series = bed.get("/v1/kpis/" + kpi + "?grain=year");
    const auto* found = series.if_contains("points");
    return found == nullptr ? json::array{} : found->as_array();
}
double sum(Bed& bed, const std::string& kpi) {
    double total = 0;
    for (const auto& point : points(bed, kpi)) {
        const auto* money = point.as_object().if_contains("money");
        total += money != nullptr ? number(money->as_object(), "amount") : number(point.as_object(), "value");
    }
    return total;
}
double measure(Bed& bed, const std::string& kpi, std::string_view name) {
    double total = 0;
    for (const auto& point : points(bed, kpi)) {
        for (const auto& one : point.at("measures").as_array()) {
            if (one.at("name").as_string() == json::string_view(name.data(), name.size()))
                total += number(one.as_object(), "value");
        }
    }
    return total;
}
// How many a list has, over all of its pages.
std::size_t listed(Bed& bed, const std::string& target, const char* name) {
    std::size_t count = 0;
    std::string cursor;
    do {
        const auto page = bed.get(target + "&limit=200" + (cursor.empty() ? "" : "&cursor=" + cursor));
        if (const auto* found = page.if_contains(name)) count += found->as_array().size();
        const auto* next = page.if_contains("next_cursor");
        cursor = next == nullptr ? "" : std::string(next->as_string().c_str());
    } while (!cursor.empty());
    return count;
}
double two_decimals(double value) {
    return std::round(value * 100) / 100;
}

// What the views answer, to be compared before and after.
std::vector<std::string> answers(Bed& bed) {
    std::vector<std::string> all;
    for (const char* target :
         {"/v1/kpis/win_rate?grain=month&by=owner", "/v1/kpis/won_value?grain=week&by=product",
          "/v1/kpis/sales_cycle_p90?grain=quarter", "/v1/customers?limit=100", "/v1/sales?limit=200",
          "/v1/kpis/days_in_stage_median?grain=year&by=stage", "/v1/pipelines/b2b/funnel", "/v1/deliveries?limit=100",
          "/v1/customers/cancity/overview", "/v1/kpis/on_time_delivery?grain=year&by=region", "/v1/forecast",
          "/v1/forecast?pipeline=b2b&owner=Darcel%20Schlecht", "/v1/reports/sales?grain=quarter&by=owner,product",
          "/v1/rejections", "/v1/rejections/counts", "/v1/products?limit=100", "/v1/pipelines?limit=100",
          "/v1/customers/cancity", "/v1/deliveries/scms-3/board?now=2020-01-01"}) {
        all.push_back(bed.body(target));
    }
    return all;
}

bool have_shared(const char* file) {
    if (std::filesystem::exists(shared_data / file)) return true;
    WARN("SKIPPED: there is no " << (shared_data / file).string());
    return false;
}

}  // namespace

TEST_CASE("the samples are imported, rejects and all, and importing again changes nothing") {
    const tests::TemporaryDirectory directory;
    Bed bed(directory.path() / "data");
    const std::vector files{samples / "accounts.csv", samples / "products.csv", samples / "sales_teams.csv",
                            samples / "sales_pipeline.csv"};
    const auto [first, first_code] = bed.import("maven_crm.yaml", files, directory.path());
    CHECK(first_code == ExitCode::rejected);  // two rows of the sample are dirt
    CHECK(number(first, "accepted") == 14);
    CHECK(number(first, "rejected") == 0);
    const auto [again, again_code] = bed.import("maven_crm.yaml", files, directory.path());
    CHECK(number(again, "accepted") == 14);
    CHECK(number(again, "repeated") == 14);
    const auto sale = bed.get_at("/v1/sales/SYN00001", 2);
    CHECK(number(sale, "version") == 2);
    CHECK(sale.at("sale").at("status").as_string() == "WON");
    CHECK(sale.at("sale").at("amount").at("amount").as_string() == "4514.00");

    const auto [deliveries, code] = bed.import("scms_delivery.yaml", {samples / "scms_delivery.csv"}, directory.path());
    CHECK(code == ExitCode::rejected);
    CHECK(number(deliveries, "rejected") == 0);
    // Planned, started, one cost, hit, delivered, closed.
    CHECK(bed.get_at("/v1/deliveries/scms-3", 6).at("delivery").at("status").as_string() == "CLOSED");
}

TEST_CASE("a row that the server rejects is told and lies in the rejects file") {
    const tests::TemporaryDirectory directory;
    Bed bed(directory.path() / "data");
    std::ofstream(directory.path() / "sales_pipeline.csv")
        << "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
           "SYN00008,Moses Frase,MG Special,Nobody Ltd,Won,2017-01-02,2017-03-01,55\n";
    const auto [report, code] =
        bed.import("maven_crm.yaml",
                   {samples / "products.csv", samples / "sales_teams.csv", directory.path() / "sales_pipeline.csv"},
                   directory.path());
    CHECK(code == ExitCode::rejected);
    const auto& rejected = report.at("files").as_array().back().at("rejected").as_array();
    REQUIRE(rejected.size() == 1);
    CHECK(rejected[0].at("column").as_string() == "account");
    CHECK(number(rejected[0].as_object(), "line") == 2);
    CHECK(std::filesystem::exists(directory.path() / "sales_pipeline.rejects.csv"));
}

TEST_CASE("the real sales come to the published figures, twice imported as once, rebuilt as folded") {
    if (!have_shared("maven_crm/sales_pipeline.csv") || !have_shared("scms_delivery/scms_delivery.csv.gz")) return;
    const tests::TemporaryDirectory directory;
    Bed bed(directory.path() / "data");
    std::vector<std::filesystem::path> files;
    for (const char* file : {"accounts.csv", "products.csv", "sales_teams.csv", "sales_pipeline.csv"})
        files.push_back(shared_data / "maven_crm" / file);
    const auto [report, code] = bed.import("maven_crm.yaml", files, directory.path());
    INFO(json::serialize(report));
    REQUIRE(code == ExitCode::ok);
    bed.wait_for_views();
    CHECK(sum(bed, "customers_created") == 85);
    CHECK(sum(bed, "sales_opened") == 8'800);
    CHECK(sum(bed, "sales_won") == 4'238);
    CHECK(sum(bed, "sales_lost") == 2'473);
    CHECK(sum(bed, "won_value") == 10'005'534);
    REQUIRE(points(bed, "win_rate").size() >= 1);
    // Everything was closed in one year: its bucket is the whole.
    CHECK(two_decimals(number(points(bed, "win_rate").back().as_object(), "value") * 100) == 63.15);
    CHECK(sum(bed, "average_won_value") == 2'360.91);
    CHECK(two_decimals(number(points(bed, "sales_cycle_mean").back().as_object(), "value")) == 51.78);
    CHECK(listed(bed, "/v1/sales?status=OPEN&stage=engaging", "sales") == 1'589);
    CHECK(listed(bed, "/v1/sales?status=OPEN&stage=prospecting", "sales") == 500);
    const auto funnel = bed.get("/v1/pipelines/b2b/funnel");
    CHECK(number(funnel, "sales") == 8'800);
    CHECK(number(funnel, "won") == 4'238);
    CHECK(number(funnel, "lost") == 2'473);
    REQUIRE(funnel.at("stages").as_array().size() == 2);
    CHECK(number(funnel.at("stages").as_array()[0].as_object(), "open") == 500);
    CHECK(number(funnel.at("stages").as_array()[1].as_object(), "open") == 1'589);
    CHECK(listed(bed, "/v1/customers?archived=false", "customers") == 85);

    const auto [deliveries, delivery_code] =
        bed.import("scms_delivery.yaml", {shared_data / "scms_delivery/scms_delivery.csv.gz"}, directory.path());
    REQUIRE(delivery_code == ExitCode::ok);
    bed.wait_for_views();
    CHECK(sum(bed, "milestones_late") == 1'186);
    // Every milestone that was due was hit, so that the share is the same of those due and of those hit.
    for (const auto& [kpi, part, all] :
         {std::tuple{"on_time_delivery", "met", "due"}, {"on_time_of_hit", "hit_on_time", "hit"}}) {
        INFO(kpi);
        CHECK(measure(bed, kpi, all) == 10'324);
        CHECK(measure(bed, kpi, all) - measure(bed, kpi, part) == 1'186);
        CHECK(two_decimals(measure(bed, kpi, part) / measure(bed, kpi, all) * 100) == 88.51);
    }
    // The file knows days: what was handed over on the planned day has SPI 1, and nothing is without one.
    CHECK(measure(bed, "delivery_spi", "ev") == measure(bed, "delivery_eac", "bac"));
    const auto board = bed.get("/v1/deliveries?limit=200");
    for (const auto& delivery : board.at("deliveries").as_array()) {
        const auto& row = delivery.at("delivery").as_object();
        INFO(json::serialize(delivery));
        const auto spi = number(delivery.at("earned_value").as_object(), "spi");
        CHECK(number(delivery.at("actual").as_object(), "progress") > 0);
        if (row.at("delivered_date") == row.at("end_date")) CHECK(spi == 1);
        CHECK(spi >= 1);
    }

    bed.be_refused();
    bed.wait_for_views();
    const auto before = answers(bed);
    for (const std::string& answer : before) {
        INFO(answer.substr(0, 500));
        CHECK(answer.size() > 40);  // there is something in each to be the same
    }
    const auto [again, again_code] = bed.import("maven_crm.yaml", files, directory.path());
    CHECK(again_code == ExitCode::ok);
    CHECK(number(again, "repeated") == number(again, "commands"));
    const auto [once_more, once_more_code] =
        bed.import("scms_delivery.yaml", {shared_data / "scms_delivery/scms_delivery.csv.gz"}, directory.path());
    CHECK(once_more_code == ExitCode::ok);
    CHECK(number(once_more, "repeated") == number(once_more, "commands"));
    CHECK(number(once_more, "accepted") == number(deliveries, "accepted"));
    bed.wait_for_views();
    CHECK(answers(bed) == before);
    REQUIRE(bed.runtime().projector().rebuild({}, [](consumers::Progress) {}));
    CHECK(answers(bed) == before);
}
