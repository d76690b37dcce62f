// What the server takes on at once has an end, and whoever comes beyond it is told when to come again.
#include "api/http/application.hpp"
#include "tests/api/server.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using namespace tidemark::api::test;

namespace {

const std::string host = "Host: localhost\r\n";
const std::string bulk_head = "POST /v1/commands HTTP/1.1\r\n" + host +
                              "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string product = R"({"name": "P", "list_price": {"amount": "1", "currency": "EUR"}})";

int figure(Client& client, const std::string& name) {
    const std::string text = client.get("/metrics").body;
    const auto at = text.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::stoi(text.substr(at + name.size() + 2));
}

template <class Holds>
void wait_until(Holds holds) {
    for (const auto deadline = std::chrono::steady_clock::now() + 20s; !holds();) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    }
}

void check_refused(const Reply& reply, const std::string& code) {
    CHECK(reply.status == 503);
    CHECK(reply.code() == code + " ");
    CHECK(reply.headers.at("retry-after") == "1");
}

}  // namespace

TEST_CASE("a stream of commands too many is refused, and taken when another has ended", "[http][overload]") {
    ServerOptions options;
    options.http.bulk_streams = 1;
    const TestServer server(options);
    Client first(server.port());
    first.send(bulk_head);
    CHECK(first.read_head().status == 200);

    const std::string line =
        R"({"stream_id": "p", "command_id": "c", "product": {"define_product": )" + product + "}}\n";
    Client second(server.port());
    check_refused(second.post("/v1/commands", line, {}, "application/x-ndjson"), "TooManyStreams");
    first.finish_chunks();
    CHECK(first.read_rest().empty());
    wait_until(
        [&] { return Client(server.port()).post("/v1/commands", line, {}, "application/x-ndjson").status == 200; });
}

TEST_CASE("a reader of the feed too many is refused, and let in when another has gone", "[http][overload]") {
    ServerOptions options;
    options.http.feed_readers = 1;
    const TestServer server(options);
    Client second(server.port());
    {
        Client first(server.port());
        first.send("GET /v1/events?follow=true HTTP/1.1\r\n" + host + "\r\n");
        CHECK(first.read_head().status == 200);
        check_refused(second.get("/v1/events"), "TooManyReaders");
    }
    // The server sees that it has gone when it next has something to send.
    CHECK(second.post("/v1/products/p/define-product", product).status == 201);
    int news = 0;
    wait_until([&] {
        (void)second.post("/v1/products/p" + std::to_string(++news) + "/define-product", product);
        return second.get("/v1/events").status == 200;
    });
}

TEST_CASE("many large bodies at once are refused, small ones are not", "[http][overload]") {
    ServerOptions options;
    options.http.bodies_bytes = 40'000;
    const TestServer server(options);
    const auto head = [](const std::string& id, std::size_t bytes) {
        return "POST /v1/products/" + id + "/define-product HTTP/1.1\r\n" + host +
               "Content-Type: application/json\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
    };
    const std::string large = std::string(60'000, ' ') + product;
    Client slow(server.port());
    slow.send(head("slow", 35'000) + std::string(30'000, ' '));
    Client small(server.port());
    wait_until([&] {
        Client other(server.port());
        other.send(head("large", large.size()) + large);
        const auto reply = other.read_reply();
        if (reply.status == 503) check_refused(reply, "TooManyBodies");
        return reply.status == 503;
    });
    CHECK(small.post("/v1/products/small/define-product", product).status == 201);
    slow.send(std::string(5'000 - product.size(), ' ') + product);
    CHECK(slow.read_reply().status == 201);
    CHECK(small.post("/v1/products/later/define-product", std::string(30'000, ' ') + product).status == 201);
}

TEST_CASE("what one read brings waits until the stream's window has room", "[http][overload]") {
    ServerOptions options;
    options.http.stream_window = 8;
    options.processor.group_records = 1;
    TestServer server(options);
    Client stream(server.port());
    Client other(server.port());
    server.log.hold();
    std::string lines;
    for (int i = 0; i < 300; ++i) {
        const std::string n = std::to_string(i);
        lines += i % 3 == 0 ? "x\n"
                            : R"({"stream_id": "p)" + n + R"(", "command_id": "c)" + n +
                                  R"(", "product": {"define_product": )" + product + "}}\n";
    }
    stream.send("POST /v1/commands HTTP/1.1\r\n" + host + "Content-Type: application/x-ndjson\r\nContent-Length: " +
                std::to_string(lines.size()) + "\r\n\r\n" + lines);
    int queued = 0;
    wait_until([&] { return (queued = figure(other, "tidemark_commands_queued")) > 0; });
    CHECK(queued <= 8);
    CHECK(figure(other, "tidemark_commands_queued_bulk") == queued);
    server.log.release();
    const std::string answer = stream.read_reply().body;
    CHECK(std::ranges::count(answer, '\n') == 300);
    std::size_t accepted = 0;
    for (std::size_t at = 0; (at = answer.find("\"ACCEPTED\"", at)) != std::string::npos; ++at) ++accepted;
    CHECK(accepted == 200);
}

TEST_CASE("of thousands of refusals a few are told each second, and how many are not", "[overload]") {
    api::Sparing refusals;
    const auto at = [](int ms) { return std::chrono::steady_clock::time_point(1h) + std::chrono::milliseconds(ms); };
    for (int i = 0; i < 5; ++i) CHECK(refusals.tell(at(i)) == 0);
    for (int i = 5; i < 900; ++i) CHECK_FALSE(refusals.tell(at(i)).has_value());
    CHECK(refusals.tell(at(1'000)) == 895);
    CHECK(refusals.tell(at(1'001)) == 0);
}
