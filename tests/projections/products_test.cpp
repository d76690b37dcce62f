#include "projections/products/products.hpp"

#include "tests/projections/story.hpp"
#include "tests/support/fold.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::tests;
namespace products = projections::products;

namespace {

v1::ProductEvent defined(std::string name, std::string series, v1::Money price) {
    v1::ProductEvent e;
    auto& product = *e.mutable_product_defined();
    product.set_code("code of " + name);
    product.set_name(std::move(name));
    product.set_series(std::move(series));
    *product.mutable_list_price() = std::move(price);
    return e;
}

v1::ProductEvent price_changed(v1::Money from, v1::Money to) {
    v1::ProductEvent e;
    *e.mutable_list_price_changed()->mutable_from() = std::move(from);
    *e.mutable_list_price_changed()->mutable_to() = std::move(to);
    return e;
}

v1::ProductEvent retired(std::string reason) {
    v1::ProductEvent e;
    e.mutable_product_retired()->set_reason(std::move(reason));
    return e;
}

Story three_products() {
    Story story;
    story.product("p3", defined("Tide gauge", "sea", eur(90'000)), at(2026, 1, 1))
        .product("p1", defined("Rain gauge", "land", eur(12'000)), at(2026, 1, 2))
        .product("p2", defined("Wave buoy", "sea", eur(450'000)), at(2026, 1, 3))
        .product("p3", price_changed(eur(90'000), eur(95'000)), at(2026, 2, 1))
        .product("p2", retired("sold out"), at(2026, 3, 1));
    return story;
}

std::string ids(const v1::ProductList& list) {
    std::string all;
    for (const auto& product : list.products()) all.append(all.empty() ? "" : " ").append(product.id());
    return all;
}

}  // namespace

TEST_CASE("a listed product says what it is called, what it costs now, and since when", "[products]") {
    View view(products::make());
    three_products().fold_into(view);
    const auto list = products::query_list(view, {.tenant = "default"}).value();
    REQUIRE(ids(list) == "p1 p2 p3");
    const auto& gauge = list.products(2);
    CHECK(gauge.code() == "code of Tide gauge");
    CHECK(gauge.name() == "Tide gauge");
    CHECK(gauge.series() == "sea");
    CHECK(gauge.list_price().minor() == 95'000);
    CHECK(gauge.list_price().currency() == "EUR");
    CHECK_FALSE(gauge.retired());
    CHECK(gauge.version() == 2);
    CHECK(gauge.defined_at() == at(2026, 1, 1));
    CHECK(gauge.changed_at() == at(2026, 2, 1));
    CHECK(list.products(1).retired());
    CHECK(list.products(1).retire_reason() == "sold out");
}

TEST_CASE("the product list is filtered by series and by what is still sold", "[products]") {
    View view(products::make());
    three_products().fold_into(view);
    const auto listed = [&](products::ListQuery query) {
        query.tenant = "default";
        return ids(products::query_list(view, query).value());
    };
    CHECK(listed({.series = "sea"}) == "p2 p3");
    CHECK(listed({.series = "air"}).empty());
    CHECK(listed({.retired = false}) == "p1 p3");
    CHECK(listed({.series = "sea", .retired = true}) == "p2");
}

TEST_CASE("products are listed in pages, each once, and a tenant sees its own only", "[products]") {
    View view(products::make());
    Story story;
    for (int i = 100; i < 125; ++i)
        story.product("p" + std::to_string(i), defined("Gauge", i % 2 == 0 ? "sea" : "land", eur(i)), at(2026, 1, 1));
    story.product("p1", defined("Gauge", "sea", eur(1)), at(2026, 1, 1), {.tenant = "other"});
    story.fold_into(view);
    products::ListQuery query{.tenant = "default", .series = "sea", .page = {.limit = 5}};
    std::string seen;
    int pages = 0;
    do {
        const auto list = products::query_list(view, query).value();
        seen += ids(list) + " ";
        query.page.cursor = list.next_cursor();
        ++pages;
    } while (!query.page.cursor.empty());
    CHECK(pages == 3);
    CHECK(seen == "p100 p102 p104 p106 p108 p110 p112 p114 p116 p118 p120 p122 p124 ");
    CHECK(ids(products::query_list(view, {.tenant = "other"}).value()) == "p1");
    CHECK(products::query_list(view, {.tenant = "other", .page = {.limit = 0}}).error().field == "limit");
    CHECK(products::query_list(view, {.tenant = "other", .page = {.cursor = "x"}}).error().field == "cursor");
}
