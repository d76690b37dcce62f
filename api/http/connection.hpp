// One connection: reads a request, has it answered, reads the next. Private to listener.cpp, connection.cpp and
// exchange.cpp. Everything runs on the thread of its io_context, unless said otherwise.
#pragma once

#include "api/http/http_server.hpp"
#include "api/http/message.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

namespace tidemark::api {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

// Shared by all threads of a listener.
struct Occupancy {
    std::atomic<std::size_t> connections{0};
    std::atomic<std::size_t> body_bytes{0};  // of large bodies that are coming in
    std::atomic<bool> stopping{false};
    std::mutex mutex;
    std::condition_variable none;  // connections reached 0
};

class Connection;

// The way back to a connection's thread for those who answer from elsewhere, perhaps after the server is gone.
struct Gate : std::enable_shared_from_this<Gate> {
    std::mutex mutex;
    net::io_context* io = nullptr;  // nullptr: the thread has ended
    std::shared_ptr<Occupancy> occupancy;

    std::vector<Task> tasks;  // answers come by the dozen: one errand for all that wait

    bool post(Task task);  // any thread; false: there is nobody to run it

private:
    void run_tasks();
};

class Connection;

// The thread that a connection lives on.
class ConnectionHome {
public:
    ConnectionHome(Application& app, const HttpOptions& limits, std::shared_ptr<Gate> way_back)
        : application(app), options(limits), gate(std::move(way_back)) {}
    virtual ~ConnectionHome() = default;
    virtual void joined(Connection* connection) = 0;
    virtual void left(Connection* connection) = 0;
    virtual void in_turn(Task task) = 0;
    [[nodiscard]] bool stopping() const { return gate->occupancy->stopping; }

    Application& application;
    const HttpOptions& options;
    std::shared_ptr<Gate> gate;
};

// A request under way, as its connection sees it. Held by the connection and its pending operations
// only, so that it ends on their thread; others hold a RemoteExchange.
class LiveExchange : public std::enable_shared_from_this<LiveExchange> {
public:
    LiveExchange(std::shared_ptr<Connection> connection, RequestPtr request);
    ~LiveExchange() { count_body(0); }
    LiveExchange(const LiveExchange&) = delete;
    LiveExchange& operator=(const LiveExchange&) = delete;

    void respond(Response response);
    void read(std::move_only_function<void(Chunk)> done);
    void begin(const Response& head);
    void write(std::string bytes, std::move_only_function<void(bool)> done);
    void finish();
    void abort();
    void after(std::chrono::milliseconds delay, Task task);
    void in_turn(Task task);

private:
    friend class Connection;
    void count_body(std::size_t bytes);  // among all that are coming in: so much, instead of what it was

    std::shared_ptr<Connection> connection_;
    RequestPtr request_;
    net::steady_timer timer_;
    std::size_t body_counted_ = 0;
    bool streams_ = false;
    bool live_ = true;
    bool answered_ = false;
    bool chunked_ = false;
    unsigned status_ = 0;
    std::size_t sent_ = 0;
    std::string unsent_head_;
    std::string writing_;
    std::move_only_function<void(Chunk)> reader_;
};

// What handlers hold. Safe to use and to let go on any thread, at any time.
class RemoteExchange final : public Exchange {
public:
    RemoteExchange(std::shared_ptr<Gate> gate, std::weak_ptr<LiveExchange> live)
        : gate_(std::move(gate)), live_(std::move(live)) {}

    void respond(Response response) override;
    void post(Task task) override;
    void read(std::move_only_function<void(Chunk)> done) override;
    void begin(Response head) override;
    void write(std::string bytes, std::move_only_function<void(bool)> done) override;
    void finish() override;
    void abort() override;
    void after(std::chrono::milliseconds delay, Task task) override;
    void in_turn(Task task) override;
    [[nodiscard]] bool stopping() const override { return gate_->occupancy->stopping; }
    [[nodiscard]] bool abandoned() const override { return live_.expired(); }

private:
    std::shared_ptr<Gate> gate_;
    std::weak_ptr<LiveExchange> live_;
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(net::ip::tcp::socket socket, ConnectionHome& home);
    ~Connection();

    void start();
    void drain();  // the server stops: end now if idle, else after the answer
    void close();
    // Ends what has gone on for too long. Called a few times within the shortest of the times: a timer of its own for
    // each read and write cost more than the reading and writing.
    void look_at(std::chrono::steady_clock::time_point now);

private:
    friend class LiveExchange;
    using Parser = http::request_parser<http::buffer_body>;
    using Clock = std::chrono::steady_clock;
    static constexpr Clock::time_point never = Clock::time_point::max();
    static Clock::time_point from_now(std::chrono::milliseconds time) { return Clock::now() + time; }

    void read_head();
    void on_head(std::size_t bytes);
    std::shared_ptr<Request> make_request();
    void begin_request(std::shared_ptr<Request> request);
    void read_body(std::shared_ptr<LiveExchange> exchange);
    void on_body(const std::shared_ptr<LiveExchange>& exchange, boost::system::error_code error);
    void handle(const std::shared_ptr<LiveExchange>& exchange);
    void aim_parser(std::size_t bytes);
    [[nodiscard]] std::string_view piece_read() const;
    void read_stream(const std::shared_ptr<LiveExchange>& exchange);
    void refuse(unsigned status, std::string_view code, std::string_view detail);
    void send(const std::shared_ptr<LiveExchange>& exchange, Response response);
    void answer_late();
    void done(const std::shared_ptr<LiveExchange>& exchange);
    void failed(std::shared_ptr<LiveExchange> exchange);
    void linger();
    [[nodiscard]] bool keeps_alive() const;
    void say_continue(Task then);

    ConnectionHome& home_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    std::shared_ptr<LiveExchange> current_;
    Clock::time_point head_deadline_;
    Clock::time_point read_by_ = never;    // what is being read has to be there
    Clock::time_point write_by_ = never;   // what is being written has to be taken
    Clock::time_point answer_by_ = never;  // the handler has to answer
    std::string piece_;                    // of a body, while one is read
    std::size_t lingered_ = 0;
    bool idle_ = true;
    bool stream_read_ = false;  // a read of a streamed body is under way
    bool lingering_ = false;
    bool closed_ = false;
    bool refused_ = false;  // what came is not understood: nothing more is read
};

// Appends what every answer's head says, but for how its body is framed and the empty line behind it. `version`:
// 10, 11.
void put_head(std::string& out, const Response& response, const Request& request, unsigned version, bool keeps_alive);

}  // namespace tidemark::api
