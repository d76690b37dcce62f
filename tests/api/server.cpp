#include "tests/api/server.hpp"

#include <stdexcept>

namespace tidemark::api::test {

namespace net = boost::asio;

namespace {

events::Micros wall_clock() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::vector<projections::Projection> views_of(const std::shared_ptr<const projections::kpi::Kpis>& kpis,
                                              const ServerOptions& options) {
    auto all = projections::all(kpis);
    all.insert(all.end(), options.more_views.begin(), options.more_views.end());
    return all;
}

template <class Started>
void must(const Started& started) {
    if (!started) throw std::runtime_error(started.error());
}

}  // namespace

TestServer::TestServer(ServerOptions options)
    : kpis_(*projections::kpi::Kpis::make(projections::kpi::built_in_catalogue(), options.times)),
      view_rows_(std::make_unique<infra::MemoryKv>(consumers::Projector::tables(views_of(kpis_, options)))),
      derived_(log, derived_rows_, {}),
      projector_(std::make_unique<consumers::Projector>(log, *view_rows_, views_of(kpis_, options),
                                                        consumers::ProjectorOptions{})),
      commands_(log, derived_, "digest key of a test", wall_clock, options.processor),
      history_(log, derived_) {
    must(derived_.catch_up({}));
    derived_.start();
    must(projector_->start());
    must(commands_.start());
    options.http.port = 0;
    options.http.threads = options.http.threads == 0 ? 2 : options.http.threads;
    http_ = std::make_unique<HttpServer>(Services{.log = log,
                                                  .derived = derived_,
                                                  .commands = commands_,
                                                  .history = history_,
                                                  .projector = *projector_,
                                                  .clock = wall_clock,
                                                  .kpis = *kpis_},
                                         options.http);
    const auto port = http_->start();
    must(port);
    port_ = *port;
}

void TestServer::stop() {
    if (std::exchange(stopped_, true)) return;
    http_->stop();
    log.release();
    commands_.drain();
    projector_->stop();
    derived_.stop();
}

std::string Reply::code() const {
    const auto problem = json();
    const auto text = [&](const char* name) {
        const auto* value = problem.if_contains(name);
        return value ? std::string(value->as_string()) : std::string();
    };
    return text("code") + " " + text("field");
}

Client::Client(std::uint16_t port) : socket_(io_) {
    socket_.connect({net::ip::make_address("127.0.0.1"), port});
}

Reply Client::get(const std::string& target, const Headers& headers) {
    std::string head = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n";
    for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
    send(head + "\r\n");
    return read_reply();
}

Reply Client::post(const std::string& target, const std::string& body, const Headers& headers,
                   const std::string& type) {
    std::string head = "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + type +
                       "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
    send(head + "\r\n" + body);
    return read_reply();
}

void Client::send(std::string_view bytes) {
    net::write(socket_, net::buffer(bytes));
}

void Client::send_chunk(std::string_view bytes) {
    char size[20];
    const int digits = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    send(std::string(size, static_cast<std::size_t>(digits)) + std::string(bytes) + "\r\n");
}

bool Client::read_some() {
    char piece[8192];
    std::size_t read = 0;
    boost::system::error_code error;
    bool done = false;
    socket_.async_read_some(net::buffer(piece), [&](boost::system::error_code e, std::size_t n) {
        error = e;
        read = n;
        done = true;
    });
    io_.restart();
    io_.run_for(20s);
    if (!done) {
        socket_.close();
        io_.restart();
        io_.run();
        throw std::runtime_error("the server did not answer in time; so far: " + in_);
    }
    in_.append(piece, read);
    return !error;
}

std::string Client::read_until(std::string_view mark) {
    while (in_.find(mark) == std::string::npos) {
        if (!read_some()) throw std::runtime_error("the server closed the connection; before that: " + in_);
    }
    const std::size_t end = in_.find(mark) + mark.size();
    std::string out = in_.substr(0, end);
    in_.erase(0, end);
    return out;
}

Reply Client::read_head() {
    const std::string head = read_until("\r\n\r\n");
    Reply reply;
    reply.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
    for (std::size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
        const std::size_t end = head.find("\r\n", at);
        const std::size_t colon = head.find(": ", at);
        if (colon < end) {
            std::string name = head.substr(at, colon - at);
            for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            reply.headers[name] = head.substr(colon + 2, end - colon - 2);
        }
        at = end + 2;
    }
    return reply;
}

bool Client::read_chunk() {
    const std::size_t size = std::stoul(read_until("\r\n"), nullptr, 16);
    while (in_.size() < size + 2) {
        if (!read_some()) throw std::runtime_error("the server closed the connection in the middle of a chunk");
    }
    body_ += in_.substr(0, size);
    in_.erase(0, size + 2);
    return size != 0;
}

std::string Client::read_line() {
    while (body_.find('\n') == std::string::npos) {
        if (!read_chunk()) throw std::runtime_error("the stream has ended; left over: " + body_);
    }
    std::string line = body_.substr(0, body_.find('\n'));
    body_.erase(0, line.size() + 1);
    return line;
}

std::string Client::read_rest() {
    while (read_chunk()) {
    }
    return std::exchange(body_, {});
}

Reply Client::read_reply() {
    Reply reply = read_head();
    if (reply.headers["transfer-encoding"] == "chunked") {
        reply.body = read_rest();
    } else {
        const std::size_t size =
            reply.headers.contains("content-length") ? std::stoul(reply.headers["content-length"]) : 0;
        while (in_.size() < size) {
            if (!read_some()) throw std::runtime_error("the server closed the connection in the middle of a body");
        }
        reply.body = in_.substr(0, size);
        in_.erase(0, size);
    }
    if (reply.headers["connection"] == "close") {
        while (read_some()) {
        }
        reply.closed = true;
    }
    return reply;
}

}  // namespace tidemark::api::test
