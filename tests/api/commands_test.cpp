#include "aggregates/command.pb.h"
#include "tests/api/server.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::api::test;

namespace {

const std::string ada = R"({"name": "Ada Lovelace", "email": "ada@example.com"})";

std::string product_line(const std::string& id, const std::string& command_id, const std::string& amount) {
    return R"({"stream_id":")" + id + R"(","command_id":")" + command_id +
           R"(","product":{"define_product":{"name":"P","list_price":{"amount":")" + amount +
           R"(","currency":"EUR"}}}})"
           "\n";
}

std::vector<boost::json::object> lines_of(const std::string& body) {
    std::vector<boost::json::object> lines;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t end = body.find('\n', at);
        lines.push_back(boost::json::parse(body.substr(at, end - at)).as_object());
        at = end + 1;
    }
    return lines;
}

}  // namespace

TEST_CASE("a command is done once, and its answer says where it stands", "[http]") {
    const TestServer server;
    Client client(server.port());
    const auto first = client.post("/v1/customers/c1/create-customer", ada, {{"Idempotency-Key", "k1"}});
    CHECK(first.status == 201);
    CHECK(first.headers.at("etag") == "\"1\"");
    CHECK(first.headers.at("location") == "/v1/customers/c1");
    CHECK(first.headers.at("idempotency-key") == "k1");
    const auto outcome = first.json();
    CHECK(outcome.at("status").as_string() == "ACCEPTED");
    CHECK(outcome.at("event_ids").as_array().size() == 1);

    const auto again = client.post("/v1/customers/c1/create-customer", ada, {{"Idempotency-Key", "k1"}});
    CHECK(again.status == 201);
    CHECK(again.json().at("repeated").as_bool());
    CHECK(again.json().at("event_ids") == outcome.at("event_ids"));

    const auto other =
        client.post("/v1/customers/c1/create-customer", R"({"name": "Bob"})", {{"Idempotency-Key", "k1"}});
    CHECK(other.status == 409);
    CHECK(other.json().at("category").as_string() == "COMMAND_ID_REUSED");
    CHECK(other.json().at("field").as_string() == "Idempotency-Key");
    CHECK_FALSE(other.json().contains("version"));  // it was not asked for
}

TEST_CASE("a command without an id is given one, and told", "[http]") {
    const TestServer server;
    Client client(server.port());
    const auto made = client.post("/v1/customers/c1/create-customer", ada);
    CHECK(made.status == 201);
    CHECK(made.headers.at("idempotency-key").size() == 36);
}

TEST_CASE("one's own write is seen by who asks with its position", "[http]") {
    const TestServer server;
    Client client(server.port());
    for (int i = 0; i < 20; ++i) {
        const std::string id = "c" + std::to_string(i);
        const auto made = client.post("/v1/customers/" + id + "/create-customer", R"({"name": "张三 )" + id + "\"}");
        REQUIRE(made.status == 201);
        const Headers at_least{{"Tidemark-At-Least", made.headers.at("tidemark-position")}};
        CHECK(client.get("/v1/customers/" + id, at_least).status == 200);
        CHECK(client.get("/v1/customers/" + id + "/overview", at_least).status == 200);
        const auto found = client.get("/v1/customers?q=%E5%BC%A0%E4%B8%89&limit=1000", at_least);
        CHECK(found.json().at("customers").as_array().size() == static_cast<std::size_t>(i + 1));
    }
    CHECK(client.get("/v1/customers", {{"Tidemark-At-Least", "nonsense"}}).code() == "BadPosition Tidemark-At-Least");
}

TEST_CASE("If-Match and If-None-Match hold a command to a version", "[http]") {
    const TestServer server;
    Client client(server.port());
    CHECK(client.post("/v1/customers/c1/create-customer", ada, {{"If-None-Match", "*"}}).status == 201);
    CHECK(client.post("/v1/customers/c1/create-customer", ada, {{"If-None-Match", "*"}}).status == 412);
    const std::string change = R"({"owner": "bob"})";
    CHECK(client.post("/v1/customers/c1/change-customer-details", change, {{"If-Match", "\"7\""}}).status == 412);
    CHECK(client.post("/v1/customers/c1/change-customer-details", change, {{"If-Match", "\"7\""}}).code() ==
          "VersionConflict If-Match");
    CHECK(client.post("/v1/customers/c1/create-customer", ada, {{"If-None-Match", "*"}}).code() ==
          "VersionConflict If-None-Match");
    const auto changed = client.post("/v1/customers/c1/change-customer-details", change, {{"If-Match", "\"1\""}});
    CHECK(changed.status == 200);
    CHECK(changed.headers.at("etag") == "\"2\"");
    CHECK(client.post("/v1/customers/c1/archive-customer", "", {{"If-Match", "2"}}).code() == "BadHeader If-Match");

    const Headers at_least{{"Tidemark-At-Least", changed.headers.at("tidemark-position")}, {"If-None-Match", "\"2\""}};
    const auto same = client.get("/v1/customers/c1", at_least);
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(client.get("/v1/customers/c1?version=1").headers.at("etag") == "\"1\"");
}

TEST_CASE("what is wrong with a command is answered with status, code and field", "[http]") {
    const TestServer server;
    Client client(server.port());
    const auto post = [&](const std::string& what, const std::string& body) {
        const auto reply = client.post("/v1/" + what, body);
        CHECK(reply.headers.at("content-type") == "application/problem+json");
        return std::to_string(reply.status) + " " + reply.code();
    };
    CHECK(post("customers/c1/create-customer", "{") == "400 NotJson ");
    CHECK(post("customers/c1/create-customer", R"({"nmae": "x"})") == "400 UnknownField nmae");
    CHECK(post("customers/c1/create-customer", R"({"name": 3})") == "400 WrongType name");
    CHECK(post("customers/c1/create-customer", "{\"name\": \"\xff\"}") == "400 BadUtf8 name");
    CHECK(post("customers/c1/create-customer", "{}") == "422 Required name");
    CHECK(post("customers/c1/create-customer", R"({"name": ")" + std::string(101, 'x') + "\"}") == "422 TooLong name");
    CHECK(post("customers/%20/create-customer", R"({"name": "x"})") == "422 BadFormat id");
    CHECK(post("products/p1/define-product", R"({"name": "P", "list_price": {"amount": "-1", "currency": "EUR"}})") ==
          "422 NegativeAmount list_price");
    CHECK(post("products/p1/define-product", R"({"name": "P", "list_price": {"amount": "1", "currency": "ZZZ"}})") ==
          "400 UnknownCurrency list_price.currency");
    CHECK(post("customers/nobody/archive-customer", "").starts_with("404 "));
    CHECK(post("sales/s1/open-sale", R"({"owner": "ada", "pipeline_id": "nowhere"})") ==
          "422 ReferenceNotFound pipeline_id");
    CHECK(client.post("/v1/customers/c1/create-customer", ada, {{"Idempotency-Key", "a b"}}).code() ==
          "BadFormat Idempotency-Key");
    CHECK(client.post("/v1/customers/c1/create-customer", ada, {{"Tidemark-Occurred-At", "today"}}).code() ==
          "BadHeader Tidemark-Occurred-At");
    CHECK(client.post("/v1/customers/c1/create-customer", ada, {{"Tidemark-Occurred-At", "2199-01-01T00:00:00Z"}})
              .code() == "TimeInFuture Tidemark-Occurred-At");
    CHECK(client.post("/v1/customers/c1/create-customer", ada, {}, "text/plain").status == 415);
    CHECK(client.get("/v1/customers/c1").status == 404);
}

TEST_CASE("Protobuf bodies are taken and given as JSON is", "[http]") {
    const TestServer server;
    Client client(server.port());
    v1::CreateCustomer create;
    create.set_name("张三");
    const auto made = client.post("/v1/customers/c1/create-customer", create.SerializeAsString(),
                                  {{"Accept", "application/x-protobuf"}}, "application/x-protobuf");
    REQUIRE(made.status == 201);
    v1::Outcome outcome;
    REQUIRE(outcome.ParseFromString(made.body));
    CHECK(outcome.status() == v1::ACCEPTED);
    CHECK(client.post("/v1/customers/c2/create-customer", "\xff\xff", {}, "application/x-protobuf").code() ==
          "NotProtobuf ");
    CHECK(client.post("/v1/customers/c2/create-customer", std::string("\xf8\x7f\x01", 3), {}, "application/x-protobuf")
              .code() == "UnknownField ");
}

TEST_CASE("a bulk stream has an outcome per line, in order; a bad line costs only itself", "[http][bulk]") {
    const TestServer server;
    Client client(server.port());
    std::string body;
    constexpr std::size_t lines = 3'000;
    for (std::size_t i = 0; i < lines; ++i) {
        const std::string n = std::to_string(i);
        body += i % 100 == 7 ? "not a command\n"
                             : product_line("p" + std::to_string(i % 500), "k" + n, i % 100 == 8 ? "-1" : "1");
    }
    const auto reply = client.post("/v1/commands", body, {}, "application/x-ndjson");
    CHECK(reply.status == 200);
    const auto outcomes = lines_of(reply.body);
    REQUIRE(outcomes.size() == lines);
    for (std::size_t i = 0; i < lines; ++i) {
        INFO("line " << i << ": " << boost::json::serialize(outcomes[i]));
        const std::string status(outcomes[i].at("status").as_string());
        if (i % 100 == 7) {
            CHECK(status == "INVALID");
            continue;
        }
        CHECK(outcomes[i].at("command_id").as_string() == "k" + std::to_string(i));
        CHECK((status == "INVALID") == (i % 100 == 8));
    }
    CHECK(client.get("/healthz").status == 200);  // the connection is still good
}

TEST_CASE("outcomes come while the stream is still being sent", "[http][bulk]") {
    const TestServer server;
    Client client(server.port());
    client.send(
        "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(client.read_head().status == 200);
    for (int i = 0; i < 5; ++i) {
        const std::string line = product_line("p" + std::to_string(i), "k" + std::to_string(i), "1");
        client.send_chunk(line.substr(0, 20));
        client.send_chunk(line.substr(20));
        CHECK(boost::json::parse(client.read_line()).as_object().at("command_id").as_string() ==
              "k" + std::to_string(i));
    }
    client.finish_chunks();
    CHECK(client.read_rest().empty());
    CHECK(client.get("/healthz").status == 200);
}

TEST_CASE("a full queue is 503 with Retry-After for one command, and waiting for a stream", "[http][bulk]") {
    ServerOptions options;
    options.processor.queue_commands = 3;
    options.processor.group_records = 1;
    options.http.stream_window = 64;
    TestServer server(options);
    server.log.hold();  // nothing is answered until release, unless it is refused
    const std::string body = R"({"name": "P", "list_price": {"amount": "1", "currency": "EUR"}})";
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<Client>(server.port()));
        clients.back()->send("POST /v1/products/w" + std::to_string(i) +
                             "/define-product HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                             "Content-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    Client other(server.port());
    const auto refused = [&] {
        return std::count_if(clients.begin(), clients.end(), [](const auto& client) { return client->has_answer(); });
    };
    for (const auto deadline = std::chrono::steady_clock::now() + 20s; refused() < 10;) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        REQUIRE(other.get("/healthz").status == 200);
    }

    std::string lines;
    for (int i = 0; i < 500; ++i) lines += product_line("b" + std::to_string(i), "k" + std::to_string(i), "1");
    other.send(
        "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: " +
        std::to_string(lines.size()) + "\r\n\r\n" + lines);
    server.log.release();
    const auto outcomes = lines_of(other.read_reply().body);
    REQUIRE(outcomes.size() == 500);
    for (const auto& outcome : outcomes) CHECK(outcome.at("status").as_string() == "ACCEPTED");
    for (const auto& client : clients) {
        const auto reply = client->read_reply();
        CHECK((reply.status == 201 || reply.status == 503));
        if (reply.status == 503) CHECK(reply.headers.at("retry-after") == "1");
    }
}

TEST_CASE("stopping answers what was read of a stream", "[http][bulk]") {
    TestServer server;
    Client client(server.port());
    client.send(
        "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(client.read_head().status == 200);
    client.send_chunk(product_line("p1", "k1", "1"));
    CHECK(client.read_line().find("ACCEPTED") != std::string::npos);
    client.send_chunk(product_line("p2", "k2", "1") + R"({"stream_id": "half)");
    CHECK(client.read_line().find("ACCEPTED") != std::string::npos);
    server.stop();
    CHECK_THROWS_WITH(client.read_line(), Catch::Contains("the stream has ended"));
}

TEST_CASE("a stream that breaks off leaves no connection behind", "[http][bulk]") {
    TestServer server;
    {
        Client cut(server.port());
        cut.send(
            "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
        CHECK(cut.read_head().status == 200);
        cut.send_chunk(product_line("p1", "k1", "1"));
        CHECK(cut.read_line().find("ACCEPTED") != std::string::npos);
    }
    Client framing(server.port());
    framing.send(
        "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        "Transfer-Encoding: chunked\r\n\r\nno chunk at all\r\n");
    Client other(server.port());
    const auto open_connections = [&] {
        const std::string text = other.get("/metrics").body;
        const auto at = text.find("\ntidemark_http_connections ");
        REQUIRE(at != std::string::npos);
        return std::stoi(text.substr(at + 1 + std::string("tidemark_http_connections ").size()));
    };
    for (const auto deadline = std::chrono::steady_clock::now() + 20s; open_connections() > 1;) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    }
}
