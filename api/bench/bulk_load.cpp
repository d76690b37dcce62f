#include "api/bench/bulk_load.hpp"

#include "aggregates/command.pb.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <google/protobuf/io/coded_stream.h>

#include <chrono>
#include <thread>

namespace tidemark::api {

namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
using boost::beast::error_code;
using Clock = std::chrono::steady_clock;
using google::protobuf::io::CodedInputStream;

constexpr std::size_t read_bytes = 256 * 1024;

// Takes whole outcomes off the front and counts them.
class Outcomes {
public:
    explicit Outcomes(BulkForm form) : form_(form) {}

    void take(std::string_view bytes) {
        rest_ += bytes;
        const std::size_t used = form_ == BulkForm::ndjson ? take_lines() : take_messages();
        rest_.erase(0, used);
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] const std::string& failure() const { return failure_; }

private:
    std::size_t take_lines() {
        std::size_t used = 0;
        for (std::size_t end; (end = rest_.find('\n', used)) != std::string::npos; used = end + 1) {
            const std::string_view line = std::string_view(rest_).substr(used, end - used);
            if (line.find("\"ACCEPTED\"") == line.npos) failure_ = line;
            ++count_;
        }
        return used;
    }
    std::size_t take_messages() {
        std::size_t used = 0;
        for (;;) {
            CodedInputStream in(reinterpret_cast<const std::uint8_t*>(rest_.data()) + used,
                                static_cast<int>(rest_.size() - used));
            std::uint32_t length = 0;
            if (!in.ReadVarint32(&length)) return used;
            const auto head = static_cast<std::size_t>(in.CurrentPosition());
            if (rest_.size() - used - head < length) return used;
            v1::Outcome outcome;
            if (!outcome.ParseFromArray(rest_.data() + used + head, static_cast<int>(length))) {
                failure_ = "an outcome does not parse";
            } else if (outcome.status() != v1::ACCEPTED) {
                failure_ = outcome.ShortDebugString();
            }
            ++count_;
            used += head + length;
        }
    }

    BulkForm form_;
    std::string rest_;
    std::uint64_t count_ = 0;
    std::string failure_;
};

void write_all(tcp::socket& socket, const std::function<std::string_view()>& next, std::string& failure) {
    error_code error;
    for (std::string_view piece = next(); !error; piece = next()) {
        if (piece.empty()) {
            net::write(socket, http::make_chunk_last(), error);
            break;
        }
        net::write(socket, http::make_chunk(net::const_buffer(piece.data(), piece.size())), error);
    }
    if (error) failure = "sending: " + error.message();
}

}  // namespace

std::expected<BulkLoadResult, std::string> put_bulk(std::uint16_t port, BulkForm form,
                                                    const std::function<std::string_view()>& next) {
    net::io_context io(1);
    tcp::socket socket(io);
    error_code error;
    socket.connect({net::ip::address_v4::loopback(), port}, error);
    if (error) return std::unexpected(error.message());
    socket.set_option(tcp::no_delay(true), error);
    http::request<http::empty_body> request(http::verb::post, "/v1/commands", 11);
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::content_type,
                form == BulkForm::ndjson ? "application/x-ndjson" : "application/x-protobuf-delimited");
    request.chunked(true);
    http::request_serializer<http::empty_body> head(request);
    const auto started = Clock::now();
    http::write_header(socket, head, error);
    if (error && error != http::error::end_of_stream) return std::unexpected(error.message());
    std::string sending_failed;
    std::jthread sender([&] { write_all(socket, next, sending_failed); });

    boost::beast::flat_buffer buffer;
    buffer.reserve(read_bytes);
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    http::read_header(socket, buffer, parser, error);
    Outcomes outcomes(form);
    std::string room(read_bytes, '\0');
    while (!error && !parser.is_done() && outcomes.failure().empty()) {
        parser.get().body().data = room.data();
        parser.get().body().size = room.size();
        http::read_some(socket, buffer, parser, error);
        if (error == http::error::need_buffer) error = {};
        outcomes.take(std::string_view(room).substr(0, room.size() - parser.get().body().size));
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
    error_code ignored;  // it may be closed by the other side already
    socket.shutdown(tcp::socket::shutdown_both, ignored);
    sender.join();
    if (parser.is_header_done() && parser.get().result_int() != 200) {
        return std::unexpected("the server answers " + std::to_string(parser.get().result_int()));
    }
    if (!outcomes.failure().empty()) return std::unexpected("not accepted: " + outcomes.failure());
    if (error) return std::unexpected("receiving: " + error.message());
    if (!sending_failed.empty()) return std::unexpected(sending_failed);
    return BulkLoadResult{.outcomes = outcomes.count(), .seconds = seconds};
}

}  // namespace tidemark::api
