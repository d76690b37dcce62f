// A request under way, and the handle on it that others hold.
#include "api/http/connection.hpp"

#include <array>
#include <charconv>
#include <iterator>

namespace tidemark::api {
namespace {

void put_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

void put_chunk_size(std::string& out, std::size_t bytes) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), bytes, 16).ptr;
    out.append(digits.begin(), end).append("\r\n");
}

}  // namespace

void put_head(std::string& out, const Response& response, const Request& request, unsigned version, bool keeps_alive) {
    const auto reason = http::obsolete_reason(http::int_to_status(response.status));
    out.append(version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ").append(std::to_string(response.status)).append(" ");
    out.append(reason.data(), reason.size()).append("\r\nServer: tidemark\r\n");
    put_field(out, "Request-Id", request.id);
    if (!response.content_type.empty()) {
        put_field(out, "Content-Type", response.content_type);
    }
    for (const auto& [name, value] : response.headers) {
        put_field(out, name, value);
    }
    if (keeps_alive != (version >= 11)) {
        put_field(out, "Connection", keeps_alive ? "keep-alive" : "close");
    }
}

bool Gate::post(Task task) {
    const std::lock_guard lock(mutex);
    if (io == nullptr) {
        return false;
    }
    tasks.push_back(std::move(task));
    if (tasks.size() == 1) {
        net::post(*io, [self = shared_from_this()] { self->run_tasks(); });
    }
    return true;
}

// What one of them throws ends that one: the others are on their way again before.
void Gate::run_tasks() {
    std::vector<Task> now;
    {
        const std::lock_guard lock(mutex);
        now.swap(tasks);
    }
    for (auto task = now.begin(); task != now.end(); ++task) {
        try {
            (*task)();
        } catch (...) {
            for (auto rest = std::next(task); rest != now.end(); ++rest) {
                (void)post(std::move(*rest));
            }
            throw;
        }
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
    const unsigned version = connection_->parser_->get().version();
    chunked_ = version >= 11;
    put_head(unsent_head_, head, *request_, version, chunked_ && !connection_->home_.stopping());
    unsent_head_ += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
}

void LiveExchange::write(std::string bytes, std::move_only_function<void(bool)> done) {
    writing_ = std::exchange(unsent_head_, {});
    if (request_->method == "HEAD") {
        bytes.clear();
    }
    if (!bytes.empty()) {
        sent_ += bytes.size();
        if (chunked_) {
            put_chunk_size(writing_, bytes.size());
        }
        writing_ += bytes;
        writing_ += chunked_ ? "\r\n" : "";
    }
    if (!live_ || writing_.empty()) {
        net::post(connection_->stream_.get_executor(),
                  [live = live_, done = std::move(done)]() mutable { done(live); });
        return;
    }
    connection_->write_by_ = Connection::from_now(connection_->home_.options.deadline);
    net::async_write(
        connection_->stream_, net::buffer(writing_),
        [self = shared_from_this(), done = std::move(done)](boost::system::error_code error, std::size_t) mutable {
            self->connection_->write_by_ = Connection::never;
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
    connection_->write_by_ = Connection::from_now(connection_->home_.options.deadline);
    net::async_write(connection_->stream_, net::buffer(writing_),
                     [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                         const auto connection = self->connection_;
                         connection->write_by_ = Connection::never;
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
