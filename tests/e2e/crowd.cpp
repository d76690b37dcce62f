#include "tests/e2e/crowd.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::e2e {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using net::ip::tcp;
using Error = boost::system::error_code;

namespace {

constexpr std::size_t largest_body = 1u << 20;
constexpr std::chrono::milliseconds back_after{200};  // a crowd does not heed Retry-After
constexpr std::chrono::seconds follower_stays{45};

struct Scene {
    std::uint16_t port = 0;
    std::uint64_t commands = 0;
    Told told;
    std::unique_ptr<net::io_context> io = std::make_unique<net::io_context>(1);

    std::string next_id() { return "c" + std::to_string(++commands); }
};

std::string head_of(const std::string& request, const std::string& fields) {
    return request + " HTTP/1.1\r\nHost: 127.0.0.1\r\nTidemark-Tenant: " + crowd_tenant + "\r\n" + fields + "\r\n";
}

const std::string product = R"({"name": "Product", "list_price": {"amount": "1.00", "currency": "EUR"}})";

// One client: connects, does as it does, and begins anew when that has ended.
class Visitor : public std::enable_shared_from_this<Visitor> {
public:
    explicit Visitor(Scene& scene) : scene_(scene), socket_(*scene.io), pause_(*scene.io) {}
    virtual ~Visitor() = default;
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;

    void come() {
        const tcp::endpoint server(net::ip::address_v4::loopback(), scene_.port);
        prepare(socket_);
        socket_.async_connect(
            server, [self = shared_from_this()](Error error) { error ? self->come_again() : self->connected(); });
    }

protected:
    virtual void prepare(tcp::socket&) {}
    virtual void connected() = 0;

    void come_again(std::chrono::milliseconds pause = back_after) {
        if (std::exchange(leaving_, true)) return;
        Error ignored;
        socket_.close(ignored);
        pause_.expires_after(pause);
        pause_.async_wait([self = shared_from_this()](Error) {
            self->leaving_ = false;
            self->come();
        });
    }

    // Reads an answer's head, and its body too unless `head_only`; `then` with false: none came.
    template <class Then>
    void read_answer(bool head_only, Then then) {
        buffer_.clear();
        answer_ = std::make_unique<http::response_parser<http::string_body>>();
        answer_->body_limit(boost::none);
        const auto done = [self = shared_from_this(), then](Error error, std::size_t) {
            if (!error) self->note(self->answer_->get());
            if (error && !self->leaving_) ++self->scene_.told.broken;
            then(!error);
        };
        if (head_only) {
            http::async_read_header(socket_, buffer_, *answer_, done);
        } else {
            http::async_read(socket_, buffer_, *answer_, done);
        }
    }

    void note(const http::response<http::string_body>& answer) {
        const unsigned status = answer.result_int();
        Told& told = scene_.told;
        if (status == 429 || status == 503) {
            ++told.refused;
            if (answer.find(http::field::retry_after) == answer.end()) ++told.refused_without_retry_after;
        } else if (status == 413) {
            ++told.too_large;
        } else {
            ++(status == 200 || status == 201 ? told.answered : told.unexpected);
        }
    }

    Scene& scene_;
    tcp::socket socket_;
    net::steady_timer pause_;
    bool leaving_ = false;
    std::string out_;
    beast::flat_buffer buffer_;
    std::unique_ptr<http::response_parser<http::string_body>> answer_;
};

class SingleClient final : public Visitor {
public:
    using Visitor::Visitor;

private:
    void connected() override {
        out_ = head_of("POST /v1/products/" + scene_.next_id() + "/define-product",
                       "Content-Type: application/json\r\nContent-Length: " + std::to_string(product.size()) + "\r\n") +
               product;
        net::async_write(socket_, net::buffer(out_), [self = shared_from_this()](Error, std::size_t) {});
        read_answer(false, [self = std::static_pointer_cast<SingleClient>(shared_from_this())](bool came) {
            came && self->answer_->get().keep_alive() ? self->connected() : self->come_again();
        });
    }
};

class Asker final : public Visitor {
public:
    using Visitor::Visitor;

private:
    void connected() override {
        static constexpr std::array targets = {"/v1/products?limit=50", "/v1/forecast", "/v1/rejections?limit=50",
                                               "/v1/kpis/won_value?from=2020-01-01&to=2090-01-01&grain=year"};
        out_ = head_of(std::string("GET ") + targets[++count_ % targets.size()], "");
        net::async_write(socket_, net::buffer(out_), [self = shared_from_this()](Error, std::size_t) {});
        read_answer(false, [self = std::static_pointer_cast<Asker>(shared_from_this())](bool came) {
            came && self->answer_->get().keep_alive() ? self->connected() : self->come_again();
        });
    }

    std::size_t count_ = 0;
};

class Waiter final : public Visitor {
public:
    using Visitor::Visitor;

private:
    void connected() override {
        ask(head_of("POST /v1/products/" + scene_.next_id() + "/define-product",
                    "Content-Type: application/json\r\nContent-Length: " + std::to_string(product.size()) + "\r\n") +
                product,
            [self = std::static_pointer_cast<Waiter>(shared_from_this())] { self->wait(); });
    }
    void wait() {
        const auto position = answer_->get().find("Tidemark-Position");
        if (position == answer_->get().end()) return come_again();  // it was refused
        ask(head_of("GET /v1/products?limit=1", "Tidemark-At-Least: " + std::string(position->value()) + "\r\n"),
            [self = std::static_pointer_cast<Waiter>(shared_from_this())] { self->connected(); });
    }
    template <class Then>
    void ask(std::string request, Then then) {
        out_ = std::move(request);
        net::async_write(socket_, net::buffer(out_), [self = shared_from_this()](Error, std::size_t) {});
        read_answer(false, [self = std::static_pointer_cast<Waiter>(shared_from_this()), then](bool came) {
            came && self->answer_->get().keep_alive() ? then() : self->come_again();
        });
    }
};

// A command with a megabyte of blanks before it, or one blank more than is allowed.
class LargeBody final : public Visitor {
public:
    using Visitor::Visitor;

private:
    void connected() override {
        const std::size_t size = largest_body + (++count_ % 2);
        // Without a length the server has to read to find out.
        out_ = head_of(
            "POST /v1/products/" + scene_.next_id() + "/define-product",
            "Content-Type: application/json\r\n" + (count_ % 4 < 2 ? "Content-Length: " + std::to_string(size) + "\r\n"
                                                                   : std::string("Transfer-Encoding: chunked\r\n")));
        const std::string body = std::string(size - product.size(), ' ') + product;
        out_ += count_ % 4 < 2 ? body : chunk(body) + "0\r\n\r\n";
        net::async_write(socket_, net::buffer(out_), [self = shared_from_this()](Error, std::size_t) {});
        read_answer(false, [self = shared_from_this(), this](bool) { come_again(); });
    }

    static std::string chunk(const std::string& bytes) {
        char size[20];
        const int digits = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
        return std::string(size, static_cast<std::size_t>(digits)) + bytes + "\r\n";
    }

    std::size_t count_ = 0;
};

// Commands without end in one stream.
class Stream final : public Visitor {
public:
    Stream(Scene& scene, bool reads) : Visitor(scene), reads_(reads) {}

private:
    void connected() override {
        // Of a length that is never reached, so that lines need no framing.
        out_ = head_of("POST /v1/commands", "Content-Type: application/x-ndjson\r\nContent-Length: 1000000000000\r\n");
        write();
        if (!reads_) return;
        read_answer(true, [self = std::static_pointer_cast<Stream>(shared_from_this())](bool came) {
            came && self->answer_->get().result_int() == 200 ? self->read() : self->come_again();
        });
    }

    void write() {
        for (int i = 0; i < 200; ++i) {
            const std::string id = scene_.next_id();
            out_ += R"({"stream_id": ")" + id + R"(", "command_id": ")" + id +
                    R"(", "actor": "crowd", "product": {"define_product": )" + product + "}}\n";
        }
        net::async_write(socket_, net::buffer(out_),
                         [self = std::static_pointer_cast<Stream>(shared_from_this())](Error error, std::size_t) {
                             if (error) {
                                 self->come_again();
                                 return;
                             }
                             self->out_.clear();
                             self->write();
                         });
    }

    void read() {
        piece_.resize(64 * 1024);
        socket_.async_read_some(net::buffer(piece_), [self = std::static_pointer_cast<Stream>(shared_from_this())](
                                                         Error error, std::size_t bytes) {
            self->scene_.told.outcome_bytes += bytes;
            error ? self->come_again() : self->read();
        });
    }

    bool reads_;
    std::string piece_;
};

class MuteFollower final : public Visitor {
public:
    using Visitor::Visitor;

private:
    void prepare(tcp::socket& socket) override {
        socket.open(tcp::v4());
        socket.set_option(net::socket_base::receive_buffer_size(8 * 1024));
    }
    void connected() override {
        out_ = head_of("GET /v1/events?follow=true", "Accept: text/event-stream\r\n");
        net::async_write(socket_, net::buffer(out_), [self = shared_from_this()](Error, std::size_t) {});
        pause_.expires_after(follower_stays);
        pause_.async_wait([self = shared_from_this(), this](Error error) {
            if (!error) come_again();
        });
    }
};

}  // namespace

struct Crowd::Impl {
    Scene scene;
    std::vector<std::shared_ptr<Visitor>> visitors;
    std::thread thread;
};

Crowd::Crowd(std::uint16_t port, const CrowdSize& size) : impl_(std::make_unique<Impl>()) {
    Scene& scene = impl_->scene;
    scene.port = port;
    const auto add = [&](std::size_t count, const auto& make) {
        for (std::size_t i = 0; i < count; ++i) impl_->visitors.push_back(make());
    };
    add(size.greedy_streams, [&] { return std::make_shared<Stream>(scene, true); });
    add(size.mute_streams, [&] { return std::make_shared<Stream>(scene, false); });
    add(size.single_clients, [&] { return std::make_shared<SingleClient>(scene); });
    add(size.large_bodies, [&] { return std::make_shared<LargeBody>(scene); });
    add(size.mute_followers, [&] { return std::make_shared<MuteFollower>(scene); });
    add(size.askers, [&] { return std::make_shared<Asker>(scene); });
    add(size.waiters, [&] { return std::make_shared<Waiter>(scene); });
    for (const auto& visitor : impl_->visitors) visitor->come();
    impl_->thread = std::thread([&scene] { scene.io->run(); });
}

Crowd::~Crowd() {
    stop();
}

void Crowd::stop() {
    if (!impl_->thread.joinable()) return;
    impl_->scene.io->stop();
    impl_->thread.join();
    impl_->visitors.clear();
    impl_->scene.io.reset();  // with everything that is under way, and its sockets
}

const Told& Crowd::told() const {
    return impl_->scene.told;
}

}  // namespace tidemark::e2e
