#include "api/import/importer.hpp"

#include "events/time.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

using namespace tidemark;
using namespace tidemark::api;
using tidemark::tests::TemporaryDirectory;

namespace {

const std::filesystem::path mappings = TIDEMARK_MAPPINGS;
const std::filesystem::path samples = TIDEMARK_SAMPLES;

std::vector<std::filesystem::path> maven_files() {
    return {samples / "accounts.csv", samples / "products.csv", samples / "sales_teams.csv",
            samples / "sales_pipeline.csv"};
}

Mapping mapping_of(const std::string& name) {
    auto mapping = Mapping::load(mappings / name);
    if (!mapping) throw std::runtime_error(mapping.error());
    return std::move(*mapping);
}

// An import whose commands are all accepted, unless a test says otherwise.
struct Imported {
    std::vector<v1::Command> commands;
    ImportReport report;
};
using Answers = std::function<v1::Outcome(const v1::Command&)>;

v1::Outcome accepted(const v1::Command&) {
    v1::Outcome outcome;
    outcome.set_status(v1::ACCEPTED);
    return outcome;
}

Imported run(Mapping mapping, const std::vector<std::filesystem::path>& files, const std::filesystem::path& directory,
             const Answers& answer = accepted, const std::string& key = "a key") {
    auto importer = Importer::open(std::move(mapping), files, {.rejects_directory = directory, .key = key});
    if (!importer) throw std::runtime_error(importer.error());
    Imported imported;
    for (;;) {
        auto next = (*importer)->next();
        if (!next) throw std::runtime_error(next.error());
        if (!*next) break;
        imported.commands.push_back((*next)->command);
        (*importer)->answered((*next)->tag, answer((*next)->command));
    }
    (*importer)->finish();
    imported.report = (*importer)->report();
    return imported;
}

const v1::Command& find(const Imported& imported, const std::string& stream, int command) {
    for (const auto& one : imported.commands) {
        if (one.stream_id() != stream) continue;
        if (one.has_sale() && one.sale().command_case() == command) return one;
        if (one.has_delivery() && one.delivery().command_case() == command) return one;
    }
    throw std::runtime_error("no such command for " + stream);
}

std::set<std::string> ids(const Imported& imported) {
    std::set<std::string> found;
    for (const auto& command : imported.commands) found.insert(command.command_id());
    return found;
}

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
}

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a row of the sales pipeline becomes a sale that is opened and won") {
    const TemporaryDirectory directory;
    const auto imported = run(mapping_of("maven_crm.yaml"), maven_files(), directory.path());
    const auto& opened = find(imported, "SYN00001", v1::SaleCommand::kOpenSale);
    CHECK(opened.occurred_at() == *events::parse_time("2017-01-02T00:00:00Z"));
    const auto& sale = opened.sale().open_sale();
    CHECK(sale.customer_id() == "betamart");
    CHECK(sale.owner() == "Moses Frase");
    CHECK(sale.region() == "Central");
    CHECK(sale.stage() == "engaging");
    REQUIRE(sale.lines_size() == 1);
    CHECK(sale.lines(0).product_id() == "gtx-pro");
    const auto& won = find(imported, "SYN00001", v1::SaleCommand::kWinSale);
    CHECK(won.occurred_at() == *events::parse_time("2017-03-01T00:00:00Z"));
    CHECK(won.sale().win_sale().amount().minor() == 451'400);
    CHECK(won.sale().win_sale().amount().currency() == "USD");
}

TEST_CASE("what is mended or out of the ordinary is counted and told") {
    const TemporaryDirectory directory;
    const auto imported = run(mapping_of("maven_crm.yaml"), maven_files(), directory.path());
    // pipeline + 3 customers + 2 products + (open and end) of three sales + 2 open ones
    CHECK(imported.commands.size() == 14);
    REQUIRE(imported.report.files.size() == 3);
    CHECK(imported.report.files[0].mended.at("sectors: 'technolgy' -> 'technology'") == 1);
    const FileReport& sales = imported.report.files[2];
    CHECK(sales.rows == 7);
    CHECK(sales.mended.at("product_names: 'GTXPro' -> 'GTX Pro'") == 1);
    CHECK(sales.noted.at("has no account; the sale is opened without a customer") == 1);
    CHECK(find(imported, "SYN00004", v1::SaleCommand::kOpenSale).sale().open_sale().customer_id().empty());
    CHECK(find(imported, "SYN00005", v1::SaleCommand::kOpenSale).occurred_at() ==
          *events::parse_time("2016-10-15T00:00:00Z"));
}

TEST_CASE("a row with a fault sends nothing, and lies in the rejects file with the reason") {
    const TemporaryDirectory directory;
    const auto imported = run(mapping_of("maven_crm.yaml"), maven_files(), directory.path());
    const FileReport& sales = imported.report.files[2];
    REQUIRE(sales.rejected.size() == 2);
    CHECK(sales.rejected[0].line == 7);
    CHECK(sales.rejected[0].column == "engage_date");
    CHECK(sales.rejected[0].why == "'2017-02-30' is not a date written as %Y-%m-%d");
    CHECK(sales.rejected[1].column == "sales_agent");
    CHECK(sales.rejected[1].why == "'Nobody Known' is not in sales_teams.csv");
    CHECK(
        content(sales.rejects_path) ==
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value,rejected_because\r\n"
        "SYN00006,Moses Frase,GTX Pro,Betamart,Won,2017-02-30,2017-03-01,4000,"
        "engage_date: '2017-02-30' is not a date written as %Y-%m-%d\r\n"
        "SYN00007,Nobody Known,GTX Pro,Betamart,Engaging,2017-02-03,,,"
        "sales_agent: 'Nobody Known' is not in sales_teams.csv\r\n");
}

TEST_CASE("a rejects file can be mended and imported, and what the server rejects goes into a new one") {
    const TemporaryDirectory directory;
    const auto first = run(mapping_of("maven_crm.yaml"), maven_files(), directory.path());
    const auto rejects = directory.path() / "sales_pipeline.rejects.csv";
    std::string mended = content(rejects);
    mended.replace(mended.find("2017-02-30"), 10, "2017-02-20");
    mended.replace(mended.find("Nobody Known"), 12, "Moses Frase");
    write(rejects, mended);

    const auto again = run(mapping_of("maven_crm.yaml"), {samples / "sales_teams.csv", rejects}, directory.path(),
                           [](const v1::Command& command) {
                               v1::Outcome outcome = accepted(command);
                               if (!command.sale().has_win_sale()) return outcome;
                               outcome.set_status(v1::REJECTED);
                               outcome.mutable_rejection()->set_code("SaleAlreadyClosed");
                               outcome.mutable_rejection()->set_field("win_sale.amount");
                               outcome.mutable_rejection()->set_detail("It was won before.");
                               return outcome;
                           });
    CHECK(again.commands.size() == 4);  // the pipeline, two sales opened, one won
    REQUIRE(again.report.files.size() == 1);
    CHECK(again.report.rejected_rows() == 1);
    CHECK(again.report.files[0].rejected[0].column == "close_value");
    CHECK(again.report.files[0].rejected[0].why == "SaleAlreadyClosed: It was won before.");
    CHECK(again.report.files[0].rejects_path == (directory.path() / "sales_pipeline.rejects.2.csv").string());
    CHECK(content(rejects) == mended);
}

TEST_CASE("importing a dirty file again leaves no second file of the same rejects") {
    const TemporaryDirectory directory;
    const auto rejects = directory.path() / "sales_pipeline.rejects.csv";
    const auto import = [&] {
        return run(mapping_of("maven_crm.yaml"), maven_files(), directory.path()).report.files.at(2).rejects_path;
    };
    CHECK(import() == rejects.string());
    CHECK(import() == rejects.string());
    CHECK_FALSE(std::filesystem::exists(directory.path() / "sales_pipeline.rejects.2.csv"));
    write(rejects, content(rejects) + "being mended");  // by somebody, who is not disturbed
    const auto second = (directory.path() / "sales_pipeline.rejects.2.csv").string();
    CHECK(import() == second);
    CHECK(import() == second);
    CHECK_THAT(content(rejects), Catch::EndsWith("being mended"));
    CHECK_FALSE(std::filesystem::exists(directory.path() / "sales_pipeline.rejects.3.csv"));
}

TEST_CASE("a report tells what was done now from what had been done before") {
    const TemporaryDirectory directory;
    const auto printed = [&](bool repeated) {
        const auto report =
            run(mapping_of("maven_crm.yaml"), maven_files(), directory.path(), [&](const v1::Command& command) {
                v1::Outcome outcome = accepted(command);
                outcome.set_repeated(repeated);
                return outcome;
            }).report;
        std::ostringstream out;
        report.print(out);
        return out.str();
    };
    CHECK_THAT(printed(false), Catch::EndsWith("14 commands: 14 accepted, 0 changed nothing, 0 rejected\n"));
    CHECK_THAT(printed(true),
               Catch::EndsWith("14 commands: 0 accepted, 0 changed nothing, 0 rejected; 14 had been sent "
                               "before, and nothing was done again\n"));
}

TEST_CASE("importing again makes the same command ids, and a mended row new ones") {
    const TemporaryDirectory directory;
    const auto once = run(mapping_of("maven_crm.yaml"), maven_files(), directory.path());
    const auto twice = run(mapping_of("maven_crm.yaml"), maven_files(), directory.path());
    CHECK(ids(once) == ids(twice));
    CHECK(ids(once).size() == once.commands.size());

    std::string text = content(samples / "sales_pipeline.csv");
    text.replace(text.find("4514"), 4, "4515");
    write(directory.path() / "sales_pipeline.csv", text);
    auto files = maven_files();
    files.back() = directory.path() / "sales_pipeline.csv";
    const auto mended = run(mapping_of("maven_crm.yaml"), files, directory.path());
    std::vector<std::string> fresh;
    std::ranges::set_difference(ids(mended), ids(once), std::back_inserter(fresh));
    CHECK(fresh.size() == 2);  // the row's two commands
}

TEST_CASE("a command that is added to a mapping leaves the ids of the others") {
    const std::string yaml =
        "source: crm\nfiles:\n  - file: sales.csv\n    key: id\n    commands:\n"
        "      - sale.open_sale: {stream: \"{id}\", set: {owner: ada, pipeline_id: direct}}\n";
    const std::string customer = "      - customer.create_customer: {stream: \"c-{id}\", set: {name: N}}\n";
    const std::string reassign = "      - sale.reassign_sale: {stream: \"{id}\", set: {owner: bo}}\n";
    const TemporaryDirectory directory;
    write(directory.path() / "sales.csv", "id\ns1\n");
    const auto import = [&](const std::string& text) {
        return ids(run(std::move(*Mapping::parse(text, "m.yaml")), {directory.path() / "sales.csv"}, directory.path()));
    };
    const auto before = import(yaml + reassign);
    std::string inserted = yaml;
    inserted.insert(inserted.find("      - sale"), customer);
    const auto after = import(inserted + reassign + reassign);
    CHECK(before.size() == 2);
    CHECK(after.size() == 4);  // two commands of one name and content are two
    CHECK(std::ranges::includes(after, before));
}

TEST_CASE("a line of the delivery file becomes a planned, costed and closed delivery") {
    const TemporaryDirectory directory;
    const auto imported = run(mapping_of("scms_delivery.yaml"), {samples / "scms_delivery.csv"}, directory.path());
    const auto& planned = find(imported, "scms-3", v1::DeliveryCommand::kPlanDelivery).delivery().plan_delivery();
    CHECK(planned.customer_id() == "108-VN-T01");
    CHECK(planned.party() == v1::THIRD_PARTY);
    CHECK(planned.plan().start_date() == *events::parse_date("2009-05-14"));
    CHECK(planned.plan().budget().minor() == 4'000'000);
    REQUIRE(planned.plan().milestones_size() == 1);
    CHECK(planned.plan().milestones(0).baseline_date() == *events::parse_date("2009-08-27"));
    const auto& hit =
        find(imported, "scms-3", v1::DeliveryCommand::kHitDeliveryMilestone).delivery().hit_delivery_milestone();
    CHECK(hit.actual_date() == *events::parse_date("2009-08-20"));
    const auto& freight =
        find(imported, "scms-1", v1::DeliveryCommand::kRecordDeliveryCost).delivery().record_delivery_cost();
    CHECK(freight.cost().minor() == 78'034);
    CHECK(freight.note() == "freight");
    // An order dated after the scheduled day: the plan begins when it was due.
    CHECK(find(imported, "scms-4", v1::DeliveryCommand::kPlanDelivery).delivery().plan_delivery().plan().start_date() ==
          *events::parse_date("2009-08-27"));
}

TEST_CASE("words where a figure should be are noted, and what no map knows is rejected") {
    const TemporaryDirectory directory;
    const auto imported = run(mapping_of("scms_delivery.yaml"), {samples / "scms_delivery.csv"}, directory.path());
    const FileReport& file = imported.report.files.at(0);
    CHECK(file.noted.size() == 6);
    CHECK(file.noted.at("freight is invoiced separately and not known here") == 1);
    REQUIRE(file.rejected.size() == 1);
    CHECK(file.rejected[0].column == "Fulfill Via");
    const auto customers =
        std::ranges::count_if(imported.commands, [](const auto& command) { return command.has_customer(); });
    CHECK(customers == 2);  // once per project, not per line
}

TEST_CASE("a command that is sent once is sent for the first row that is kept") {
    const std::string yaml =
        "source: crm\nfiles:\n  - file: sales.csv\n    key: id\n    not_personal: customer\n    commands:\n"
        "      - customer.create_customer:\n          stream: \"{customer}\"\n          once: true\n"
        "          set: {name: \"{customer}\"}\n"
        "      - sale.open_sale:\n          stream: \"{id}\"\n"
        "          set: {owner: ada, pipeline_id: direct, expected_close: \"{due}\"}\n";
    const TemporaryDirectory directory;
    write(directory.path() / "sales.csv", "id,customer,due\ns1,acme,no day\ns2,acme,2026-01-31\ns3,acme,2026-01-31\n");
    const auto imported =
        run(std::move(*Mapping::parse(yaml, "m.yaml")), {directory.path() / "sales.csv"}, directory.path());
    CHECK(imported.report.rejected_rows() == 1);
    std::vector<std::string> streams;
    for (const auto& command : imported.commands) streams.push_back(command.stream_id());
    CHECK(streams == std::vector<std::string>{"acme", "s2", "s3"});
}

TEST_CASE("personal columns key the command ids and are not shown when they are at fault") {
    const std::string yaml =
        "source: crm\nfiles:\n  - file: people.csv\n    key: id\n    personal: [name, email]\n    commands:\n"
        "      - customer.create_customer:\n          stream: \"{id}\"\n"
        "          set: {name: \"{name}\", email: \"{email}\", kind: PERSON}\n";
    const TemporaryDirectory directory;
    const auto people = directory.path() / "people.csv";
    write(people, "id,name,email\nc1,张三,zhang@example.com\nc2,Ada,not an address\n");
    const auto import = [&](const std::string& key) {
        return run(std::move(*Mapping::parse(yaml, "m.yaml")), {people}, directory.path(), accepted, key);
    };
    CHECK_THROWS_WITH(import(""), Catch::Contains("key"));
    const auto imported = import("a key");
    REQUIRE(imported.commands.size() == 1);
    CHECK(ids(imported) == ids(import("a key")));
    CHECK(ids(imported) != ids(import("another key")));
    REQUIRE(imported.report.files[0].rejected.size() == 1);
    CHECK(imported.report.files[0].rejected[0].column == "email");
    CHECK_THAT(imported.report.files[0].rejected[0].why, !Catch::Contains("not an address"));
}

TEST_CASE("columns that feed personal fields are personal without being declared so") {
    const std::string yaml =
        "source: crm\nfiles:\n  - file: people.csv\n    key: id\n    commands:\n"
        "      - customer.create_customer:\n          stream: \"{id}\"\n"
        "          set: {name: \"{name}\", birth_date: \"{born}\", region: \"{region}\", kind: PERSON}\n";
    const TemporaryDirectory directory;
    const auto people = directory.path() / "people.csv";
    write(people, "id,name,born,region\nc1,张三,the 70s,east\nc2,Ada,1970-01-31,west\n");
    const auto imported = run(std::move(*Mapping::parse(yaml, "m.yaml")), {people}, directory.path());
    REQUIRE(imported.report.files.at(0).rejected.size() == 1);
    CHECK(imported.report.files[0].rejected[0].column == "born");
    CHECK_THAT(imported.report.files[0].rejected[0].why, !Catch::Contains("70s"));
}

TEST_CASE("command ids are keyed, whatever the rows are about") {
    const TemporaryDirectory directory;
    const auto ids_by = [&](const std::string& key) {
        return ids(run(mapping_of("maven_crm.yaml"), maven_files(), directory.path(), accepted, key));
    };
    const auto one = ids_by("a key");
    CHECK(one == ids_by("a key"));
    std::vector<std::string> common;
    std::ranges::set_intersection(one, ids_by("another key"), std::back_inserter(common));
    CHECK(common.empty());  // the commands of `start` too
    CHECK_THROWS_WITH(ids_by(""), Catch::Contains("key"));
}

TEST_CASE("what derives from personal columns is not shown either, mended or at fault") {
    const std::string yaml =
        "source: crm\nmaps: {cities: {mend: true, otherwise: keep, values: {Pari: Paris}}}\n"
        "files:\n  - file: people.csv\n    key: id\n    personal: [street, city, born]\n"
        "    not_personal: id\n    derive: {town: \"{city|map:cities}\", birthday: \"{born}\"}\n    commands:\n"
        "      - customer.create_customer:\n          stream: \"{id}\"\n          at: \"{birthday}\"\n"
        "          set: {name: \"{id} {town}\"}\n";
    const TemporaryDirectory directory;
    write(directory.path() / "people.csv", "id,street,city,born\nc1,x,Pari,2000-01-01\nc2,x,Rome,the 70s\n");
    const auto imported = run(std::move(*Mapping::parse(yaml, "m.yaml")), {directory.path() / "people.csv"},
                              directory.path(), accepted, "a key");
    REQUIRE(imported.report.files.size() == 1);
    CHECK(imported.report.files[0].mended ==
          std::map<std::string, std::uint64_t>{{"cities: values that are not shown: they belong to persons", 1}});
    REQUIRE(imported.report.files[0].rejected.size() == 1);
    CHECK(imported.report.files[0].rejected[0].column == "birthday");
    CHECK_THAT(imported.report.files[0].rejected[0].why, !Catch::Contains("70s"));
}

TEST_CASE("a file or a column that does not fit the mapping is said before anything is sent") {
    const TemporaryDirectory directory;
    write(directory.path() / "other.csv", "a\n");
    CHECK_THROWS_WITH(run(mapping_of("maven_crm.yaml"), {directory.path() / "other.csv"}, directory.path()),
                      Catch::Contains("it knows accounts.csv, products.csv, sales_pipeline.csv"));
    CHECK_THROWS_WITH(run(mapping_of("maven_crm.yaml"), {samples / "accounts.csv"}, directory.path()),
                      Catch::Contains("look-up 'teams' needs sales_teams.csv"));
    write(directory.path() / "products.csv", "product,price\nA,1\n");
    CHECK_THROWS_WITH(run(mapping_of("maven_crm.yaml"),
                          {samples / "sales_teams.csv", directory.path() / "products.csv"}, directory.path()),
                      Catch::Contains("has no column 'series'"));
}
