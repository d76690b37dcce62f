#include "aggregates/product/product.hpp"

#include "tests/support/decider_tables.hpp"

using namespace tidemark;
using namespace tidemark::tests;
using aggregates::Product;
using Why = aggregates::ProductRejection;

namespace {

const std::string define = R"(define_product { code: "GTX" name: "GTX 航空" series: "GT"
                                               list_price { minor: 55000 currency: "EUR" } })";
const auto defined = moment<Product>(define);
const auto retired = moment<Product>(R"(retire_product { reason: "replaced" })");

}  // namespace

TEST_CASE("a product is defined, repriced and retired; what changes nothing yields nothing", "[product]") {
    check_commands<Product>({
        {given<Product>(), define, monday,
         R"(product_defined { code: "GTX" name: "GTX 航空" series: "GT" list_price { minor: 55000 currency: "EUR" } })"},
        {given<Product>(defined), R"(change_list_price { list_price { minor: 60000 currency: "EUR" } })", monday,
         R"(list_price_changed { from { minor: 55000 currency: "EUR" } to { minor: 60000 currency: "EUR" } })"},
        {given<Product>(defined), R"(retire_product { reason: "replaced" })", monday,
         R"(product_retired { reason: "replaced" })"},
    });
}

TEST_CASE("every rejection of a product has its case", "[product]") {
    check_rejections<Product>({
        {given<Product>(), R"(retire_product {})", monday, Why::product_not_found},
        {given<Product>(), R"(change_list_price { list_price { minor: 1 currency: "EUR" } })", monday,
         Why::product_not_found},
        {given<Product>(defined), R"(define_product { name: "another" list_price { minor: 1 currency: "EUR" } })",
         monday, Why::product_already_exists},
        {given<Product>(defined, retired), R"(change_list_price { list_price { minor: 1 currency: "EUR" } })", monday,
         Why::product_retired},
    });
}

TEST_CASE("a product that has another price by now is not defined again", "[product]") {
    const auto dearer = moment<Product>(R"(change_list_price { list_price { minor: 60000 currency: "EUR" } })");
    CHECK(given<Product>(defined, dearer).when(define) == refuses<Product>(Why::product_already_exists));
    CHECK(given<Product>(defined, retired).when(define) == changes_nothing<Product>());
}

TEST_CASE("a product without a code has its id for one", "[product]") {
    const Came<Product> came =
        given<Product>().when(R"(define_product { name: "plain" list_price { minor: 1 currency: "EUR" } })");
    CHECK(came.state.code() == "s-1");
    CHECK(came.state.defined());
}
