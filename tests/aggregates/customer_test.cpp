#include "aggregates/customer/customer.hpp"

#include "tests/support/decider_tables.hpp"

using namespace tidemark;
using namespace tidemark::tests;
using aggregates::Customer;
using Why = aggregates::CustomerRejection;

namespace {

const std::string create = R"(create_customer {
    name: "张三" phone: "+86 10 6552 9988" email: "san@example.cn" kind: PERSON birth_date: 7000 gender: MALE
    sector: "retail" region: "East" owner: "ada"
    attributes { key: "tier" text: "gold" } external_ids { system: "erp" id: "K-1" } })";
const auto created = moment<Customer>(create);
const auto archived = moment<Customer>("archive_customer {}");
const std::string product = "version: 1 product { list_price { minor: 1 currency: \"EUR\" } }";

std::string numbered_attributes(int first, int count) {
    std::string text;
    for (int i = first; i < first + count; ++i)
        text += "attributes { key: \"k" + std::to_string(i) + "\" flag: true } ";
    return text;
}
std::string numbered_external_ids(int first, int count) {
    std::string text;
    for (int i = first; i < first + count; ++i) {
        text += "external_ids { system: \"s" + std::to_string(i) + "\" id: \"1\" } ";
    }
    return text;
}

Given<Customer> with_consents(int count) {
    Given<Customer> many = given<Customer>(created);
    for (int i = 0; i < count; ++i) {
        many = many.then(moment<Customer>("give_consent { purpose: \"p" + std::to_string(i) + "\" source: \"fair\" }"));
    }
    return many;
}
Given<Customer> with_withdrawals(int count) {
    Given<Customer> many = given<Customer>(created, moment<Customer>(R"(give_consent { purpose: "offers" })"));
    for (int i = 0; i < count; ++i) {
        many = many.then(
            moment<Customer>(R"(withdraw_consent { purpose: "offers" channel: "c)" + std::to_string(i) + "\" }"));
    }
    return many;
}

}  // namespace

TEST_CASE("every command to a customer yields its event, and sent again nothing more", "[customer]") {
    check_commands<Customer>({
        {given<Customer>(), create, monday,
         R"(customer_created { name { clear: "张三" } phone { clear: "+86 10 6552 9988" } email { clear: "san@example.cn" }
            kind: PERSON birth_date { clear: "1989-03-02" } gender: MALE sector: "retail" region: "East" owner: "ada"
            attributes { key: "tier" text: "gold" } external_ids { system: "erp" id: "K-1" } })"},
        {given<Customer>(created), R"(change_customer_details { name: "李四" email: "" region: "West" owner: "ada"
            attributes { key: "tier" text: "gold" } attributes { key: "vip" flag: true }
            external_ids { system: "crm" id: "7" } })",
         monday,
         R"(customer_details_changed { name { clear: "李四" } email { clear: "" } region: "West"
            attributes { key: "vip" flag: true } external_ids { system: "crm" id: "7" }
            former_region: "East" former_owner: "ada" former_sector: "retail" })"},
        {given<Customer>(created), R"(change_customer_details { clear_birth_date: true remove_attributes: "tier"
            remove_attributes: "unknown" })",
         monday,
         R"(customer_details_changed { birth_date { clear: "" } attributes_removed: "tier"
            former_region: "East" former_owner: "ada" former_sector: "retail" })"},
        {given<Customer>(created).knowing("product", "p-1", product),
         R"(record_customer_need { type: PAIN_POINT text: "too slow" product_id: "p-1" priority: PRIORITY_HIGH })",
         monday,
         R"(customer_need_recorded { type: PAIN_POINT text: "too slow" product_id: "p-1" priority: PRIORITY_HIGH })"},
        {given<Customer>(created), R"(give_consent { purpose: "newsletter" channel: "email" source: "fair" })", monday,
         R"(consent_given { purpose: "newsletter" channel: "email" source: "fair" })"},
        {given<Customer>(created, moment<Customer>(R"(give_consent { purpose: "newsletter" })")),
         R"(withdraw_consent { purpose: "newsletter" })", monday, R"(consent_withdrawn { purpose: "newsletter" })"},
        {given<Customer>(created),
         R"(review_customer_data { finding: "phone is old" fields_to_mend: "phone" })",
         monday,
         R"(customer_data_reviewed { finding: "phone is old" fields_to_mend: "phone" })",
         {Again::counts_again}},
        {given<Customer>(created), R"(archive_customer { reason: "closed down" })", monday,
         R"(customer_archived { reason: "closed down" region: "East" owner: "ada" sector: "retail" })"},
    });
}

TEST_CASE("every rejection of a customer has its case", "[customer]") {
    check_rejections<Customer>({
        {given<Customer>(), "archive_customer {}", monday, Why::customer_not_found},
        {given<Customer>(), R"(give_consent { purpose: "x" })", monday, Why::customer_not_found},
        {given<Customer>(created), R"(create_customer { name: "李四" })", monday, Why::customer_already_exists},
        {given<Customer>(created, archived), create, monday, Why::customer_archived},
        {given<Customer>(created, archived), R"(give_consent { purpose: "x" })", monday, Why::customer_archived},
        {given<Customer>(created), R"(change_customer_details { name: "" })", monday, Why::name_missing,
         "change_customer_details.name"},
        {given<Customer>(), R"(create_customer { name: "x" birth_date: 20459 })", monday, Why::birth_date_in_future,
         "create_customer.birth_date"},
        {given<Customer>(created), R"(change_customer_details { birth_date: 20459 })", monday,
         Why::birth_date_in_future, "change_customer_details.birth_date"},
        {given<Customer>(created), R"(change_customer_details { birth_date: 1 clear_birth_date: true })", monday,
         Why::birth_date_set_and_cleared, "change_customer_details.clear_birth_date"},
        {given<Customer>(),
         "create_customer { name: \"x\" " + numbered_attributes(0, 1) + numbered_attributes(0, 1) + "}", monday,
         Why::attribute_repeated, "create_customer.attributes"},
        {given<Customer>(created),
         "change_customer_details { remove_attributes: \"k0\" " + numbered_attributes(0, 1) + "}", monday,
         Why::attribute_set_and_removed, "change_customer_details.remove_attributes"},
        {given<Customer>(created), "change_customer_details {" + numbered_attributes(0, 100) + "}", monday,
         Why::too_many_attributes, "change_customer_details.attributes"},
        {given<Customer>(),
         "create_customer { name: \"x\" " + numbered_external_ids(0, 1) + numbered_external_ids(0, 1) + "}", monday,
         Why::external_system_repeated, "create_customer.external_ids"},
        {given<Customer>(created), "change_customer_details {" + numbered_external_ids(0, 20) + "}", monday,
         Why::too_many_external_ids, "change_customer_details.external_ids"},
        {with_consents(200), R"(give_consent { purpose: "one more" })", monday, Why::too_many_consents},
        {with_withdrawals(200), R"(withdraw_consent { purpose: "offers" channel: "one more" })", monday,
         Why::too_many_withdrawals, "withdraw_consent.channel"},
    });
}

TEST_CASE("archiving an archived customer changes nothing, whatever the reason", "[customer]") {
    CHECK(given<Customer>(created, archived).when(R"(archive_customer { reason: "again" })") ==
          changes_nothing<Customer>());
}

TEST_CASE("a customer of no stated kind is a company", "[customer]") {
    CHECK(given<Customer>().when(R"(create_customer { name: "ACME" })").state.kind() == v1::COMPANY);
}

TEST_CASE("a need for a product that does not exist names the field", "[customer]") {
    const Came<Customer> came =
        given<Customer>(created).when(R"(record_customer_need { type: NEED text: "more" product_id: "p-9" })");
    REQUIRE(came.rejection.has_value());
    CHECK(came.rejection->code() == "ReferenceNotFound");
    CHECK(came.rejection->category() == v1::REFERENCE_NOT_FOUND);
    CHECK(came.rejection->field() == "record_customer_need.product_id");
}

TEST_CASE("the state keeps the latest hundred needs", "[customer]") {
    Given<Customer> many = given<Customer>(created);
    for (int i = 0; i < 100; ++i) {
        many = many.then(moment<Customer>("record_customer_need { type: NEED text: \"" + std::to_string(i) + "\" }"));
    }
    const Came<Customer> came = many.when(R"(record_customer_need { type: NEED text: "last" })");
    REQUIRE(came.state.needs_size() == 100);
    CHECK(came.state.needs(0).text() == "1");
    CHECK(came.state.needs(99).text() == "last");
}

TEST_CASE("a single channel can be withdrawn out of a consent for all, and be given again", "[customer]") {
    const auto for_all = moment<Customer>(R"(give_consent { purpose: "offers" })");
    const auto no_phone = moment<Customer>(R"(withdraw_consent { purpose: "offers" channel: "phone" })");
    const Came<Customer> came = given<Customer>(created, for_all).when(no_phone.command);
    CHECK(came.state.consents_size() == 1);
    CHECK(came.state.withdrawals_size() == 1);
    CHECK(given<Customer>(created, for_all, no_phone).when(no_phone.command) == changes_nothing<Customer>());
    const Came<Customer> given_again = given<Customer>(created, for_all, no_phone).when(for_all.command);
    CHECK(given_again.events.size() == 1);
    CHECK(given_again.state.withdrawals_size() == 0);
    CHECK(given<Customer>(created).when(no_phone.command) == changes_nothing<Customer>());
}

TEST_CASE("a consent can be renewed and withdrawn, however many there are", "[customer]") {
    const Came<Customer> renewed = with_consents(200).when(R"(give_consent { purpose: "p7" source: "letter" })");
    CHECK(renewed.events.size() == 1);
    CHECK(renewed.state.consents_size() == 200);
    CHECK(with_consents(200).when(R"(withdraw_consent { purpose: "p7" })").state.consents_size() == 199);
    CHECK(with_withdrawals(200).when(R"(withdraw_consent { purpose: "offers" channel: "c7" })") ==
          changes_nothing<Customer>());
    const Came<Customer> all = with_withdrawals(200).when(R"(withdraw_consent { purpose: "offers" })");
    CHECK(all.state.consents_size() == 0);
    CHECK(all.state.withdrawals_size() == 0);
}

TEST_CASE("a customer that has changed is not created again: it does not stand as the command says", "[customer]") {
    const auto moved = moment<Customer>(R"(change_customer_details { region: "West" })");
    CHECK(given<Customer>(created, moved).when(create) == refuses<Customer>(Why::customer_already_exists));
    const auto back = moment<Customer>(R"(change_customer_details { region: "East" })");
    CHECK(given<Customer>(created, moved, back).when(create) == changes_nothing<Customer>());
}

TEST_CASE("attributes may be exchanged at the limit, and one that is removed twice makes room for one", "[customer]") {
    const auto full = moment<Customer>("change_customer_details {" + numbered_attributes(0, 99) + "}");  // and "tier"
    const auto exchange = [&](const std::string& removed, int more) {
        return given<Customer>(created, full)
            .when("change_customer_details {" + removed + numbered_attributes(0, 3) + numbered_attributes(200, more) +
                  "}");
    };
    const std::string twice = R"(remove_attributes: "tier" remove_attributes: "tier" )";
    CHECK(exchange(twice, 1).state.attributes_size() == 100);
    CHECK(exchange(twice, 1).events.at(0).customer_details_changed().attributes_removed_size() == 1);
    CHECK(exchange(twice, 2) == refuses<Customer>(Why::too_many_attributes, "change_customer_details.attributes"));
    CHECK(exchange("", 1) == refuses<Customer>(Why::too_many_attributes, "change_customer_details.attributes"));
}

TEST_CASE("no rejection of a customer says anything personal", "[customer]") {
    for (
        const std::string command :
        {R"(create_customer { name: "Secret Person" email: "secret@example.org" phone: "12345678" birth_date: 30000 })",
         R"(create_customer { name: "Secret Person" address: "Secret Street" })",
         R"(change_customer_details { name: "Secret Person" birth_date: 30000 })"}) {
        const Came<Customer> came = given<Customer>(created).when(command);
        REQUIRE(came.rejection.has_value());
        const std::string said = came.rejection->ShortDebugString();
        CHECK(said.find("ecret") == std::string::npos);
        CHECK(said.find("张三") == std::string::npos);
        CHECK(said.find("2052") == std::string::npos);
    }
}
