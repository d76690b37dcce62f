// What a running server writes to its log: ids that can be looked for, and nothing about people.
#include "infra/logging/logging.hpp"
#include "tests/api/server.hpp"

#include <catch2/catch.hpp>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <mutex>

using namespace tidemark;
using namespace tidemark::api::test;

namespace {

// Keeps what is logged while it lives, at every level, as JSON lines. It lives longer than any thread that logs, for
// spdlog's default logger has no lock.
class KeptLines {
public:
    KeptLines() : before_(spdlog::default_logger()) {
        auto logger = std::make_shared<spdlog::logger>("kept", sink_);
        logger->set_formatter(infra::log_formatter(infra::LogFormat::json));
        logger->set_level(spdlog::level::trace);
        spdlog::set_default_logger(std::move(logger));
    }
    ~KeptLines() { spdlog::set_default_logger(before_); }
    KeptLines(const KeptLines&) = delete;
    KeptLines& operator=(const KeptLines&) = delete;

    [[nodiscard]] std::vector<std::string> lines() const { return sink_->lines(); }
    // The one with this value in this member.
    [[nodiscard]] boost::json::object find(std::string_view member, const std::string& value) const {
        for (const std::string& line : lines()) {
            const auto object = boost::json::parse(line).as_object();
            const auto* found = object.if_contains(boost::json::string_view(member.data(), member.size()));
            if (found != nullptr && found->as_string() == value) return object;
        }
        FAIL("no line has " << member << " " << value);
        return {};
    }

private:
    class Sink final : public spdlog::sinks::base_sink<std::mutex> {
    public:
        std::vector<std::string> lines() {
            const std::lock_guard lock(mutex_);
            return lines_;
        }

    protected:
        void sink_it_(const spdlog::details::log_msg& message) override {
            spdlog::memory_buf_t line;
            formatter_->format(message, line);
            lines_.emplace_back(line.data(), line.size());
        }
        void flush_() override {}

    private:
        std::vector<std::string> lines_;
    };
    std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
    std::shared_ptr<spdlog::logger> before_;
};

}  // namespace

TEST_CASE("a log line of a command has its request and its command id as members, given or made", "[http][logging]") {
    const KeptLines kept;
    TestServer server;
    Client client(server.port());
    const auto given = client.post("/v1/customers/c1/create-customer", R"({"name": "N"})", {{"Idempotency-Key", "k1"}});
    const auto made = client.post("/v1/customers/c2/create-customer", R"({"name": "N"})");
    const auto query = client.get("/v1/customers/c1");
    server.stop();  // every line is written
    const auto line = kept.find("command", "k1");
    CHECK(line.at("request").as_string() == given.headers.at("request-id"));
    CHECK(line.at("message").as_string() == "http: POST /v1/customers/{id}/create-customer -> 201");
    CHECK(line.at("level").as_string() == "debug");
    CHECK(kept.find("command", made.headers.at("idempotency-key")).at("request").as_string() ==
          made.headers.at("request-id"));
    CHECK_FALSE(kept.find("request", query.headers.at("request-id")).contains("command"));
}

TEST_CASE("no log line of a running server holds what belongs to a person", "[http][logging]") {
    const KeptLines kept;
    TestServer server;
    Client client(server.port());
    const std::vector<std::string> personal{"Lovelace",   "lovelace@example.com", "555 0199",    "Analytical Street",
                                            "1815-12-10", "engine-heart",         "passport-77", "wants a loom"};
    const std::string ada =
        R"({"name": "Lovelace", "email": "lovelace@example.com", "phone": "+44 555 0199", "birth_date": "1815-12-10",)"
        R"( "address": "Analytical Street", "kind": "PERSON", "attributes": [{"key": "health", "text": "engine-heart"}],)"
        R"( "external_ids": [{"system": "state", "id": "passport-77"}]})";
    const auto created = client.post("/v1/customers/c1/create-customer", ada);
    INFO(created.body);
    REQUIRE(created.status == 422);  // born before 1900: refused, and not told to the log either
    std::string born = ada;
    born.replace(born.find("1815"), 4, "1915");
    REQUIRE(client.post("/v1/customers/c1/create-customer", born).status == 201);
    REQUIRE(client.post("/v1/customers/c1/create-customer", R"({"name": "Lovelace II"})").status == 409);
    REQUIRE(
        client.post("/v1/customers/c1/record-customer-need", R"({"type": "NEED", "text": "wants a loom"})").status ==
        200);
    // Where nobody expects it: in a header, a path, a query, a body that does not parse, a stream.
    const std::string create = "/v1/customers/c2/create-customer";
    CHECK(client.post(create, R"({"name": "N"})", {{"Idempotency-Key", "lovelace@example.com"}}).status == 422);
    CHECK(client.post(create, R"({"name": "N"})", {{"Tidemark-Occurred-At", "Lovelace"}}).status == 400);
    CHECK(client.post("/v1/customers/Lovelace%20/create-customer", R"({"name": "N"})").status == 422);
    CHECK(client.get("/v1/Lovelace").status == 404);
    CHECK(client.get("/v1/customers?q=Lovelace").status == 200);
    CHECK(client.get("/v1/customers?Lovelace=1").status == 400);
    CHECK(client.post(create, R"({"Lovelace": "lovelace@example.com"})").status == 400);
    CHECK(client.post(create, R"({"name": "Lovelace)").status == 400);
    CHECK(client
              .post("/v1/commands", R"({"stream_id":"c3","customer":{"create_customer":{"name":7,"x":"Lovelace"}}})",
                    {}, "application/x-ndjson")
              .status == 200);
    CHECK(client.get("/v1/events?limit=100").body.find("Lovelace") != std::string::npos);
    server.stop();
    const auto lines = kept.lines();
    CHECK(lines.size() >= 12);  // they were logged
    for (const std::string& line : lines) {
        for (const std::string& value : personal) {
            INFO(line);
            CHECK(line.find(value) == std::string::npos);
        }
    }
}
