#include "projections/customers/customers.hpp"

#include "tests/projections/story.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::tests;
namespace customers = projections::customers;

namespace {

v1::CustomerEvent created(std::string name, std::string phone = "", std::string email = "", std::string owner = "ada") {
    v1::CustomerEvent e;
    auto& c = *e.mutable_customer_created();
    c.mutable_name()->set_clear(std::move(name));
    c.mutable_phone()->set_clear(std::move(phone));
    c.mutable_email()->set_clear(std::move(email));
    c.set_owner(std::move(owner));
    c.set_region("north");
    c.set_kind(v1::COMPANY);
    return e;
}

v1::CustomerEvent renamed(std::string name) {
    v1::CustomerEvent e;
    e.mutable_customer_details_changed()->mutable_name()->set_clear(std::move(name));
    return e;
}

v1::CustomerEvent with_phone(std::string phone) {
    v1::CustomerEvent e;
    e.mutable_customer_details_changed()->mutable_phone()->set_clear(std::move(phone));
    return e;
}

v1::CustomerEvent archived() {
    v1::CustomerEvent e;
    e.mutable_customer_archived()->set_reason("gone");
    return e;
}

Story a_few_customers() {
    Story story;
    story.customer("c1", created("Acme Müller GmbH", "+49 (30) 1234-567", "Info@Acme.example"), at(2026, 1, 1))
        .customer("c2", created("张三丰", "010-8888", "zhang@example.cn", "bob"), at(2026, 1, 2))
        .customer("c3", created("北京张氏贸易有限公司", "", "office@zhang.example"), at(2026, 1, 3))
        .customer("c4", created("ＦＵＬＬＷＩＤＴＨ Co", "0049301234567"), at(2026, 1, 4));
    return story;
}

std::string ids(const v1::CustomerList& list) {
    std::string all;
    for (const auto& c : list.customers()) all.append(all.empty() ? "" : " ").append(c.id());
    return all;
}

std::string search(const View& view, std::string text) {
    return ids(customers::query_list(view, {.tenant = "default", .search = std::move(text)}).value());
}

}  // namespace

TEST_CASE("customers are found by any part of their name, in Chinese too", "[customers]") {
    View view(customers::make());
    a_few_customers().fold_into(view);
    CHECK(search(view, "acme") == "c1");
    CHECK(search(view, "MÜLLER g") == "c1");
    CHECK(search(view, "张") == "c3 c2");  // in order of name
    CHECK(search(view, "张三") == "c2");
    CHECK(search(view, "三丰") == "c2");
    CHECK(search(view, "贸易有限") == "c3");
    CHECK(search(view, "fullwidth") == "c4");
    CHECK(search(view, "三张").empty());
    CHECK(search(view, "üll") == "c1");
    CHECK(search(view, "me mü") == "c1");
    CHECK(search(view, " ＡＣＭＥ   müller") == "c1");
}

TEST_CASE("customers are found by email, and by phone whatever its punctuation", "[customers]") {
    View view(customers::make());
    a_few_customers().fold_into(view);
    CHECK(search(view, "info@acme") == "c1");
    CHECK(search(view, "example.cn") == "c2");
    CHECK(search(view, "zhang") == "c3 c2");
    CHECK(search(view, "30 1234567") == "c1 c4");
    CHECK(search(view, "(0)10/88") == "c2");
    CHECK(search(view, "01088") == "c2");
    CHECK(search(view, "example 49").empty());
    auto story = a_few_customers();
    story.customer("c1", with_phone("+44 20 7946"), at(2026, 2, 1));
    View later(customers::make());
    story.fold_into(later);
    CHECK(search(later, "30 1234567") == "c4");
    CHECK(search(later, "207946") == "c1");
    CHECK(search(later, "info@acme") == "c1");
}

TEST_CASE("a single letter finds the words that begin with it", "[customers]") {
    View view(customers::make());
    a_few_customers().fold_into(view);
    CHECK(search(view, "g") == "c1");
    CHECK(search(view, "Ｅ") == "c1 c3 c2");  // of an email
    CHECK(search(view, "4") == "c1");         // of a phone
    CHECK(search(view, "?").empty());
}

TEST_CASE("a changed name is found, the former one no longer", "[customers]") {
    View view(customers::make());
    auto story = a_few_customers();
    story.customer("c2", renamed("李四"), at(2026, 2, 1));
    story.fold_into(view);
    CHECK(search(view, "李四") == "c2");
    CHECK(search(view, "三丰").empty());
    CHECK(search(view, "zhang@") == "c2");
    const auto by_name =
        customers::query_list(view, {.tenant = "default", .order = customers::OrderBy::by_name}).value();
    CHECK(ids(by_name) == "c1 c4 c3 c2");
    CHECK(customers::query_one(view, "default", "c2")->version() == 2);
}

TEST_CASE("customers are listed in pages, each once", "[customers]") {
    View view(customers::make());
    Story story;
    for (int i = 100; i < 125; ++i)
        story.customer("c" + std::to_string(i), created("Name " + std::to_string(999 - i)), at(2026, 1, 1));
    story.fold_into(view);
    for (const auto order : {customers::OrderBy::by_id, customers::OrderBy::by_name}) {
        std::string seen;
        customers::ListQuery query{.tenant = "default", .order = order, .page = {.limit = 10}};
        int pages = 0;
        do {
            const auto list = customers::query_list(view, query).value();
            seen += ids(list) + " ";
            query.page.cursor = list.next_cursor();
            ++pages;
        } while (!query.page.cursor.empty());
        CHECK(pages == 3);
        CHECK(seen.size() == 25 * 5);
    }
    customers::ListQuery found{.tenant = "default", .search = "name", .page = {.limit = 24}};
    const auto first = customers::query_list(view, found).value();
    CHECK(first.customers_size() == 24);
    found.page.cursor = first.next_cursor();
    CHECK(ids(customers::query_list(view, found).value()) == "c100");  // the last by name
}

TEST_CASE("the customer list is filtered", "[customers]") {
    View view(customers::make());
    auto story = a_few_customers();
    story.customer("c4", archived(), at(2026, 2, 1));
    story.fold_into(view);
    const auto listed = [&](customers::ListQuery query) {
        query.tenant = "default";
        return ids(customers::query_list(view, query).value());
    };
    CHECK(listed({.owner = "bob"}) == "c2");
    CHECK(listed({.region = "south"}).empty());
    CHECK(listed({.kind = v1::PERSON}).empty());
    CHECK(listed({.archived = true}) == "c4");
    CHECK(listed({.archived = false}) == "c1 c2 c3");
    CHECK(listed({.search = "张", .owner = "ada"}) == "c3");
}

TEST_CASE("a tenant sees its own customers only, and a cursor does not lead out", "[customers]") {
    View view(customers::make());
    Story story;
    story.customer("c1", created("Acme"), at(2026, 1, 1), {.tenant = "a"})
        .customer("c2", created("Acme"), at(2026, 1, 1), {.tenant = "ab"});
    story.fold_into(view);
    CHECK(ids(customers::query_list(view, {.tenant = "a"}).value()) == "c1");
    CHECK(ids(customers::query_list(view, {.tenant = "ab", .search = "acme"}).value()) == "c2");
    CHECK(ids(customers::query_list(view, {.tenant = "a", .page = {.cursor = "ff"}}).value()).empty());
    CHECK(customers::query_list(view, {.tenant = "a", .page = {.cursor = "xyz"}}).error().field == "cursor");
    CHECK(customers::query_list(view, {.tenant = "a", .page = {.limit = 0}}).error().field == "limit");
}
