#include "api/http/routes.hpp"

#include "api/http/answers.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using api::Route;
using api::Routes;

namespace {

Route route(std::string method, std::string pattern) {
    Route made;
    made.method = std::move(method);
    made.pattern = std::move(pattern);
    return made;
}

Routes some_routes() {
    Routes routes;
    routes.add(route("GET", "/v1/sales/{id}"));
    routes.add(route("GET", "/v1/sales"));
    routes.add(route("GET", "/v1/sales/{id}/history"));
    routes.add(route("POST", "/v1/sales/{id}/win-sale"));
    routes.add(route("GET", "/v1/{kind}/{id}/{what}"));
    return routes;
}

}  // namespace

TEST_CASE("a path finds its route and parameters", "[routes]") {
    const Routes routes = some_routes();
    const auto match = routes.match("GET", "/v1/sales/s%2D1/history");
    REQUIRE(match.route != nullptr);
    CHECK(match.route->pattern == "/v1/sales/{id}/history");
    CHECK(match.path_params.at("id") == "s-1");
    CHECK(routes.match("GET", "/v1/sales/a/other").route->pattern == "/v1/{kind}/{id}/{what}");
    CHECK(routes.match("HEAD", "/v1/sales").route->pattern == "/v1/sales");
    CHECK(routes.match("GET", "/v1/sales/").path_params.at("id").empty());
}

TEST_CASE("an unknown path has no route, a wrong method is told what the path takes", "[routes]") {
    const Routes routes = some_routes();
    CHECK(routes.match("GET", "/v2/sales").route == nullptr);
    CHECK(routes.match("GET", "/v2/sales").allowed.empty());
    const auto match = routes.match("DELETE", "/v1/sales");
    CHECK(match.route == nullptr);
    CHECK(match.allowed == std::vector<std::string>{"GET"});
}

TEST_CASE("two routes cannot share method and path", "[routes]") {
    Routes routes = some_routes();
    CHECK_THROWS_AS(routes.add(route("GET", "/v1/sales")), std::logic_error);
}

TEST_CASE("queries are decoded, and refused when they cannot be", "[routes]") {
    const auto query = api::parse_query("q=%E5%BC%A0+%2B&empty=&flag&&limit=5");
    REQUIRE(query);
    CHECK(*query ==
          std::vector<std::pair<std::string, std::string>>{{"q", "张 +"}, {"empty", ""}, {"flag", ""}, {"limit", "5"}});
    CHECK_FALSE(api::parse_query("q=%zz"));
    CHECK_FALSE(api::parse_query("q=%4"));
    CHECK(api::parse_query("q=%41")->front().second == "A");
}

TEST_CASE("each category of rejection has its status", "[problems]") {
    CHECK(api::status_of(v1::NOT_FOUND, false) == 404);
    CHECK(api::status_of(v1::STATE_CONFLICT, false) == 409);
    CHECK(api::status_of(v1::VERSION_CONFLICT, false) == 409);
    CHECK(api::status_of(v1::VERSION_CONFLICT, true) == 412);
    CHECK(api::status_of(v1::RULE_VIOLATED, false) == 422);
    CHECK(api::status_of(v1::REFERENCE_NOT_FOUND, false) == 422);
    CHECK(api::status_of(v1::COMMAND_ID_REUSED, false) == 409);
}

TEST_CASE("a problem says what, where and when to try again", "[problems]") {
    const auto response = api::problem(503, "ViewBehind", "not yet", "Tidemark-At-Least");
    CHECK(response.status == 503);
    CHECK(response.content_type == "application/problem+json");
    CHECK(response.body ==
          R"({"type":"urn:tidemark:problem:ViewBehind","title":"Service Unavailable","status":503,"code":"ViewBehind",)"
          R"("detail":"not yet","field":"Tidemark-At-Least","retry_after_s":1})"
          "\n");
    CHECK(response.headers == std::vector<std::pair<std::string, std::string>>{{"Retry-After", "1"}});
}
