// A request under way, and the handle on it that others hold.
#include "api/http/connection.hpp"

#include <sstream>

namespace tidemark::api {

void put_head(http::fields& fields, const Response& response, const Request& request) {
    fields.set(http::field::server, "tidemark");
    fields.set("Request-Id", request.id);
    if (!response.content_type.empty()) {
        fields.set(http::field::content_type, response.content_type);
    }
    for (const auto& [name, value] : response.headers) {
        fields.set(name, value);
    }
}

LiveExchange::LiveExchange(std::shared_ptr<Connection> connection, RequestPtr request)
    : connection_(std::move(connection)), request_(std::move(request)), timer_(connection_->stream_.get_executor()) {}

void LiveExchange::count_body(std::size_t bytes) {
    connection_->home_.gate->occupancy->body_bytes += bytes - std::exchange(body_counted_, bytes);
}

void LiveExchange::respond(Response response) {
    connection_->send(shared_from_this(), std::move(response));
}

void LiveExchange::read(std::move_only_function<void(Chunk)> done) {
    reader_ = std::move(done);
    if (!live_ || connection_->home_.stopping() || connection_->parser_->is_done()) {
        // A body that the stop cuts short has not ended: its last line may be half of one.
        const bool cut = !connection_->parser_->is_done();
        net::post(connection_->stream_.get_executor(), [self = shared_from_this(), cut] {
            if (auto reader = std::exchange(self->reader_, nullptr)) {
                reader({.bytes = {}, .end = true, .failed = !self->live_, .stopped = cut});
            }
        });
        return;
    }
    connection_->read_stream(shared_from_this());
}

void LiveExchange::begin(const Response& head) {
    if (!live_ || answered_) {
        return;
    }
    answered_ = true;
    status_ = head.status;
    http::response<http::empty_body> message;
    const unsigned version = connection_->parser_->get().version();
    message.version(version);
    message.result(head.status);
    put_head(message, head, *request_);
    chunked_ = version >= 11;
    message.chunked(chunked_);
    message.keep_alive(chunked_ && !connection_->home_.stopping());
    std::ostringstream text;
    text << message.base();
    unsent_head_ = text.str();
}

void LiveExchange::write(std::string bytes, std::move_only_function<void(bool)> done) {
    writing_ = std::exchange(unsent_head_, {});
    if (request_->method == "HEAD") {
        bytes.clear();
    }
    if (!bytes.empty()) {
        std::ostringstream size;
        size << std::hex << bytes.size() << "\r\n";
        sent_ += bytes.size();
        writing_ += chunked_ ? size.str() : "";
        writing_ += bytes;
        writing_ += chunked_ ? "\r\n" : "";
    }
    if (!live_ || writing_.empty()) {
        net::post(connection_->stream_.get_executor(),
                  [live = live_, done = std::move(done)]() mutable { done(live); });
        return;
    }
    connection_->stream_.expires_after(connection_->home_.options.deadline);
    net::async_write(
        connection_->stream_, net::buffer(writing_),
        [self = shared_from_this(), done = std::move(done)](boost::system::error_code error, std::size_t) mutable {
            if (error) {
                self->connection_->close();
            }
            done(!error && self->live_);
        });
}

void LiveExchange::finish() {
    if (!live_) {
        return;
    }
    writing_ = std::exchange(unsent_head_, {});
    writing_ += chunked_ && request_->method != "HEAD" ? "0\r\n\r\n" : "";
    connection_->stream_.expires_after(connection_->home_.options.deadline);
    net::async_write(connection_->stream_, net::buffer(writing_),
                     [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                         const auto connection = self->connection_;
                         if (error) {
                             connection->close();
                             return;
                         }
                         connection->done(self);
                         if (self->chunked_ && connection->keeps_alive()) {
                             connection->read_head();
                         } else {
                             connection->linger();
                         }
                     });
}

void LiveExchange::abort() {
    connection_->close();
}

void LiveExchange::after(std::chrono::milliseconds delay, Task task) {
    timer_.expires_after(delay);
    timer_.async_wait([self = shared_from_this(), task = std::move(task)](boost::system::error_code error) mutable {
        if (!error) {
            task();
        }
    });
}

void LiveExchange::in_turn(Task task) {
    connection_->home_.in_turn(std::move(task));
}

void RemoteExchange::respond(Response response) {
    (void)gate_->post([live = live_, response = std::move(response)]() mutable {  // nobody there: nobody waits either
        if (const auto exchange = live.lock()) {
            exchange->respond(std::move(response));
        }
    });
}

void RemoteExchange::post(Task task) {
    (void)gate_->post(std::move(task));
}

void RemoteExchange::read(std::move_only_function<void(Chunk)> done) {
    if (const auto exchange = live_.lock()) {
        exchange->read(std::move(done));
    } else {
        post([done = std::move(done)]() mutable { done({{}, true, true}); });
    }
}

void RemoteExchange::begin(Response head) {
    if (const auto exchange = live_.lock()) {
        exchange->begin(head);
    }
}

void RemoteExchange::write(std::string bytes, std::move_only_function<void(bool)> done) {
    if (const auto exchange = live_.lock()) {
        exchange->write(std::move(bytes), std::move(done));
    } else {
        post([done = std::move(done)]() mutable { done(false); });
    }
}

void RemoteExchange::finish() {
    if (const auto exchange = live_.lock()) {
        exchange->finish();
    }
}

void RemoteExchange::abort() {
    if (const auto exchange = live_.lock()) {
        exchange->abort();
    }
}

void RemoteExchange::after(std::chrono::milliseconds delay, Task task) {
    if (const auto exchange = live_.lock()) {
        exchange->after(delay, std::move(task));
    }
}

void RemoteExchange::in_turn(Task task) {
    if (const auto exchange = live_.lock()) {
        exchange->in_turn(std::move(task));
    } else {
        post(std::move(task));
    }
}

}  // namespace tidemark::api
