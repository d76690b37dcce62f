// A request, its answer, and streams, as handlers see them: no Beast in here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::api {

struct Route;

struct Request {
    std::string id;                                               // ours, for the log and the answer
    std::string method;                                           // "GET"
    std::string path;                                             // undecoded, without query
    std::vector<std::pair<std::string, std::string>> query;       // decoded, in order
    std::vector<std::pair<std::string, std::string>> headers;     // names in lower case
    std::map<std::string, std::string, std::less<>> path_params;  // decoded
    std::string body;                                             // whole, unless the route streams
    const Route* route = nullptr;
    std::string command_id;  // of a single command, given or made: told whatever becomes of the request
    std::chrono::steady_clock::time_point began;

    // The first of that name; nothing: not given.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_case_name) const;
    [[nodiscard]] std::optional<std::string_view> argument(std::string_view name) const;  // of the query
    [[nodiscard]] const std::string& path_param(std::string_view name) const;             // one of the route's pattern
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

using Task = std::move_only_function<void()>;

// A piece of a body that came in. `end`: it was the last. `failed`: the connection or the framing broke; nothing more
// comes.
struct Chunk {
    std::string_view bytes;  // valid during the call
    bool end = false;
    bool failed = false;
    bool stopped = false;  // the server is stopping: there may have been more, and nobody reads it
};

// One request and its answer on a connection. Calls may come from any thread unless said otherwise.
class Exchange {
public:
    virtual ~Exchange() = default;
    virtual void respond(Response response) = 0;  // once; later calls do nothing
    virtual void post(Task task) = 0;             // runs it on the connection's thread

    // For streams, on the connection's thread only. One read and one write may be under way at a time;
    // each calls back there, later. Not reading and not writing is the backpressure.
    virtual void read(std::move_only_function<void(Chunk)> done) = 0;
    virtual void begin(Response head) = 0;  // the body of `head` is not sent; write follows
    virtual void write(std::string bytes, std::move_only_function<void(bool sent)> done) = 0;
    virtual void finish() = 0;                                           // after the last write
    virtual void abort() = 0;                                            // closes the connection in the middle
    virtual void after(std::chrono::milliseconds delay, Task task) = 0;  // one at a time
    // Runs it on the connection's thread when those of other streams that came before have run, one each time round:
    // whatever else is there to do on the thread has its turn in between. For short steps of long work.
    virtual void in_turn(Task task) = 0;

    [[nodiscard]] virtual bool stopping() const = 0;   // the server is: come to an end soon
    [[nodiscard]] virtual bool abandoned() const = 0;  // nobody waits for the answer any more
};

// Answers a request, once, from any thread. One that is destroyed without an answer answers 500, so
// that no client waits for a forgotten one.
class Responder {
public:
    explicit Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    Responder(Responder&&) noexcept = default;
    Responder& operator=(Responder&&) = delete;
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;
    ~Responder();

    void respond(Response response);
    // The same, with what `make` returns; it runs on the connection's thread.
    void respond_with(std::move_only_function<Response()> make);
    [[nodiscard]] bool abandoned() const { return exchange_ == nullptr || exchange_->abandoned(); }
    // For a handler that streams: the answer is then its own affair.
    [[nodiscard]] std::shared_ptr<Exchange> stream() { return std::exchange(exchange_, nullptr); }

private:
    std::shared_ptr<Exchange> exchange_;
};

using RequestPtr = std::shared_ptr<Request>;

// What a server asks of the application. Calls come from the connections' threads.
class Application {
public:
    virtual ~Application() = default;
    // With the head only. True: `handle` is called at once and reads the body itself; false: after the whole body.
    [[nodiscard]] virtual bool streams(Request& head) = 0;
    virtual void handle(RequestPtr request, Responder responder) = 0;
    // The form of an answer that the server itself gives (400, 413, 431 ...).
    [[nodiscard]] virtual Response problem(unsigned status, std::string_view code, std::string_view detail) = 0;
    virtual void answered(const Request& request, unsigned status, std::size_t bytes) = 0;
};

// "a%20b" -> "a b"; nothing when it is malformed. '+' is a blank in a query only.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);
// Splits "a=1&b=2"; nothing when a part does not decode.
[[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

}  // namespace tidemark::api
