#include "api/http/listener.hpp"

#include "api/http/connection.hpp"
#include "consumers/threads.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <sys/socket.h>
#include <thread>
#include <unordered_set>

namespace tidemark::api {
namespace {

using net::ip::tcp;

// One thread: its io_context, its accepting socket, its connections.
class Worker final : public ConnectionHome {
public:
    Worker(Application& app, const HttpOptions& limits, const std::shared_ptr<Occupancy>& all)
        : ConnectionHome(app, limits, std::make_shared<Gate>()), acceptor_(io_), pause_(io_), clock_(io_) {
        gate->io = &io_;
        gate->occupancy = all;
    }
    ~Worker() override { shut_gate(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    std::expected<std::uint16_t, std::string> listen(const tcp::endpoint& endpoint) {
        boost::system::error_code error;
        acceptor_.open(endpoint.protocol(), error);
        const int on = 1;
        if (!error && (setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
                       setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)) {
            error.assign(errno, boost::system::system_category());
        }
        if (!error) {
            acceptor_.bind(endpoint, error);
        }
        if (!error) {
            acceptor_.listen(net::socket_base::max_listen_connections, error);
        }
        if (error) {
            return std::unexpected(error.message());
        }
        return acceptor_.local_endpoint().port();
    }

    void run() {
        accept();
        look_at_the_clock();
        thread_ = std::thread([this] { serve(); });
    }

    void begin_stop() {
        net::post(io_, [this] {
            boost::system::error_code ignored;  // closing what is closed already is no error
            acceptor_.close(ignored);
            pause_.cancel();
            const auto open = connections_;
            for (Connection* connection : open) {
                connection->drain();
            }
        });
    }

    void end_stop() {
        net::post(io_, [this] {
            const auto open = connections_;
            for (Connection* connection : open) {
                connection->close();
            }
            work_.reset();
            clock_.cancel();
        });
    }

    void join() {
        if (thread_.joinable()) {
            thread_.join();
        }
        shut_gate();
    }

    void joined(Connection* connection) override { connections_.insert(connection); }
    void left(Connection* connection) override { connections_.erase(connection); }
    void in_turn(Task task) override {
        turns_.push_back(std::move(task));
        if (turns_.size() == 1) {
            net::post(io_, [this] { take_turn(); });
        }
    }

private:
    // Times are kept to a quarter of themselves, and to a quarter of a second.
    void look_at_the_clock() {
        constexpr std::chrono::milliseconds seldom{250};
        const auto often = std::max(std::chrono::milliseconds(5), std::min(options.deadline, options.idle) / 4);
        clock_.expires_after(std::min(seldom, often));
        clock_.async_wait([this](boost::system::error_code cancelled) {
            if (cancelled) {
                return;
            }
            const auto now = std::chrono::steady_clock::now();
            const auto open = connections_;
            for (Connection* connection : open) {
                connection->look_at(now);
            }
            look_at_the_clock();
        });
    }

    void shut_gate() {
        const std::lock_guard lock(gate->mutex);
        gate->io = nullptr;
    }

    void take_turn() {
        Task task = std::move(turns_.front());
        turns_.pop_front();
        if (!turns_.empty()) {
            net::post(io_, [this] { take_turn(); });
        }
        task();
    }

    void accept() {
        acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
            // An accept that had ended before begin_stop closed the acceptor arrives here without an error.
            if (error == net::error::operation_aborted || !acceptor_.is_open()) {
                return;
            }
            if (!error) {
                short_of_files_ = false;
                std::make_shared<Connection>(std::move(socket), *this)->start();
                accept();
            } else if (lacks_files(error)) {
                wait_for_files(error);
            } else {  // of that one connection: it went before it was taken
                spdlog::warn("http: a connection could not be accepted: {}", error.message());
                accept();
            }
        });
    }

    // What a step of one connection throws ends that step, not the server and its other connections.
    void serve() {
        consumers::name_thread("http");
        consumers::take_short_turns();
        for (;;) {
            try {
                io_.run();
                return;
            } catch (const std::exception& error) {
                spdlog::error("http: a step of a connection ended in an exception: {}", error.what());
            }
        }
    }

    static bool lacks_files(boost::system::error_code error) {
        namespace errc = boost::system::errc;
        return error == errc::too_many_files_open || error == errc::too_many_files_open_in_system ||
               error == errc::no_buffer_space || error == errc::not_enough_memory;
    }

    // The connection stays in the queue of the system, and asking for it again at once would be all this thread does.
    void wait_for_files(boost::system::error_code error) {
        if (!std::exchange(short_of_files_, true)) {
            spdlog::warn("http: connections wait: {}", error.message());
        }
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](boost::system::error_code cancelled) {
            if (!cancelled && acceptor_.is_open()) {
                accept();
            }
        });
    }

    std::unordered_set<Connection*> connections_;  // outlives io_, whose end lets go of the last of them
    net::io_context io_{1};
    // An exchange that waits for an answer has nothing under way in here: without this, run() could end before
    // end_stop.
    net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(io_);
    tcp::acceptor acceptor_;
    net::steady_timer pause_;
    net::steady_timer clock_;
    std::deque<Task> turns_;       // as long as there are any, take_turn is on its way
    bool short_of_files_ = false;  // said once, until a connection is accepted again
    std::thread thread_;
};

// With SO_REUSEPORT a second server would silently share the port; without it the system says no.
std::expected<void, std::string> probe(tcp::endpoint endpoint) {
    net::io_context io;
    tcp::acceptor acceptor(io);
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (error) {
        return std::unexpected(error.message());
    }
    return {};
}

}  // namespace

struct Listener::Impl {
    Application& application;
    HttpOptions options;
    std::shared_ptr<Occupancy> occupancy = std::make_shared<Occupancy>();
    std::vector<std::unique_ptr<Worker>> workers;
};

Listener::Listener(Application& application, const HttpOptions& options)
    : impl_(std::make_unique<Impl>(application, options)) {}

Listener::~Listener() {
    stop();
}

std::expected<std::uint16_t, std::string> Listener::start() {
    const HttpOptions& options = impl_->options;
    boost::system::error_code error;
    const auto address = net::ip::make_address(options.address, error);
    if (error) {
        return std::unexpected("\"" + options.address + "\" is no IP address");
    }
    if (!address.is_loopback()) {
        return std::unexpected("there is no authentication yet, so Tidemark listens on loopback only, not on " +
                               options.address);
    }
    tcp::endpoint endpoint(address, options.port);
    const std::string name = options.address + ":" + std::to_string(options.port);
    if (const auto free = probe(endpoint); !free) {
        return std::unexpected("cannot listen on " + name + ": " + free.error());
    }
    const unsigned threads = options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::unique_ptr<Worker>> workers;
    for (unsigned i = 0; i < threads; ++i) {
        workers.push_back(std::make_unique<Worker>(impl_->application, impl_->options, impl_->occupancy));
        const auto port = workers.back()->listen(endpoint);
        if (!port) {
            return std::unexpected("cannot listen on " + name + ": " + port.error());
        }
        endpoint.port(*port);
    }
    impl_->workers = std::move(workers);
    for (const auto& worker : impl_->workers) {
        worker->run();
    }
    return endpoint.port();
}

void Listener::stop() {
    if (impl_->workers.empty()) {
        return;
    }
    Occupancy& occupancy = *impl_->occupancy;
    announce_stop();
    for (const auto& worker : impl_->workers) {
        worker->begin_stop();
    }
    {
        std::unique_lock lock(occupancy.mutex);
        const bool drained =
            occupancy.none.wait_for(lock, impl_->options.drain, [&] { return occupancy.connections == 0; });
        if (!drained) {
            spdlog::warn("http: {} connections did not end in time and are closed", occupancy.connections.load());
        }
    }
    for (const auto& worker : impl_->workers) {
        worker->end_stop();
    }
    for (const auto& worker : impl_->workers) {
        worker->join();
    }
    impl_->workers.clear();
}

void Listener::announce_stop() {
    impl_->occupancy->stopping = true;
}

std::size_t Listener::connections() const {
    return impl_->occupancy->connections;
}

}  // namespace tidemark::api
