#include "tests/api/server.hpp"

#include "api/http/context.hpp"
#include "api/http/openapi.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <fstream>
#include <sstream>

using namespace tidemark;
using namespace tidemark::api::test;

namespace {

const std::string get_line = "GET /healthz HTTP/1.1\r\n";
const std::string host = "Host: localhost\r\n";

// Sends bytes as they are; the status of the answer, after which the connection must be closed.
unsigned refused(std::uint16_t port, const std::string& bytes) {
    Client client(port);
    client.send(bytes);
    const auto reply = client.read_reply();
    CHECK(reply.closed);
    return reply.status;
}

void make_customers(Client& client, int from, int to) {
    for (int i = from; i < to; ++i) {
        const std::string id = "c" + std::to_string(i);
        REQUIRE(client.post("/v1/customers/" + id + "/create-customer", R"({"name": "N"})").status == 201);
    }
}

std::string json_path() {
    return std::string(TIDEMARK_SOURCE_DIR) + "/api/openapi.json";
}

}  // namespace

TEST_CASE("shapes that smuggle requests are answered 400 and the connection is closed", "[http]") {
    const TestServer server;
    const auto port = server.port();
    const std::string post = "POST /v1/customers/c/create-customer HTTP/1.1\r\n" + host;
    CHECK(refused(port, post + "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}") == 400);
    CHECK(refused(port, post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n") == 400);
    CHECK(refused(port, post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n") == 400);
    CHECK(refused(port, post + "Transfer-Encoding: identity\r\n\r\n") == 400);
    CHECK(refused(port, post + "Content-Length: 5, 5\r\n\r\nhello") == 400);
    CHECK(refused(port, "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
    CHECK(refused(port, get_line + "\r\n") == 400);
    CHECK(refused(port, get_line + host + host + "\r\n") == 400);
    CHECK(refused(port, get_line + host + "X: a\r\n folded\r\n\r\n") == 400);
    CHECK(refused(port, get_line + host + "Authorization: a\r\nAuthorization: b\r\n\r\n") == 400);
    CHECK(refused(port, post + "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n") == 400);
    CHECK(refused(port, "GET / HTTP/3.0\r\n" + host + "\r\n") == 505);
}

TEST_CASE("requests are bounded in head, fields and body", "[http]") {
    ServerOptions options;
    options.http.body_bytes = 1'000;
    options.http.head_bytes = 2'000;
    const TestServer server(options);
    const auto port = server.port();
    CHECK(refused(port, get_line + host + "X: " + std::string(3'000, 'x') + "\r\n\r\n") == 431);
    std::string fields;
    for (int i = 0; i < 70; ++i) fields += "a" + std::to_string(i) + ": 1\r\n";
    CHECK(refused(port, get_line + host + fields + "\r\n") == 431);
    const std::string post =
        "POST /v1/customers/c/create-customer HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n";
    CHECK(refused(port, post + "Content-Length: 1001\r\n\r\n") == 413);
    CHECK(refused(port, post + "Transfer-Encoding: chunked\r\n\r\n" + "3e9\r\n" + std::string(1'001, ' ') +
                            "\r\n0\r\n\r\n") == 413);
}

TEST_CASE("a request that does not arrive in time ends its connection", "[http]") {
    ServerOptions options;
    options.http.deadline = 50ms;
    const TestServer server(options);
    for (const std::string& half :
         {get_line, "POST /v1/customers/c/create-customer HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n{"}) {
        Client client(server.port());
        client.send(half);
        CHECK_THROWS_WITH(client.read_reply(), Catch::Contains("the server closed the connection"));
    }
}

TEST_CASE("a command without an answer in time is told its id, so that it can be sent again", "[http]") {
    ServerOptions options;
    options.http.deadline = 50ms;
    TestServer server(options);
    Client client(server.port());
    server.log.hold();  // no append returns
    const auto late = client.post("/v1/customers/c/create-customer", R"({"name": "N"})");
    CHECK(late.status == 503);
    CHECK(late.json().at("code").as_string() == "DeadlineExceeded");
    CHECK(late.headers.at("idempotency-key").size() == 36);
    server.log.release();
}

TEST_CASE("a log that hangs makes answers slow, then 503 in words; when it goes on, so does everything", "[http]") {
    ServerOptions options;
    options.http.deadline = 500ms;
    options.processor.queue_commands = 4;
    options.processor.group_records = 2;  // decided while the log hangs; what comes behind them waits in the queue
    TestServer server(options);
    Client client(server.port());
    make_customers(client, 0, 1);
    const auto create = [](const std::string& id) {
        return "POST /v1/customers/" + id + "/create-customer HTTP/1.1\r\n" + host + "Idempotency-Key: of-" + id +
               "\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"name\": \"N\"}";
    };
    {
        // Slow: the answer comes when the block has been written.
        server.log.hold();
        Client slow(server.port());
        slow.send(create("slow"));
        CHECK(client.get("/v1/customers/c0").status == 200);  // queries go on
        CHECK_FALSE(slow.has_answer());
        server.log.release();
        CHECK(slow.read_reply().status == 201);
    }
    // Hung: whoever waits too long is told so, whoever finds no room at once.
    server.log.hold();
    std::vector<std::unique_ptr<Client>> waiting;
    std::size_t late = 0, full = 0;
    for (int i = 0; i < 12; ++i) {
        waiting.push_back(std::make_unique<Client>(server.port()));
        waiting.back()->send(create("hung-" + std::to_string(i)));
    }
    for (const auto& one : waiting) {
        const auto reply = one->read_reply();
        CHECK(reply.status == 503);
        const std::string code(reply.json().at("code").as_string());
        late += code == "DeadlineExceeded" ? 1u : 0u;
        full += code == "Unavailable" ? 1u : 0u;
        if (code == "Unavailable") {
            CHECK(reply.headers.contains("retry-after"));
            CHECK_THAT(std::string(reply.json().at("detail").as_string()),
                       Catch::Contains("queue of commands is full"));
        }
    }
    CHECK(late > 0);
    CHECK(full > 0);
    CHECK(late + full == waiting.size());
    // It recovers: each is done once, whatever its first sender was told.
    server.log.release();
    for (int i = 0; i < 12; ++i) {
        Client again(server.port());
        again.send(create("hung-" + std::to_string(i)));
        const auto reply = again.read_reply();
        CHECK(reply.status == 201);
        CHECK(reply.json().at("version") == 1);
    }
}

TEST_CASE("connections beyond the cap are told so, and there is room again when some have gone", "[http]") {
    ServerOptions options;
    options.http.connections = 4;
    const TestServer server(options);
    std::vector<std::unique_ptr<Client>> open;
    for (int i = 0; i < 4; ++i) {
        open.push_back(std::make_unique<Client>(server.port()));
        REQUIRE(open.back()->get("/healthz").status == 200);
    }
    Client beyond(server.port());
    const auto reply = beyond.read_reply();
    CHECK(reply.status == 503);
    CHECK(reply.code() == "TooManyConnections ");
    CHECK(reply.headers.contains("retry-after"));
    open.clear();
    // Each look is a connection of its own until the server has seen that the others are gone.
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    for (bool served = false; !served;) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        Client one(server.port());
        try {
            served = one.get("/healthz").status == 200;
        } catch (const std::exception&) {
            served = false;  // it was refused before it had asked
        }
    }
}

TEST_CASE("paths, methods, parameters and hosts that are not ours are told apart", "[http]") {
    const TestServer server;
    Client client(server.port());
    CHECK(client.get("/v1/nothing").status == 404);
    const auto method = client.post("/v1/customers", "{}");
    CHECK(method.status == 405);
    CHECK(method.headers.at("allow") == "GET, HEAD");
    const auto parameter = client.get("/v1/customers?ownr=ada");
    CHECK(parameter.status == 400);
    CHECK(parameter.json().at("detail").as_string() == "this endpoint has no such parameter; did you mean \"owner\"?");
    CHECK(client.get("/v1/customers?limit=0").code() == "BadParameter limit");
    CHECK(client.get("/v1/customers?q=%ff").code() == "BadUtf8 ");
    CHECK(client.get("/v1/kpis/no_such").status == 404);
    CHECK(client.get("/v1/pipelines/no_such/funnel").status == 404);
    client.send(get_line + "Host: evil.example\r\n\r\n");
    CHECK(client.read_reply().status == 421);
    client.send("HEAD /healthz HTTP/1.1\r\n" + host + "\r\n");
    const auto head = client.read_head();
    CHECK(head.status == 200);
    CHECK(head.headers.at("content-length") != "0");
    CHECK(client.get("/healthz").status == 200);
}

TEST_CASE("pages of other sites issue no commands", "[http]") {
    const TestServer server;
    Client client(server.port());
    const std::string target = "/v1/customers/c/create-customer";
    const std::string body = R"({"name": "N"})";
    for (const Headers& headers :
         {Headers{{"Origin", "https://evil.example"}}, Headers{{"Origin", "null"}},
          Headers{{"Origin", "http://localhost.evil.example"}}, Headers{{"Sec-Fetch-Site", "cross-site"}}}) {
        CHECK(client.post(target, body, headers).code() == "CrossSite Origin");
        CHECK(client.post("/v1/commands", "", headers, "application/x-ndjson").status == 403);
    }
    // Without a body no type has to be said; a page could then send without asking.
    client.send("POST /v1/sales/s/win-sale HTTP/1.1\r\n" + host +
                "Origin: http://localhost:3000\r\nContent-Length: 0\r\n\r\n");
    CHECK(client.read_reply().status == 415);
    CHECK(client.post(target, body, {{"Origin", "http://localhost:3000"}, {"Sec-Fetch-Site", "same-site"}}).status ==
          201);
    CHECK(client.get("/healthz", {{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}}).status == 200);
}

TEST_CASE("requests that are sent at once are answered in order", "[http]") {
    const TestServer server;
    Client client(server.port());
    client.send(get_line + host + "\r\nGET /nothing HTTP/1.1\r\n" + host + "\r\n" + get_line + host +
                "Connection: close\r\n\r\n");
    CHECK(client.read_reply().status == 200);
    CHECK(client.read_reply().status == 404);
    CHECK(client.read_reply().closed);
}

TEST_CASE("100-continue is answered before the body is sent", "[http]") {
    const TestServer server;
    Client client(server.port());
    client.send("POST /v1/customers/c/create-customer HTTP/1.1\r\n" + host +
                "Content-Type: application/json\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.read_head().status == 100);
    client.send(R"({"name": "N"})");
    CHECK(client.read_reply().status == 201);
}

TEST_CASE("the feed gives every event, and goes on from a cursor", "[http][feed]") {
    const TestServer server;
    Client client(server.port());
    make_customers(client, 0, 10);
    std::vector<std::string> seen;
    std::string cursor;
    for (int page = 0; page < 20; ++page) {
        const auto reply = client.get("/v1/events?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor));
        REQUIRE(reply.status == 200);
        if (reply.body.empty()) break;
        for (std::size_t at = 0; at < reply.body.size();) {
            const std::size_t end = reply.body.find('\n', at);
            const auto record = boost::json::parse(reply.body.substr(at, end - at)).as_object();
            seen.emplace_back(record.at("stream_id").as_string());
            CHECK(record.at("type").as_string() == "CustomerCreated");
            cursor = std::string(record.at("cursor").as_string());
            at = end + 1;
        }
    }
    std::sort(seen.begin(), seen.end());
    CHECK(seen == std::vector<std::string>{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"});
    CHECK(client.get("/v1/events?cursor=nonsense").code() == "BadCursor cursor");
    CHECK(client.get("/v1/events?types=CustomerCreate").json().at("detail").as_string() ==
          "there is nothing of that name; did you mean CustomerCreated?");
    CHECK(client.get("/v1/events?kinds=sale").body.empty());
}

TEST_CASE("a follower by SSE resumes where it left off, and misses nothing", "[http][feed]") {
    const TestServer server;
    Client client(server.port());
    make_customers(client, 0, 3);
    const std::string ask = "GET /v1/events HTTP/1.1\r\n" + host + "Accept: text/event-stream\r\n";
    std::string last;
    std::vector<std::string> ids;
    const auto follow = [&](Client& reader, std::size_t count) {
        while (ids.size() < count) {
            const std::string line = reader.read_line();
            if (line.starts_with("id: ")) last = line.substr(4);
            if (line.starts_with("data: ")) {
                ids.emplace_back(boost::json::parse(line.substr(6)).as_object().at("stream_id").as_string());
            }
        }
    };
    {
        Client reader(server.port());
        reader.send(ask + "\r\n");
        CHECK(reader.read_head().headers.at("content-type") == "text/event-stream");
        follow(reader, 3);
        make_customers(client, 3, 5);  // come while it follows
        follow(reader, 5);
    }
    make_customers(client, 5, 8);  // come while nobody follows
    Client reader(server.port());
    reader.send(ask + "Last-Event-ID: " + last + "\r\n\r\n");
    CHECK(reader.read_head().status == 200);
    follow(reader, 8);
    std::sort(ids.begin(), ids.end());
    CHECK(ids == std::vector<std::string>{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"});
}

TEST_CASE("a server that stops ends its followers' streams", "[http][feed]") {
    TestServer server;
    Client reader(server.port());
    reader.send("GET /v1/events?follow=true HTTP/1.1\r\n" + host + "\r\n");
    CHECK(reader.read_head().status == 200);
    server.stop();
    CHECK_THROWS_WITH(reader.read_line(), Catch::Contains("the stream has ended"));
}

TEST_CASE("queries that wait for a view hold up no others", "[http]") {
    ServerOptions options;
    options.http.view_wait = 60s;
    TestServer server(options);
    Client client(server.port());
    make_customers(client, 0, 1);
    const Headers first{
        {"Tidemark-At-Least",
         client.post("/v1/customers/d/create-customer", R"({"name": "D"})").headers.at("tidemark-position")}};
    REQUIRE(client.get("/v1/customers", first).status == 200);
    server.stop_views();
    const std::string position =
        client.post("/v1/customers/e/create-customer", R"({"name": "E"})").headers.at("tidemark-position");
    std::vector<std::unique_ptr<Client>> waiting;
    for (unsigned i = 0; i < 2 * options.http.query_threads; ++i) {
        waiting.push_back(std::make_unique<Client>(server.port()));
        waiting.back()->send("GET /v1/customers HTTP/1.1\r\n" + host + "Tidemark-At-Least: " + position + "\r\n\r\n");
    }
    CHECK(client.get("/v1/customers").status == 200);
    CHECK(client.get("/v1/customers/e", {{"Tidemark-At-Least", position}}).status == 200);
    for (const auto& one : waiting) CHECK_FALSE(one->has_answer());
}

TEST_CASE("a query waits for a view only so long, and not for a position that there is not", "[http]") {
    ServerOptions options;
    options.http.view_wait = 20ms;
    TestServer server(options);
    Client client(server.port());
    server.stop_views();
    const std::string position =
        client.post("/v1/customers/e/create-customer", R"({"name": "E"})").headers.at("tidemark-position");
    CHECK(client.get("/v1/customers", {{"Tidemark-At-Least", position}}).code() == "ViewBehind Tidemark-At-Least");
    CHECK(client.get("/v1/customers", {{"Tidemark-At-Least", position + "99"}}).code() ==
          "BadPosition Tidemark-At-Least");
    CHECK(client.get("/v1/customers/e", {{"Tidemark-At-Least", "ffffffff" + position.substr(8)}}).code() ==
          "BadPosition Tidemark-At-Least");
}

TEST_CASE("what a view has parked of a stream is folded again when it is asked for", "[http]") {
    const auto sick = std::make_shared<std::atomic<bool>>(true);
    ServerOptions options;
    options.more_views.push_back({"touchy", 1, {"rows"}, [sick](const projections::Event&, projections::Rows&) {
                                      if (*sick) throw std::runtime_error("not today");
                                  }});
    TestServer server(std::move(options));
    Client client(server.port());
    const auto made =
        client.post("/v1/customers/c1/create-customer", R"({"name": "N"})", {{"Tidemark-Tenant", "acme"}});
    REQUIRE(made.status == 201);
    // Read past the event: then it is folded.
    REQUIRE(client
                .get("/v1/customers",
                     {{"Tidemark-Tenant", "acme"}, {"Tidemark-At-Least", made.headers.at("tidemark-position")}})
                .status == 200);
    const auto parked = [](const Reply& reply) {
        const auto list = reply.json();
        for (const auto& view : list.at("projections").as_array()) {
            const auto* some = view.as_object().if_contains("parked");  // left out when it is empty
            if (some != nullptr && view.at("name").as_string() == "touchy") return some->as_array();
        }
        return boost::json::array();
    };
    auto listed = parked(client.get("/v1/projections"));
    for (const auto deadline = std::chrono::steady_clock::now() + 20s;
         listed.empty() && std::chrono::steady_clock::now() < deadline;)
        listed = parked(client.get("/v1/projections"));  // a view may park it after another has passed it
    REQUIRE(listed.size() == 1);
    CHECK(listed.at(0).at("tenant").as_string() == "acme");
    CHECK(listed.at(0).at("stream_id").as_string() == "c1");

    const std::string path = "/v1/projections/touchy/parked/customer/c1/retry";
    CHECK(client.post(path, "").code() == "StillParked ");
    CHECK(client.post(path, "", {{"Tidemark-Tenant", "acme"}}).code() == "StillParked ");
    *sick = false;
    const auto retried = client.post(path, "", {{"Tidemark-Tenant", "acme"}});
    CHECK(retried.status == 200);
    CHECK(parked(retried).empty());
    CHECK(client.post("/v1/projections/nothing/parked/customer/c1/retry", "").status == 409);
}

TEST_CASE("metrics count requests by route, never by path", "[http]") {
    const TestServer server;
    Client client(server.port());
    make_customers(client, 0, 2);
    const std::string text = client.get("/metrics").body;
    CHECK(text.find("route=\"/v1/customers/{id}/create-customer\",status=\"201\"} 2") != std::string::npos);
    CHECK(text.find("c1") == std::string::npos);
    CHECK(text.find("tidemark_projection_lag_events{projection=\"customers\"}") != std::string::npos);
}

TEST_CASE("api/openapi.json is what the server serves, and holds every route", "[http][openapi]") {
    const TestServer server;
    Client client(server.port());
    const std::string served = client.get("/openapi.json").body;
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(json_path()) << served;
    std::ifstream file(json_path());
    std::stringstream kept;
    kept << file.rdbuf();
    CHECK(kept.str() == served);  // UPDATE_GOLDEN=1 writes it anew

    const auto document = boost::json::parse(served).as_object();
    const auto& paths = document.at("paths").as_object();
    std::set<std::string> operations;
    for (const auto& [path, methods] : paths) {
        for (const auto& [method, operation] : methods.as_object()) {
            CHECK(operations.insert(std::string(operation.as_object().at("operationId").as_string())).second);
            // What the document names is routed: no answer says that there is no such endpoint or method.
            std::string target(path);
            for (std::size_t at = 0; (at = target.find('{')) != std::string::npos;) {
                target.replace(at, target.find('}') - at + 1, "x1");
            }
            if (target == "/v1/events" || target == "/v1/commands") continue;
            const auto reply = method == "get" ? client.get(target) : client.post(target, "{}");
            INFO(method << " " << target << ": " << reply.body.substr(0, 200));
            CHECK(reply.status != 405);
            CHECK(reply.body.find("NoSuchEndpoint") == std::string::npos);
            CHECK(reply.status < 500);
        }
    }
    for (const auto& type : aggregates::registry()) {
        CHECK(paths.contains("/v1/" + std::string(type.plural) + "/{id}"));
    }
    CHECK(operations.size() ==
          42 /*commands*/ + 1 /*bulk*/ + 10 /*aggregates*/ + 13 /*views*/ + 2 /*KPIs*/ + 1 /*feed*/ + 8 /*operations*/);
}
