#include "api/http/connection.hpp"

#include "api/http/strict.hpp"

#include <random>
#include <sstream>

namespace tidemark::api {
namespace {

constexpr std::size_t linger_bytes = 4u << 20;
constexpr std::size_t piece_bytes = 16 * 1024;         // of a body that is read whole
constexpr std::size_t stream_piece_bytes = 64 * 1024;  // of one that is streamed

std::string next_request_id() {
    static const std::string process = [] {
        std::random_device random;
        std::ostringstream text;
        text << std::hex << random();
        return text.str();
    }();
    static std::atomic<std::uint64_t> count{0};
    return process + "-" + std::to_string(++count);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return out;
}

bool bodiless(unsigned status) {
    return status == 204 || status == 304;
}

}  // namespace

Connection::Connection(net::ip::tcp::socket socket, ConnectionHome& home)
    : home_(home), stream_(std::move(socket)), buffer_(64 * 1024) {
    ++home_.gate->occupancy->connections;
    home_.joined(this);
}

Connection::~Connection() {
    home_.left(this);
    Occupancy& all = *home_.gate->occupancy;
    const std::lock_guard lock(all.mutex);
    if (--all.connections == 0) {
        all.none.notify_all();
    }
}

void Connection::start() {
    boost::system::error_code ignored;  // only costs latency
    stream_.socket().set_option(net::ip::tcp::no_delay(true), ignored);
    if (home_.gate->occupancy->connections > home_.options.connections) {
        refuse(503, "TooManyConnections", "too many connections are open; try again");
        return;
    }
    read_head();
}

void Connection::drain() {
    if (idle_) {
        close();
    } else if (current_ && current_->reader_) {
        auto reader = std::exchange(current_->reader_, nullptr);
        reader({.end = true, .stopped = true});  // what was read is answered; no more is
    }
}

void Connection::close() {
    closed_ = true;
    read_by_ = write_by_ = answer_by_ = never;
    boost::system::error_code ignored;  // it may be closed by the other side already
    stream_.socket().shutdown(net::ip::tcp::socket::shutdown_both, ignored);
    stream_.close();
    if (current_) {
        failed(current_);
    }
}

// Reads until the empty line behind the head is there. Its deadline runs from its first byte.
void Connection::read_head() {
    const auto bytes = buffer_.data();
    const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t end = text.find("\r\n\r\n");
    if (end != std::string_view::npos && end + 4 <= home_.options.head_bytes) {
        on_head(end + 4);
        return;
    }
    if (text.size() >= home_.options.head_bytes || end != std::string_view::npos) {
        refuse(431, "HeadTooLarge",
               "the head of a request has at most " + std::to_string(home_.options.head_bytes) + " bytes");
        return;
    }
    if (text.empty() && home_.stopping()) {
        close();
        return;
    }
    if (text.empty()) {
        idle_ = true;
        piece_ = {};  // thousands of idle connections should cost little
        head_deadline_ = {};
        read_by_ = from_now(home_.options.idle);
    } else {
        idle_ = false;
        if (head_deadline_ == std::chrono::steady_clock::time_point{}) {
            head_deadline_ = from_now(home_.options.deadline);
        }
        read_by_ = head_deadline_;
    }
    const auto self = shared_from_this();
    stream_.async_read_some(buffer_.prepare(4096), [self](boost::system::error_code error, std::size_t read) {
        self->buffer_.commit(read);
        if (error) {  // the other side went, or its time was over
            self->close();
        } else {
            self->read_head();
        }
    });
}

void Connection::on_head(std::size_t bytes) {
    idle_ = false;
    head_deadline_ = {};
    const std::string_view head(static_cast<const char*>(buffer_.data().data()), bytes);
    if (const auto fault = check_head(head, home_.options.head_fields)) {
        refuse(fault->status, fault->code, fault->detail);
        return;
    }
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(bytes) + 1);
    parser_->body_limit(boost::none);
    boost::system::error_code error;
    const std::size_t used = parser_->put(net::buffer(head), error);
    if (error == http::error::need_buffer) {
        error = {};
    }
    if (error || !parser_->is_header_done() || used != bytes) {
        refuse(400, "BadRequest", error ? error.message() : "the head of the request is not understood");
        return;
    }
    const auto request = make_request();
    buffer_.consume(bytes);
    if (!request) {
        refuse(400, "BadRequest", "the query holds a broken percent encoding");
        return;
    }
    begin_request(request);
}

std::shared_ptr<Request> Connection::make_request() {
    auto request = std::make_shared<Request>();
    request->began = std::chrono::steady_clock::now();
    request->id = next_request_id();
    const auto& message = parser_->get();
    request->method = std::string(message.method_string());
    const auto raw_target = message.target();
    const std::string_view target(raw_target.data(), raw_target.size());
    const std::size_t question = target.find('?');
    request->path = std::string(target.substr(0, question));
    if (question != std::string_view::npos) {
        auto query = parse_query(target.substr(question + 1));
        if (!query) {
            return nullptr;
        }
        request->query = std::move(*query);
    }
    for (const auto& field : message) {
        const auto name = field.name_string();
        const auto value = field.value();
        request->headers.emplace_back(lower({name.data(), name.size()}), std::string(value.data(), value.size()));
    }
    return request;
}

void Connection::begin_request(std::shared_ptr<Request> request) {
    const bool streams = home_.application.streams(*request);
    const auto expect = request->header("expect");
    if (expect && lower(*expect) != "100-continue") {
        refuse(417, "ExpectationFailed", "the only expectation met here is 100-continue");
        return;
    }
    const auto length = parser_->content_length();
    if (!streams && length && *length > home_.options.body_bytes) {
        refuse(413, "BodyTooLarge", "a body has at most " + std::to_string(home_.options.body_bytes) + " bytes");
        return;
    }
    current_ = std::make_shared<LiveExchange>(shared_from_this(), std::move(request));
    const auto exchange = current_;
    exchange->streams_ = streams;
    read_by_ = from_now(home_.options.deadline);
    const auto go_on = [this, exchange] {
        if (exchange->streams_) {
            handle(exchange);
        } else {
            read_body(exchange);
        }
    };
    if (expect && !parser_->is_done()) {
        say_continue(go_on);
    } else {
        go_on();
    }
}

void Connection::say_continue(Task then) {
    static constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto self = shared_from_this();
    write_by_ = read_by_;
    net::async_write(stream_, net::buffer(line),
                     [self, then = std::move(then)](boost::system::error_code error, std::size_t) mutable {
                         self->write_by_ = never;
                         if (error) {
                             self->close();
                         } else {
                             then();
                         }
                     });
}

void Connection::read_body(std::shared_ptr<LiveExchange> exchange) {
    if (parser_->is_done()) {
        handle(exchange);
        return;
    }
    aim_parser(std::min<std::size_t>(parser_->content_length().value_or(piece_bytes), piece_bytes));
    const auto self = shared_from_this();
    http::async_read(stream_, buffer_, *parser_, [self, exchange](boost::system::error_code error, std::size_t) {
        self->on_body(exchange, error);
    });
}

void Connection::on_body(const std::shared_ptr<LiveExchange>& exchange, boost::system::error_code error) {
    std::string& body = exchange->request_->body;
    body += piece_read();
    if (error && error != http::error::need_buffer) {
        if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
            error != http::error::end_of_stream && error != http::error::partial_message) {
            refuse(400, "BadRequest", "the body is not framed as the head says: " + error.message());
        } else {
            close();
        }
        return;
    }
    if (body.size() > home_.options.body_bytes) {
        refuse(413, "BodyTooLarge", "a body has at most " + std::to_string(home_.options.body_bytes) + " bytes");
        return;
    }
    if (body.size() > piece_bytes) {  // small ones are let in whatever comes, so that large ones do not shut them out
        exchange->count_body(body.size());
    }
    if (home_.gate->occupancy->body_bytes > home_.options.bodies_bytes && body.size() > piece_bytes) {
        body = {};
        exchange->count_body(0);
        refuse(503, "TooManyBodies", "too many large bodies are coming in at once; try again");
        return;
    }
    read_body(exchange);
}

void Connection::handle(const std::shared_ptr<LiveExchange>& exchange) {
    exchange->count_body(0);  // from here on the handler knows what it keeps
    read_by_ = never;
    answer_by_ = exchange->streams_ ? never : from_now(home_.options.deadline);
    home_.application.handle(exchange->request_, Responder(std::make_shared<RemoteExchange>(home_.gate, exchange)));
}

void Connection::look_at(Clock::time_point now) {
    if (now >= read_by_ || now >= write_by_) {
        close();
    } else if (now >= answer_by_) {
        answer_by_ = never;
        if (current_) {
            answer_late();
        }
    }
}

void Connection::answer_late() {
    auto response = home_.application.problem(503, "DeadlineExceeded",
                                              "there was no answer in time; what became of the request is not known: "
                                              "ask again with the same Idempotency-Key");
    if (const std::string& id = current_->request_->command_id; !id.empty()) {
        response.headers.emplace_back("Idempotency-Key", id);
    }
    current_->respond(std::move(response));
}

// Answers what never became a request of the application, and closes.
void Connection::refuse(unsigned status, std::string_view code, std::string_view detail) {
    idle_ = false;
    auto request = current_ ? current_->request_ : std::make_shared<Request>();
    if (!current_) {
        request->id = next_request_id();
        request->began = std::chrono::steady_clock::now();
        current_ = std::make_shared<LiveExchange>(shared_from_this(), request);
    }
    auto response = home_.application.problem(status, code, detail);
    refused_ = true;
    send(current_, std::move(response));
}

bool Connection::keeps_alive() const {
    return parser_ && parser_->is_done() && parser_->keep_alive() && !home_.stopping();
}

void Connection::send(const std::shared_ptr<LiveExchange>& exchange, Response response) {
    if (!exchange->live_ || exchange->answered_ || closed_) {
        return;
    }
    exchange->answered_ = true;
    exchange->status_ = response.status;
    answer_by_ = never;
    const unsigned version = parser_ && parser_->is_header_done() ? parser_->get().version() : 11;
    const bool alive = keeps_alive() && !refused_;
    std::string& out = exchange->writing_;  // head and body in one piece: one write of one buffer
    put_head(out, response, *exchange->request_, version, alive);
    if (!bodiless(response.status)) {
        out.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
    }
    out += "\r\n";
    if (exchange->request_->method != "HEAD" && !bodiless(response.status)) {
        out += response.body;
        exchange->sent_ = response.body.size();
    }
    write_by_ = from_now(home_.options.deadline);
    const auto self = shared_from_this();
    net::async_write(stream_, net::buffer(out), [self, exchange, alive](boost::system::error_code error, std::size_t) {
        self->write_by_ = never;
        if (error) {
            self->close();
            return;
        }
        self->done(exchange);
        if (alive && !self->home_.stopping()) {
            self->read_head();
        } else {
            self->linger();
        }
    });
}

void Connection::done(const std::shared_ptr<LiveExchange>& exchange) {
    if (!exchange->live_) {
        return;
    }
    exchange->live_ = false;
    exchange->timer_.cancel();
    answer_by_ = never;
    current_.reset();
    home_.application.answered(*exchange->request_, exchange->status_, exchange->sent_);
}

// By value: the exchange must outlive its place in current_.
void Connection::failed(std::shared_ptr<LiveExchange> exchange) {
    if (auto reader = std::exchange(exchange->reader_, nullptr)) {
        reader({{}, true, true});
    }
    if (exchange->status_ == 0) {
        exchange->status_ = 499;  // the client went before there was an answer
    }
    done(exchange);
}

// Ends sending and reads on a little: closed at once, unread bytes would make the system send a reset,
// and the client could lose the answer.
void Connection::linger() {
    idle_ = true;
    if (stream_read_) {  // of a stream that ended before its body did: it comes back here when it is gone
        lingering_ = true;
        stream_.cancel();
        return;
    }
    if (lingered_ == 0) {
        boost::system::error_code ignored;  // the other side may have gone
        stream_.socket().shutdown(net::ip::tcp::socket::shutdown_send, ignored);
        read_by_ = from_now(std::chrono::seconds(1));
    }
    piece_.resize(piece_bytes);
    const auto self = shared_from_this();
    stream_.async_read_some(net::buffer(piece_), [self](boost::system::error_code error, std::size_t read) {
        self->lingered_ += read + 1;
        if (error || self->lingered_ > linger_bytes) {
            self->close();
        } else {
            self->linger();
        }
    });
}

// Where the parser puts what it reads next of the body.
void Connection::aim_parser(std::size_t bytes) {
    piece_.resize(std::max<std::size_t>(bytes, 1));
    auto& body = parser_->get().body();
    body.data = piece_.data();
    body.size = piece_.size();
}

std::string_view Connection::piece_read() const {
    return std::string_view(piece_).substr(0, piece_.size() - parser_->get().body().size);
}

void Connection::read_stream(const std::shared_ptr<LiveExchange>& exchange) {
    aim_parser(stream_piece_bytes);
    buffer_.reserve(stream_piece_bytes);  // Beast reads as much at once as there is room for
    read_by_ = from_now(home_.options.idle);
    stream_read_ = true;
    const auto self = shared_from_this();
    http::async_read_some(stream_, buffer_, *parser_, [self, exchange](boost::system::error_code error, std::size_t) {
        self->stream_read_ = false;
        self->read_by_ = never;
        if (self->lingering_) {
            self->linger();
            return;
        }
        const std::string_view read = self->piece_read();
        const bool broken = error && error != http::error::need_buffer;
        if (!broken && read.empty() && !self->parser_->is_done() && exchange->reader_) {
            self->read_stream(exchange);  // only framing came
            return;
        }
        if (auto reader = std::exchange(exchange->reader_, nullptr)) {
            reader({read, broken || self->parser_->is_done(), broken});
        }
        if (broken) {  // nothing that is still said would arrive
            self->close();
        }
    });
}

}  // namespace tidemark::api
