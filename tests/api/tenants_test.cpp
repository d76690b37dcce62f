// Two tenants on one server: the same ids, and nothing of one to be seen by the other.
#include "api/http/answers.pb.h"
#include "tests/api/server.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/io/coded_stream.h>

using namespace tidemark;
using namespace tidemark::api::test;

namespace {

const Headers acme{{"Tidemark-Tenant", "acme"}};
const Headers beta{{"Tidemark-Tenant", "beta"}};

Headers with(Headers headers, const std::string& name, const std::string& value) {
    headers.emplace_back(name, value);
    return headers;
}

// A customer, a product, a pipeline with a sale, a delivery, and a refusal; where each of them stands.
std::vector<std::string> live(Client& client, const Headers& tenant, const std::string& mark) {
    std::vector<std::string> positions;
    const auto post = [&](const std::string& path, const std::string& body) {
        const auto reply = client.post("/v1/" + path, body, with(tenant, "Idempotency-Key", "id-" + path.substr(0, 4)));
        INFO(path << ": " << reply.body);
        REQUIRE(reply.status < 300);
        positions.push_back(reply.headers.at("tidemark-position"));
    };
    post("customers/c1/create-customer", R"({"name": "Customer of )" + mark + "\"}");
    post("products/p1/define-product",
         R"({"name": "Product of )" + mark + R"(", "list_price": {"amount": "1", "currency": "EUR"}})");
    post("pipelines/l1/define-pipeline",
         R"({"name": "Pipeline of )" + mark + R"(", "stages": [{"id": "a", "name": "A", "probability_bp": 1}]})");
    post("sales/s1/open-sale", R"({"owner": "Owner of )" + mark + R"(", "pipeline_id": "l1", "customer_id": "c1", )" +
                                   R"("amount": {"amount": "5", "currency": "EUR"}})");
    post("deliveries/d1/plan-delivery", R"({"name": "Delivery of )" + mark +
                                            R"(", "owner": "o", "kind": "PRODUCT_DELIVERY", )"
                                            R"("plan": {"start_date": "2026-01-01", "end_date": "2026-02-01"}})");
    const auto refused = client.post("/v1/customers/none-of-" + mark + "/archive-customer", "", tenant);
    REQUIRE(refused.status == 404);
    positions.push_back(refused.headers.at("tidemark-position"));
    return positions;
}

// The answer that has seen all of these.
Reply ask(Client& client, const std::string& question, const Headers& tenant,
          const std::vector<std::string>& positions) {
    Reply reply;
    for (const std::string& position : positions) {
        reply = client.get(question, with(tenant, "Tidemark-At-Least", position));
    }
    return reply;
}

const std::vector<std::string> questions{"/v1/customers?limit=100",
                                         "/v1/customers?q=Customer",
                                         "/v1/customers/c1",
                                         "/v1/customers/c1/events",
                                         "/v1/customers/c1/overview",
                                         "/v1/products?limit=100",
                                         "/v1/products/p1",
                                         "/v1/pipelines?limit=100",
                                         "/v1/pipelines/l1/funnel",
                                         "/v1/sales?limit=100",
                                         "/v1/sales/s1",
                                         "/v1/forecast",
                                         "/v1/reports/sales",
                                         "/v1/deliveries?limit=100",
                                         "/v1/deliveries/d1/board",
                                         "/v1/rejections",
                                         "/v1/rejections/counts",
                                         "/v1/kpis/sales_opened?grain=year&by=owner",
                                         "/v1/kpis/open_pipeline_value?grain=year",
                                         "/v1/events?limit=1000&outcomes=true"};

// Records behind their lengths.
std::vector<v1::EventRecord> delimited(const std::string& bytes) {
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                              static_cast<int>(bytes.size()));
    std::vector<v1::EventRecord> all;
    for (std::uint32_t size = 0; in.ReadVarint32(&size);) {
        const auto limit = in.PushLimit(static_cast<int>(size));
        REQUIRE(all.emplace_back().ParseFromCodedStream(&in));
        REQUIRE(in.BytesUntilLimit() == 0);
        in.PopLimit(limit);
    }
    REQUIRE(in.CurrentPosition() == static_cast<int>(bytes.size()));
    return all;
}

}  // namespace

TEST_CASE("what one tenant has is not there for another, by any question", "[http][tenants]") {
    const TestServer server;
    Client client(server.port());
    const auto here = live(client, acme, "acme");
    int told = 0;
    for (const std::string& question : questions) {
        INFO(question);
        const auto reply = ask(client, question, beta, here);
        INFO(reply.body);
        const bool one = question.find("/c1") != std::string::npos || question.find("/p1") != std::string::npos ||
                         question.find("/l1") != std::string::npos || question.find("/s1") != std::string::npos ||
                         question.find("/d1") != std::string::npos;
        CHECK(reply.status == (one ? 404 : 200));
        CHECK(reply.body.find("acme") == std::string::npos);
        told += ask(client, question, acme, here).body.find("acme") != std::string::npos ? 1 : 0;
    }
    CHECK(told >= 14);                                               // most questions would tell, if they told
    CHECK(ask(client, "/v1/customers/c1", {}, here).status == 404);  // nor for the default one
    CHECK(client.get("/v1/customers", {{"Tidemark-Tenant", "a b"}}).code() == "BadParameter Tidemark-Tenant");
}

TEST_CASE("the same ids of streams and commands are others for another tenant", "[http][tenants]") {
    const TestServer server;
    Client client(server.port());
    live(client, acme, "acme");
    const auto here = live(client, beta, "beta");  // every command is accepted, and none is a repeated one
    for (const std::string& question : questions) {
        INFO(question);
        const auto reply = ask(client, question, beta, here);
        INFO(reply.body);
        CHECK(reply.status == 200);
        CHECK(reply.body.find("acme") == std::string::npos);
    }
    CHECK(ask(client, "/v1/sales/s1", beta, here).body.find("Owner of beta") != std::string::npos);
}

TEST_CASE("a reference does not reach into another tenant, and a cursor or a position carries none over",
          "[http][tenants]") {
    const TestServer server;
    Client client(server.port());
    live(client, acme, "acme");
    const auto open =
        client.post("/v1/sales/s9/open-sale",
                    R"({"owner": "o", "pipeline_id": "l1", "amount": {"amount": "1", "currency": "EUR"}})", beta);
    CHECK(open.code() == "ReferenceNotFound pipeline_id");
    REQUIRE(client.post("/v1/customers/c2/create-customer", R"({"name": "Second of acme"})", acme).status == 201);
    const auto first = client.get("/v1/events?limit=1", acme);
    REQUIRE(first.status == 200);
    const std::string cursor(boost::json::parse(first.body).as_object().at("cursor").as_string());
    const auto over = client.get("/v1/events?limit=1000&cursor=" + cursor, beta);
    CHECK(over.status == 200);
    CHECK(over.body.find("acme") == std::string::npos);
}

TEST_CASE("a stream of commands goes to the tenant of its header, unless a line names another", "[http][tenants]") {
    const TestServer server;
    Client client(server.port());
    const auto reply =
        client.post("/v1/commands",
                    R"({"stream_id":"c1","command_id":"1","customer":{"create_customer":{"name":"A"}}})"
                    "\n"
                    R"({"tenant":"beta","stream_id":"c2","command_id":"1","customer":{"create_customer":{"name":"B"}}})"
                    "\n",
                    acme, "application/x-ndjson");
    CHECK(reply.status == 200);
    const auto kinds = [&](const Headers& tenant) { return client.get("/v1/events", tenant).body; };
    CHECK(kinds(acme).find("\"stream_id\":\"c1\"") != std::string::npos);
    CHECK(kinds(acme).find("\"stream_id\":\"c2\"") == std::string::npos);
    CHECK(kinds(beta).find("\"stream_id\":\"c2\"") != std::string::npos);
    CHECK(kinds({}).empty());
}

TEST_CASE("the feed as length-delimited Protobuf holds what it holds as NDJSON", "[http][feed]") {
    const TestServer server;
    Client client(server.port());
    live(client, acme, "acme");
    const Headers protobuf = with(acme, "Accept", "application/x-protobuf-delimited");
    const auto reply = client.get("/v1/events?limit=100&outcomes=true", protobuf);
    CHECK(reply.status == 200);
    CHECK(reply.headers.at("content-type") == "application/x-protobuf-delimited");
    const auto records = delimited(reply.body);
    const auto lines = client.get("/v1/events?limit=100&outcomes=true", acme).body;
    REQUIRE(records.size() == static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')));
    REQUIRE(records.size() == 6);
    std::size_t at = 0;
    for (const v1::EventRecord& record : records) {
        const std::size_t end = lines.find('\n', at);
        const auto line = boost::json::parse(lines.substr(at, end - at)).as_object();
        CHECK(record.event_id() == line.at("event_id").as_string());
        CHECK(record.type() == line.at("type").as_string());
        CHECK(record.cursor() == line.at("cursor").as_string());
        CHECK(record.payload_case() != v1::EventRecord::PAYLOAD_NOT_SET);
        at = end + 1;
    }
    // Resumed from a cursor in the middle.
    const auto rest = delimited(client.get("/v1/events?outcomes=true&cursor=" + records[2].cursor(), protobuf).body);
    REQUIRE(rest.size() == 3);
    CHECK(rest[0].event_id() == records[3].event_id());
}
