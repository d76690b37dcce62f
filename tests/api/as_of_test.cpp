// Questions about the past over HTTP: by either clock, by moment or by date.
#include "tests/api/server.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::api::test;

namespace {

constexpr const char* one_stage =
    R"({"name": "P", "stages": [{"id": "lead", "name": "Lead", "probability_bp": 1000}]})";

ServerOptions with_zone(const std::string& zone) {
    ServerOptions options;
    options.times.of["default"] = {.zone = zone};
    return options;
}

// A customer made on the last of March in Shanghai, half a second before its end, and changed on the first of April;
// two sales likewise.
struct Told {
    Headers seen;                        // what a question has to send along to see the customer
    std::vector<std::string> positions;  // of all of it
};
Told tell_march(Client& client, const Headers& more = {}) {
    Told told{.seen = more, .positions = {}};
    const auto post = [&](const char* path, const char* body, const char* when) {
        Headers headers = more;
        headers.emplace_back("Tidemark-Occurred-At", when);
        const auto reply = client.post(path, body, headers);
        INFO(reply.body);
        REQUIRE(reply.status < 300);
        told.positions.push_back(reply.headers.at("tidemark-position"));
    };
    post("/v1/customers/c1/create-customer", R"({"name": "March"})", "2025-03-31T15:59:59.5Z");
    post("/v1/customers/c1/change-customer-details", R"({"name": "April"})", "2025-03-31T16:00:00Z");
    told.seen.emplace_back("Tidemark-At-Least", told.positions.back());
    post("/v1/pipelines/p1/define-pipeline", one_stage, "2025-01-01T00:00:00Z");
    const char* open = R"({"owner": "ada", "pipeline_id": "p1", "amount": {"amount": "1", "currency": "EUR"}})";
    post("/v1/sales/s1/open-sale", open, "2025-03-31T15:59:59.5Z");
    post("/v1/sales/s2/open-sale", open, "2025-03-31T16:00:00Z");
    return told;
}

std::string name_at(Client& client, const std::string& query, const Headers& headers) {
    const auto reply = client.get("/v1/customers/c1?" + query, headers);
    if (reply.status != 200) return std::to_string(reply.status) + " " + reply.code();
    return std::string(reply.json().at("customer").at("name").as_string());
}

// The moment at which that version was recorded, as it is told.
std::string recorded(Client& client, int version, const Headers& headers) {
    const auto events = client.get("/v1/customers/c1/events", headers).json().at("events").as_array();
    return std::string(events.at(static_cast<std::size_t>(version - 1)).at("recorded_at").as_string());
}

std::int64_t in_funnel(Client& client, const std::string& query, const std::vector<std::string>& positions) {
    Reply reply;
    for (const std::string& position : positions) {  // the last answer has seen all of them
        reply = client.get("/v1/pipelines/p1/funnel?" + query, {{"Tidemark-At-Least", position}});
    }
    INFO(reply.body);
    REQUIRE(reply.status == 200);
    return reply.json().at("sales").to_number<std::int64_t>();
}

}  // namespace

TEST_CASE("as_of and as_of_recorded tell what was true and what was known, to the microsecond", "[http][as_of]") {
    const TestServer server;
    Client client(server.port());
    const Headers seen = tell_march(client).seen;
    CHECK(name_at(client, "as_of=2025-03-31T15:59:59.499999Z", seen) == "404 NotFound id");
    CHECK(name_at(client, "as_of=2025-03-31T15:59:59.5Z", seen) == "March");
    CHECK(name_at(client, "as_of=2025-03-31T15:59:59.999999Z", seen) == "March");
    CHECK(name_at(client, "as_of=2025-03-31T16:00:00Z", seen) == "April");
    CHECK(name_at(client, "as_of=2025-04-01T00:00:00%2B08:00", seen) == "April");
    CHECK(name_at(client, "as_of_recorded=2025-04-01T00:00:00Z", seen) == "404 NotFound id");  // it was told later
    CHECK(name_at(client, "as_of_recorded=" + recorded(client, 1, seen), seen) == "March");
    CHECK(name_at(client, "as_of_recorded=" + recorded(client, 2, seen), seen) == "April");
    CHECK(name_at(client, "version=1", seen) == "March");
    for (const char* two : {"as_of=2025-01-01&version=1", "as_of=2025-01-01&as_of_recorded=2025-01-01"}) {
        CHECK(name_at(client, two, seen) == "400 BadParameter as_of");
    }
    CHECK(name_at(client, "as_of=yesterday", seen) == "400 BadParameter as_of");
    CHECK(name_at(client, "as_of=2025-02-30", seen) == "400 BadParameter as_of");
    CHECK(name_at(client, "as_of_recorded=31.03.2026", seen) == "400 BadParameter as_of_recorded");
}

TEST_CASE("a date alone is the end of that day in the tenant's time zone", "[http][as_of]") {
    const TestServer server(with_zone("Asia/Shanghai"));
    Client client(server.port());
    const Headers seen = tell_march(client).seen;
    CHECK(name_at(client, "as_of=2025-03-30", seen) == "404 NotFound id");
    CHECK(name_at(client, "as_of=2025-03-31", seen) == "March");
    CHECK(name_at(client, "as_of=2025-04-01", seen) == "April");
    CHECK(name_at(client, "as_of_recorded=2025-04-01", seen) == "404 NotFound id");
    CHECK(name_at(client, "as_of_recorded=2199-12-31", seen) == "April");

    // In UTC, where both happened on the last of March.
    const Headers other = tell_march(client, {{"Tidemark-Tenant", "other"}}).seen;
    CHECK(name_at(client, "as_of=2025-03-30", other) == "404 NotFound id");
    CHECK(name_at(client, "as_of=2025-03-31", other) == "April");
}

TEST_CASE("the funnel and the delivery board take dates as single aggregates do", "[http][as_of]") {
    const TestServer server(with_zone("Asia/Shanghai"));
    Client client(server.port());
    auto positions = tell_march(client).positions;
    const auto planned = client.post("/v1/deliveries/d1/plan-delivery",
                                     R"({"name": "D", "owner": "ada", "kind": "PRODUCT_DELIVERY", )"
                                     R"("plan": {"start_date": "2025-04-01", "end_date": "2025-04-10"}})",
                                     {{"Tidemark-Occurred-At", "2025-03-01T00:00:00Z"}});
    INFO(planned.body);
    REQUIRE(planned.status == 201);
    const Headers seen{{"Tidemark-At-Least", planned.headers.at("tidemark-position")}};
    const auto won = client.post("/v1/sales/s2/win-sale", "", {{"Tidemark-Occurred-At", "2025-04-05T00:00:00Z"}});
    positions.push_back(won.headers.at("tidemark-position"));
    CHECK(in_funnel(client, "as_of=2025-03-30", positions) == 0);
    CHECK(in_funnel(client, "as_of=2025-03-31", positions) == 1);
    CHECK(in_funnel(client, "as_of=2025-04-01", positions) == 2);
    CHECK(in_funnel(client, "as_of_recorded=2025-04-01", positions) == 0);
    CHECK(in_funnel(client, "as_of_recorded=2199-12-31", positions) == 2);

    const auto board = [&](const char* now) {
        return client.get("/v1/deliveries/d1/board?now=" + std::string(now), seen).body;
    };
    CHECK(board("2025-04-10") == board("2025-04-10T15:59:59.999999Z"));
    CHECK(board("2025-04-10") != board("2025-04-11"));  // which is too late
}
