#include "tests/e2e/http.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>

namespace tidemark::e2e {

namespace beast = boost::beast;
namespace http = beast::http;
using tcp = boost::asio::ip::tcp;

std::string Reply::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (beast::iequals(beast::string_view(key.data(), key.size()), beast::string_view(name.data(), name.size())))
            return value;
    }
    return {};
}

struct Connection::Impl {
    std::uint16_t port;
    boost::asio::io_context io;
    std::unique_ptr<beast::tcp_stream> stream;
    beast::flat_buffer buffer;

    // Beast's deadlines work on asynchronous operations only: each is begun, and run to its end.
    template <class Begin>
    bool run(Begin begin) {
        beast::error_code failure;
        begin([&failure](beast::error_code error, auto&&...) { failure = error; });
        io.restart();
        io.run();
        return !failure;
    }

    bool connect() {
        if (stream) return true;
        stream = std::make_unique<beast::tcp_stream>(io);
        stream->expires_after(std::chrono::seconds(60));
        buffer.clear();
        const tcp::endpoint server(boost::asio::ip::address_v4::loopback(), port);
        if (run([&](auto done) { stream->async_connect(server, std::move(done)); })) return true;
        stream.reset();
        return false;
    }

    Reply exchange(http::request<http::string_body>& request) {
        if (!connect()) return {};
        stream->expires_after(std::chrono::seconds(60));
        http::response_parser<http::string_body> parser;
        parser.body_limit(boost::none);
        // A server that stops may answer and close before it has read everything: its answer is read all the same.
        (void)run([&](auto done) { http::async_write(*stream, request, std::move(done)); });
        const bool whole = run([&](auto done) { http::async_read(*stream, buffer, parser, std::move(done)); });

        Reply reply;
        reply.complete = whole;
        if (parser.is_header_done()) {
            reply.status = parser.get().result_int();
            for (const auto& field : parser.get())
                reply.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
            reply.body = std::move(parser.get().body());
        }
        if (!whole || !parser.get().keep_alive()) stream.reset();
        return reply;
    }
};

namespace {

http::request<http::string_body> request_of(http::verb verb, const std::string& target, const Fields& headers) {
    http::request<http::string_body> request(verb, target, 11);
    request.set(http::field::host, "127.0.0.1");
    for (const auto& [name, value] : headers) request.set(name, value);
    return request;
}

}  // namespace

Connection::Connection(std::uint16_t port) : impl_(std::make_unique<Impl>()) {
    impl_->port = port;
}
Connection::~Connection() = default;

Reply Connection::get(const std::string& target, const Fields& headers) {
    auto request = request_of(http::verb::get, target, headers);
    return impl_->exchange(request);
}

Reply Connection::post(const std::string& target, std::string body, const std::string& content_type,
                       const Fields& headers) {
    auto request = request_of(http::verb::post, target, headers);
    request.set(http::field::content_type, content_type);
    request.body() = std::move(body);
    request.prepare_payload();
    return impl_->exchange(request);
}

}  // namespace tidemark::e2e
