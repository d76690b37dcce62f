#include "api/bench/http_load.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <thread>
#include <vector>

namespace tidemark::api {

namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
using boost::beast::error_code;
using Clock = std::chrono::steady_clock;

struct Load {
    Clock::time_point until;
    std::chrono::microseconds pause;
    const std::function<LoadRequest(std::uint64_t)>& request;
    std::uint64_t next_number = 0;
    std::vector<float> latencies_ms;
    std::string failure;
};

class LoadConnection {
public:
    LoadConnection(net::io_context& io, Load& load) : socket_(io), timer_(io), load_(load) {}

    void connect(std::uint16_t port) {
        socket_.connect({net::ip::address_v4::loopback(), port});
        socket_.set_option(tcp::no_delay(true));
    }

    void send() {
        if (Clock::now() >= load_.until || !load_.failure.empty()) return;
        LoadRequest made = load_.request(load_.next_number++);
        const bool post = !made.content_type.empty();
        request_ = {post ? http::verb::post : http::verb::get, made.target, 11, std::move(made.body)};
        request_.set(http::field::host, "127.0.0.1");
        if (post) request_.set(http::field::content_type, made.content_type);
        request_.prepare_payload();
        sent_ = Clock::now();
        http::async_write(socket_, request_,
                          [this](error_code error, std::size_t) { error ? fail(error.message()) : receive(); });
    }

private:
    void receive() {
        response_ = {};
        http::async_read(socket_, buffer_, response_, [this](error_code error, std::size_t) {
            if (error) return fail(error.message());
            if (response_.result_int() >= 400)
                return fail(std::to_string(response_.result_int()) + " " + response_.body());
            load_.latencies_ms.push_back(std::chrono::duration<float, std::milli>(Clock::now() - sent_).count());
            if (load_.pause.count() == 0) return send();
            timer_.expires_after(load_.pause);
            timer_.async_wait([this](error_code) { send(); });
        });
    }
    void fail(const std::string& why) {
        if (load_.failure.empty()) load_.failure = why;
    }

    tcp::socket socket_;
    net::steady_timer timer_;
    Load& load_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
    boost::beast::flat_buffer buffer_;
    Clock::time_point sent_;
};

class BareConnection : public std::enable_shared_from_this<BareConnection> {
public:
    explicit BareConnection(tcp::socket socket) : socket_(std::move(socket)) {
        response_.result(http::status::ok);
        response_.body() = "{}";
        response_.prepare_payload();
    }
    void receive() {
        request_ = {};
        http::async_read(socket_, buffer_, request_, [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->answer();  // else the connection is over
        });
    }

private:
    void answer() {
        http::async_write(socket_, response_, [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->receive();
        });
    }

    tcp::socket socket_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_{http::status::ok, 11};
    boost::beast::flat_buffer buffer_;
};

}  // namespace

std::expected<LoadResult, std::string> put_load(std::uint16_t port, const LoadShape& shape,
                                                const std::function<LoadRequest(std::uint64_t number)>& request) {
    net::io_context io(1);
    Load load{.until = Clock::now() + shape.time, .pause = shape.pause, .request = request};
    std::vector<std::unique_ptr<LoadConnection>> open;
    try {
        for (std::size_t i = 0; i < shape.connections; ++i) {
            open.push_back(std::make_unique<LoadConnection>(io, load));
            open.back()->connect(port);
        }
    } catch (const boost::system::system_error& error) {
        return std::unexpected(error.what());
    }
    const auto started = Clock::now();
    load.until = started + shape.time;
    for (auto& connection : open) connection->send();
    io.run();
    if (!load.failure.empty()) return std::unexpected(load.failure);
    auto& sorted = load.latencies_ms;
    if (sorted.empty()) return std::unexpected("no request was answered in time");
    std::ranges::sort(sorted);
    return LoadResult{.requests = sorted.size(),
                      .seconds = std::chrono::duration<double>(Clock::now() - started).count(),
                      .p50_ms = sorted[sorted.size() / 2],
                      .p99_ms = sorted[sorted.size() * 99 / 100]};
}

struct BareServer::Impl {
    net::io_context io{1};
    tcp::acceptor acceptor{io, tcp::endpoint(net::ip::address_v4::loopback(), 0)};
    std::thread thread;

    void accept() {
        acceptor.async_accept([this](error_code error, tcp::socket socket) {
            if (error) return;  // stopped
            socket.set_option(tcp::no_delay(true), error);
            std::make_shared<BareConnection>(std::move(socket))->receive();
            accept();
        });
    }
};

BareServer::BareServer() : impl_(std::make_unique<Impl>()) {
    impl_->accept();
    impl_->thread = std::thread([this] { impl_->io.run(); });
}
BareServer::~BareServer() {
    impl_->io.stop();
    impl_->thread.join();
}
std::uint16_t BareServer::port() const {
    return impl_->acceptor.local_endpoint().port();
}

}  // namespace tidemark::api
