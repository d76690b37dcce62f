#include "api/cli/client.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <thread>

namespace tidemark::api {

namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
using boost::beast::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::string_view delimited = "application/x-protobuf-delimited";
constexpr std::size_t chunk_bytes = 128 << 10;

// A command on its way; its bytes are kept for another attempt until it is answered.
struct UnderWay {
    std::uint64_t tag = 0;
    std::string command_id;
    std::string bytes;  // length and message
};

UnderWay encode(ToSend to_send) {
    UnderWay under_way{.tag = to_send.tag, .command_id = to_send.command.command_id(), .bytes = {}};
    const std::size_t size = to_send.command.ByteSizeLong();
    std::array<std::uint8_t, 10> length{};
    const auto* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(size, length.data());
    under_way.bytes.assign(reinterpret_cast<const char*>(length.data()), static_cast<std::size_t>(end - length.data()));
    to_send.command.AppendToString(&under_way.bytes);
    return under_way;
}

// Takes one length-delimited outcome from the front of `bytes`. False: not all of it is there yet.
std::expected<bool, std::string> take_outcome(std::string_view& bytes, v1::Outcome& outcome) {
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                              static_cast<int>(bytes.size()));
    std::uint32_t size = 0;
    if (!in.ReadVarint32(&size)) {
        if (bytes.size() >= 10) return std::unexpected("an outcome's length is not a varint");
        return false;
    }
    const auto head = static_cast<std::size_t>(in.CurrentPosition());
    if (bytes.size() - head < size) return false;
    if (!outcome.ParseFromArray(bytes.data() + head, static_cast<int>(size))) {
        return std::unexpected("an outcome does not parse");
    }
    bytes.remove_prefix(head + size);
    return true;
}

// Why there is no connection, and what to do about it.
std::string unreached(const ServerAddress& address, error_code error) {
    std::string why = "http://" + address.text() + ": " + error.message();
    if (error != net::error::connection_refused) return why;
    return why +
           "; is a server running there? `tidemark serve` starts one, --server names another, --data opens a data "
           "directory without one";
}

// The commands under way, over all attempts.
struct Outstanding {
    std::deque<UnderWay> in_order;     // the first is the next to be answered
    std::deque<UnderWay> unavailable;  // answered "not known": sent again when all others are answered
    bool ended = false;                // the source has no more
    std::string failure;               // ends it all: of the source, or a server that answers nonsense
    bool connected = false;            // there was a server at least once
    Clock::time_point last_answer = Clock::now();
    [[nodiscard]] bool done() const { return ended && in_order.empty() && unavailable.empty(); }
};

// One attempt: one connection, one request, one streamed answer.
class BulkStream {
public:
    BulkStream(const ServerAddress& address, CommandSource& source, const SendOptions& options,
               Outstanding& outstanding)
        : address_(address),
          source_(source),
          options_(options),
          all_(outstanding),
          socket_(io_),
          timer_(io_),
          watch_(io_) {}

    // Why the attempt ended before everything was answered; empty: it is done.
    std::string run() {
        error_code error;
        net::connect(socket_, tcp::resolver(io_).resolve(address_.host, address_.port, error), error);
        if (error == net::error::connection_refused && !all_.connected) {
            // One that has been there may be starting again; one that never was is not waited for.
            fail(unreached(address_, error));
        }
        if (error) return address_.text() + ": " + error.message();
        all_.connected = true;
        socket_.set_option(tcp::no_delay(true), error);
        request_.method(http::verb::post);
        request_.target("/v1/commands");
        request_.version(11);
        request_.set(http::field::host, address_.text());
        request_.set(http::field::content_type, boost::beast::string_view(delimited.data(), delimited.size()));
        request_.set(http::field::accept, boost::beast::string_view(delimited.data(), delimited.size()));
        request_.chunked(true);
        writing_ = true;
        http::async_write_header(socket_, serializer_, [this](error_code failed, std::size_t) { wrote(failed); });
        parser_.body_limit(boost::none);
        http::async_read_header(socket_, buffer_, parser_,
                                [this](error_code failed, std::size_t) { read_head(failed); });
        watch();
        io_.run();
        return broken_;
    }
    [[nodiscard]] std::chrono::milliseconds retry_after() const { return retry_after_; }

private:
    void stop(std::string why) {
        if (stopped_) return;
        stopped_ = true;
        broken_ = std::move(why);
        error_code ignored;  // the connection is given up either way
        socket_.close(ignored);
        timer_.cancel();
        watch_.cancel();
    }

    // A server that says nothing for too long is as good as gone.
    void watch() {
        watch_.expires_after(std::chrono::milliseconds(500));
        watch_.async_wait([this](error_code cancelled) {
            if (cancelled || stopped_) return;
            const bool waiting = !all_.in_order.empty() || last_chunk_sent_;
            if (waiting && Clock::now() - all_.last_answer > options_.patience)
                return stop("the server does not answer");
            if (!waiting) all_.last_answer = Clock::now();
            watch();
        });
    }

    void pump() {
        if (writing_ || stopped_ || pause_ || last_chunk_sent_) return;
        if (all_.done()) {
            last_chunk_sent_ = writing_ = true;
            net::async_write(socket_, http::make_chunk_last(),
                             [this](error_code failed, std::size_t) { wrote(failed); });
            return;
        }
        gather();
        if (stopped_ || out_.empty()) return;
        writing_ = true;
        // Named, for what is written must outlive the call.
        chunk_.emplace(http::make_chunk(net::const_buffer(out_.data(), out_.size())));
        net::async_write(socket_, *chunk_, [this](error_code failed, std::size_t) { wrote(failed); });
    }

    // What can be sent now: first what a former attempt left unanswered, then new commands.
    void gather() {
        out_.clear();
        while (out_.size() < chunk_bytes) {
            if (sent_ < all_.in_order.size()) {
                out_ += all_.in_order[sent_++].bytes;
                continue;
            }
            if (all_.ended || !all_.unavailable.empty() || all_.in_order.size() >= options_.window) return;
            auto next = source_.next();
            if (auto* command = std::get_if<ToSend>(&next)) {
                all_.in_order.push_back(encode(std::move(*command)));
            } else if (const auto* paced = std::get_if<PacedUntil>(&next)) {
                return pump_at(paced->when);
            } else if (auto* failed = std::get_if<Failed>(&next)) {
                all_.failure = failed->why;
                return stop(failed->why);
            } else {
                all_.ended = true;
                if (out_.empty()) net::post(io_, [this] { pump(); });  // there may be nothing left to wait for
                return;
            }
        }
    }

    void pump_at(Clock::time_point when) {
        timer_.expires_at(when);
        timer_.async_wait([this](error_code cancelled) {
            if (!cancelled) pump();
        });
    }

    void wrote(error_code error) {
        writing_ = false;
        // An answer may explain why the server closed: reading tells, or fails likewise.
        if (error || stopped_) return;
        pump();
    }

    void read_head(error_code error) {
        if (error) return stop("the connection to " + address_.text() + " broke: " + error.message());
        if (parser_.get().result() != http::status::ok) return read_refusal();
        take_body({});
    }

    void read_body() {
        http::async_read_some(socket_, buffer_, parser_, [this](error_code error, std::size_t) { take_body(error); });
    }

    void take_body(error_code error) {
        if (stopped_) return;
        received_ += std::exchange(parser_.get().body(), {});
        std::string_view left(received_);
        for (;;) {
            v1::Outcome outcome;
            const auto taken = take_outcome(left, outcome);
            if (!taken) return fail(taken.error());
            if (!*taken) break;
            if (!answer(outcome)) return;
        }
        received_.erase(0, received_.size() - left.size());
        if (error && error != http::error::end_of_stream)
            return stop("the connection to " + address_.text() + " broke: " + error.message());
        if (parser_.is_done()) return stop(all_.done() ? "" : "the server ended the stream early");
        resend_unavailable();
        pump();
        read_body();
    }

    bool answer(const v1::Outcome& outcome) {
        if (sent_ == 0) return fail("there are more outcomes than commands"), false;
        UnderWay command = std::move(all_.in_order.front());
        // What could not be read as a command has no id to be answered with: it is the one whose turn it is.
        const bool unread = outcome.command_id().empty() && outcome.status() == v1::INVALID;
        if (!unread && outcome.command_id() != command.command_id) {
            return fail("outcome of " + outcome.command_id() + " where that of " + command.command_id + " was due"),
                   false;
        }
        all_.in_order.pop_front();
        --sent_;
        if (outcome.status() == v1::UNAVAILABLE) {
            all_.unavailable.push_back(std::move(command));
            retry_after_ = std::chrono::seconds(std::max(1U, outcome.retry_after_s()));
        } else {
            all_.last_answer = Clock::now();
            source_.answered(command.tag, outcome);
        }
        return true;
    }

    void resend_unavailable() {
        if (all_.unavailable.empty() || !all_.in_order.empty()) return;
        all_.in_order.swap(all_.unavailable);
        pause_ = true;
        timer_.expires_after(retry_after_);
        timer_.async_wait([this](error_code cancelled) {
            if (cancelled) return;
            pause_ = false;
            pump();
        });
    }

    void read_refusal() {
        http::async_read(socket_, buffer_, parser_, [this](error_code error, std::size_t) {
            if (error) return stop("the connection to " + address_.text() + " broke: " + error.message());
            const auto status = parser_.get().result_int();
            const std::string why = "the server answers " + std::to_string(status) + ": " + parser_.get().body();
            if (status != 503) return fail(why);
            unsigned seconds = 1;
            const auto header = parser_.get()[http::field::retry_after];
            (void)std::from_chars(header.data(), header.data() + header.size(), seconds);  // unreadable: one second
            retry_after_ = std::chrono::seconds(std::max(1U, seconds));
            stop(why);
        });
    }

    void fail(std::string why) {
        all_.failure = why;
        stop(std::move(why));
    }

    const ServerAddress& address_;
    CommandSource& source_;
    const SendOptions& options_;
    Outstanding& all_;
    net::io_context io_{1};
    tcp::socket socket_;
    net::steady_timer timer_;
    net::steady_timer watch_;
    http::request<http::empty_body> request_;
    http::request_serializer<http::empty_body> serializer_{request_};
    http::response_parser<http::string_body> parser_;
    boost::beast::flat_buffer buffer_;
    std::string received_;
    std::string out_;
    std::optional<decltype(http::make_chunk(net::const_buffer()))> chunk_;
    std::size_t sent_ = 0;  // of all_.in_order, in this attempt
    bool writing_ = false;
    bool pause_ = false;
    bool last_chunk_sent_ = false;
    bool stopped_ = false;
    std::string broken_;
    std::chrono::milliseconds retry_after_{200};
};

}  // namespace

struct Client::Impl {
    ServerAddress address;
    std::chrono::seconds patience;
    net::io_context io{1};
    std::optional<boost::beast::tcp_stream> stream;
    boost::beast::flat_buffer buffer;

    // Runs one asynchronous step with the stream's deadline: synchronous calls of Beast have none.
    template <class Step>
    error_code run(Step step) {
        error_code result;
        step([&](error_code error, auto&&...) { result = error; });
        io.restart();
        io.run();
        return result;
    }

    error_code connect() {
        buffer.clear();
        stream.emplace(io);
        error_code error;
        const auto found = tcp::resolver(io).resolve(address.host, address.port, error);
        if (error) return error;
        stream->expires_after(std::chrono::seconds(5));
        error = run([&](auto done) { stream->async_connect(found, std::move(done)); });
        if (!error) stream->socket().set_option(tcp::no_delay(true), error);
        return error;
    }

    std::expected<Reply, std::string> exchange(http::request<http::string_body>& request) {
        // A kept-alive connection may have been closed meanwhile: one more attempt on a fresh one. Every request
        // may be repeated: commands carry their ids.
        for (;;) {
            const bool fresh = !stream.has_value();
            error_code error;
            if (fresh) error = connect();
            http::response_parser<http::string_body> parser;
            parser.body_limit(boost::none);
            if (!error) {
                stream->expires_after(patience);
                error = run([&](auto done) { http::async_write(*stream, request, std::move(done)); });
            }
            if (!error) error = run([&](auto done) { http::async_read(*stream, buffer, parser, std::move(done)); });
            if (!error) {
                if (!parser.get().keep_alive()) stream.reset();
                return Reply{.status = parser.get().result_int(), .body = std::move(parser.get().body())};
            }
            stream.reset();
            if (fresh) return std::unexpected(unreached(address, error));
        }
    }
};

std::expected<ServerAddress, std::string> parse_server(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    std::string_view rest = url;
    if (rest.starts_with("https://")) return std::unexpected(std::string(url) + ": there is no TLS yet; write http://");
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
    while (rest.ends_with('/')) rest.remove_suffix(1);
    ServerAddress address{.host = std::string(rest), .port = "8080"};
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos) {
        address = {.host = std::string(rest.substr(0, colon)), .port = std::string(rest.substr(colon + 1))};
    }
    if (address.host.starts_with('[') && address.host.ends_with(']'))
        address.host = address.host.substr(1, address.host.size() - 2);
    unsigned port = 0;
    const auto [end, error] = std::from_chars(address.port.data(), address.port.data() + address.port.size(), port);
    const bool whole = error == std::errc{} && end == address.port.data() + address.port.size();
    if (address.host.empty() || !whole || port == 0 || port > 65'535 || rest.find('/') != std::string_view::npos) {
        return std::unexpected(std::string(url) + ": a server is written as http://127.0.0.1:8080");
    }
    return address;
}

Client::Client(ServerAddress address, std::chrono::seconds patience)
    : impl_(std::make_unique<Impl>(std::move(address), patience)) {}
Client::~Client() = default;

std::expected<Reply, std::string> Client::get(const std::string& target, const RequestHeaders& headers) {
    http::request<http::string_body> request(http::verb::get, target, 11);
    request.set(http::field::host, impl_->address.text());
    for (const auto& [name, value] : headers) request.set(name, value);
    return impl_->exchange(request);
}

std::expected<Reply, std::string> Client::post(const std::string& target, const std::string& content_type,
                                               std::string body, const RequestHeaders& headers) {
    http::request<http::string_body> request(http::verb::post, target, 11, std::move(body));
    request.set(http::field::host, impl_->address.text());
    request.set(http::field::content_type, content_type);
    for (const auto& [name, value] : headers) request.set(name, value);
    request.prepare_payload();
    return impl_->exchange(request);
}

std::expected<void, std::string> Client::send(CommandSource& source, SendOptions options) {
    Outstanding outstanding;
    for (;;) {
        BulkStream attempt(impl_->address, source, options, outstanding);
        const std::string broken = attempt.run();
        if (!outstanding.failure.empty()) return std::unexpected(outstanding.failure);
        if (broken.empty()) return {};
        if (Clock::now() - outstanding.last_answer > options.patience) {
            return std::unexpected(broken + "; " +
                                   std::to_string(outstanding.in_order.size() + outstanding.unavailable.size()) +
                                   " commands have no answer yet: run it again, nothing is done twice");
        }
        // Unanswered ones go again in their order: those that were "not known" came first.
        std::ranges::move(outstanding.in_order, std::back_inserter(outstanding.unavailable));
        outstanding.in_order = std::exchange(outstanding.unavailable, {});
        std::this_thread::sleep_for(attempt.retry_after());
    }
}

}  // namespace tidemark::api
