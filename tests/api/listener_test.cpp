#include "api/http/listener.hpp"

#include "tests/api/server.hpp"

#include <catch2/catch.hpp>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace tidemark::api;
namespace net = boost::asio;
using net::ip::tcp;
using namespace std::chrono_literals;

namespace {

// Answers 204, except to /throw.
class Plain final : public Application {
public:
    bool streams(Request&) override { return false; }
    void handle(RequestPtr request, Responder responder) override {
        responder.respond_with([fails = request->path == "/throw"] {
            if (fails) throw std::runtime_error("of one request");
            Response response;
            response.status = 204;
            return response;
        });
    }
    Response problem(unsigned status, std::string_view, std::string_view) override {
        Response response;
        response.status = status;
        return response;
    }
    void answered(const Request&, unsigned, std::size_t) override {}
};

// Counts what is logged while it lives: longer than any thread that logs, for spdlog's default logger has no lock.
class LoggedLines {
public:
    LoggedLines() : before_(spdlog::default_logger()) {
        spdlog::set_default_logger(std::make_shared<spdlog::logger>("counted", sink_));
    }
    ~LoggedLines() { spdlog::set_default_logger(before_); }
    LoggedLines(const LoggedLines&) = delete;
    LoggedLines& operator=(const LoggedLines&) = delete;
    [[nodiscard]] int count() const { return sink_->lines; }

private:
    struct Sink final : spdlog::sinks::base_sink<std::mutex> {
        std::atomic<int> lines{0};
        void sink_it_(const spdlog::details::log_msg&) override { ++lines; }
        void flush_() override {}
    };
    std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
    std::shared_ptr<spdlog::logger> before_;
};

// While it lives, no further file can be opened in this process.
class NoMoreFiles {
public:
    NoMoreFiles() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(next);
        const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoMoreFiles(const NoMoreFiles&) = delete;
    NoMoreFiles& operator=(const NoMoreFiles&) = delete;

private:
    rlimit before_{};
};

HttpOptions on_any_port() {
    HttpOptions options;
    options.port = 0;
    options.threads = 2;
    return options;
}

}  // namespace

TEST_CASE("a server without files to open says so once, and serves who waited when there are some again", "[http]") {
#ifdef __SANITIZE_ADDRESS__
    // The check of virtual tables opens a pipe to see whether memory can be read, and takes a failure for a fault.
    WARN("not run: the sanitizer needs files of its own");
    return;
#endif
    const LoggedLines logged;
    Plain application;
    Listener listener(application, on_any_port());
    const auto port = listener.start();
    REQUIRE(port);
    const int said_before = logged.count();
    net::io_context io;
    tcp::socket socket(io);
    socket.open(tcp::v4());
    {
        const NoMoreFiles scarce;
        socket.connect({net::ip::make_address("127.0.0.1"), *port});
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (logged.count() == said_before && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        for (int i = 0; i < 100'000; ++i) std::this_thread::yield();  // every occasion to try, and say it, again
    }
    net::write(socket, net::buffer(std::string_view("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")));
    char answer[12];
    CHECK(net::read(socket, net::buffer(answer)) == sizeof answer);
    CHECK(std::string_view(answer, sizeof answer) == "HTTP/1.1 204");
    CHECK(logged.count() == said_before + 1);
}

TEST_CASE("an exception on a connection's thread ends neither the server nor its other connections", "[http]") {
    const LoggedLines logged;
    Plain application;
    HttpOptions options = on_any_port();
    options.threads = 1;
    options.deadline = 200ms;
    Listener listener(application, options);
    const auto port = listener.start();
    REQUIRE(port);
    const int said_before = logged.count();
    test::Client client(*port);
    test::Client thrown(*port);
    thrown.send("GET /throw HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(thrown.read_head().status == 503);  // at its deadline
    CHECK(client.get("/").status == 204);
    CHECK(logged.count() == said_before + 1);
}

TEST_CASE("a listener ends however many connections arrive meanwhile", "[http]") {
    Plain application;
    for (int round = 0; round < 50; ++round) {
        Listener listener(application, on_any_port());
        const auto port = listener.start();
        REQUIRE(port);
        std::jthread callers([port = *port](const std::stop_token& stop) {
            net::io_context io;
            while (!stop.stop_requested()) {
                tcp::socket socket(io);
                boost::system::error_code refused;
                socket.connect({net::ip::make_address("127.0.0.1"), port}, refused);
            }
        });
        while (listener.connections() == 0) std::this_thread::yield();
        listener.stop();
    }
}
