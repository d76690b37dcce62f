// A real server over the log in memory, and a client that speaks to it over a socket, byte by byte if need be.
#pragma once

#include "aggregates/aggregate_type.hpp"
#include "api/http/http_server.hpp"
#include "consumers/feed/feed.hpp"
#include "infra/memory/memory_kv.hpp"
#include "infra/memory/memory_log.hpp"
#include "projections/registry.hpp"

#include <boost/asio.hpp>
#include <boost/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace tidemark::api::test {

using namespace std::chrono_literals;

inline std::vector<std::string> derived_tables() {
    return {std::begin(consumers::DerivedTable::names), std::end(consumers::DerivedTable::names)};
}

struct ServerOptions {
    HttpOptions http;
    consumers::ProcessorOptions processor;
    std::vector<projections::Projection> more_views;
    projections::kpi::TenantTimes times;
};

// All parts, started; stopped in the order that the binary stops them.
class TestServer {
public:
    explicit TestServer(ServerOptions options = {});
    ~TestServer() { stop(); }
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    void stop();
    void stop_views() { projector_->stop(); }  // they stay where they are
    [[nodiscard]] std::uint16_t port() const { return port_; }

    infra::MemoryLog log;

private:
    infra::MemoryKv derived_rows_{derived_tables()};
    std::shared_ptr<const projections::kpi::Kpis> kpis_;
    std::unique_ptr<infra::MemoryKv> view_rows_;
    consumers::DerivedStores derived_;
    std::unique_ptr<consumers::Projector> projector_;
    consumers::CommandProcessor commands_;
    consumers::History history_;
    std::unique_ptr<HttpServer> http_;
    std::uint16_t port_ = 0;
    bool stopped_ = false;
};

struct Reply {
    unsigned status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // without chunk framing
    bool closed = false;                         // the server ended the connection

    [[nodiscard]] boost::json::object json() const { return boost::json::parse(body).as_object(); }
    // Of a problem: "SaleAlreadyClosed field".
    [[nodiscard]] std::string code() const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// One connection. Every wait has a deadline, after which it throws.
class Client {
public:
    explicit Client(std::uint16_t port);

    Reply get(const std::string& target, const Headers& headers = {});
    Reply post(const std::string& target, const std::string& body, const Headers& headers = {},
               const std::string& type = "application/json");

    void send(std::string_view bytes);
    [[nodiscard]] bool has_answer() { return !in_.empty() || socket_.available() > 0; }
    [[nodiscard]] Reply read_reply();
    // For streams: the head of an answer, then lines of its body as they come.
    [[nodiscard]] Reply read_head();
    [[nodiscard]] std::string read_line();
    void send_chunk(std::string_view bytes);
    void finish_chunks() { send("0\r\n\r\n"); }
    [[nodiscard]] std::string read_rest();  // of a stream, to its end

private:
    [[nodiscard]] bool read_some();  // false: the server closed
    [[nodiscard]] std::string read_until(std::string_view mark);
    [[nodiscard]] bool read_chunk();  // false: it was the last

    boost::asio::io_context io_;
    boost::asio::ip::tcp::socket socket_;
    std::string in_;
    std::string body_;  // of a chunked answer, not read yet
};

}  // namespace tidemark::api::test
