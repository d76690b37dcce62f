#include "tests/api/server.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::api::test;

namespace {

const std::string gauge =
    R"({"name": "Gauge", "series": "sea", "list_price": {"amount": "120.00", "currency": "EUR"}})";

Headers behind(const Reply& made) {
    return {{"Tidemark-At-Least", made.headers.at("tidemark-position")}};
}

}  // namespace

TEST_CASE("aggregates of every kind are listed", "[http]") {
    const TestServer server;
    Client client(server.port());
    for (const char* kind : {"customers", "products", "pipelines", "sales", "deliveries"}) {
        INFO(kind);
        CHECK(client.get("/v1/" + std::string(kind)).status == 200);
    }
}

TEST_CASE("a product is in the list once it is defined, and a filter that is wrong is named", "[http]") {
    const TestServer server;
    Client client(server.port());
    (void)client.post("/v1/products/p1/define-product", gauge);
    const auto made = client.post("/v1/products/p2/define-product", gauge);
    REQUIRE(made.status == 201);
    const auto retired = client.post("/v1/products/p1/retire-product", R"({"reason": "sold out"})");
    REQUIRE(retired.status == 200);
    CHECK(client.get("/v1/products?series=sea", behind(made)).json().at("products").as_array().size() == 2);
    const auto sold = client.get("/v1/products?retired=true", behind(retired)).json().at("products").as_array();
    REQUIRE(sold.size() == 1);
    CHECK(sold[0].at("id").as_string() == "p1");
    CHECK(sold[0].at("list_price").at("amount").as_string() == "120.00");
    CHECK(client.get("/v1/products?retired=perhaps").code() == "BadParameter retired");
    CHECK(client.get("/v1/products?serie=sea").code() == "UnknownParameter serie");
    CHECK(client.get("/v1/pipelines?cursor=xyz").code() == "BadParameter cursor");
}

TEST_CASE("a pipeline is in the list with its stages once it is defined", "[http]") {
    const TestServer server;
    Client client(server.port());
    const auto made = client.post("/v1/pipelines/direct/define-pipeline",
                                  R"({"name": "Direct", "stages": [{"id": "lead", "name": "Lead"}]})");
    REQUIRE(made.status == 201);
    const auto listed = client.get("/v1/pipelines?limit=1", behind(made)).json().at("pipelines").as_array();
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].at("id").as_string() == "direct");
    CHECK(listed[0].at("stages").at(0).at("id").as_string() == "lead");
}
