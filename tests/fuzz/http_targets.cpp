// Bytes that claim to be the head of a request. What the strict reader lets pass, Boost.Beast must refuse, or read as
// one message of the same length: two readings of one request are how requests are smuggled.
#include "api/http/message.hpp"
#include "api/http/strict.hpp"
#include "events/time.hpp"
#include "tests/fuzz/targets.hpp"

#include <boost/beast/http.hpp>

namespace tidemark::tests::fuzz {

void http_head(std::string_view input) {
    constexpr std::size_t fields = 64;
    // A head reaches to its first empty line.
    const std::size_t end = input.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        must(api::check_head(input, fields).has_value(), "a head without its end is refused");
        return;
    }
    const std::string_view head = input.substr(0, end + 4);
    if (const auto fault = api::check_head(head, fields)) {
        must(fault->status >= 400 && fault->status < 600 && !fault->detail.empty(), "a refusal says why");
        return;
    }
    namespace http = boost::beast::http;
    http::request_parser<http::empty_body> parser;
    boost::beast::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(head.data(), head.size()), error);
    if (error && error != http::error::need_buffer) return;  // answered 400, and the connection closed
    must(used == head.size() && parser.is_header_done(), "both see the same end of the head");
    const auto& message = parser.get();
    const auto lengths = message.count(http::field::content_length);
    must(lengths <= 1 && message.count(http::field::transfer_encoding) <= 1, "a body has one length");
    must(!(parser.chunked() && lengths > 0), "a body has one length");
    must(message.version() == 10 || message.count(http::field::host) == 1, "one host is named");
}

namespace {

std::string percent_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

// A time that is understood is told in one way.
void read_time(std::string_view text) {
    if (const auto time = events::parse_time(text)) {
        must(events::parse_time(events::format_time(*time)) == time, "a time is read as it was written");
    }
    if (const auto day = events::parse_date(text)) {
        must(events::parse_date(events::format_date(*day)) == day, "a date is read as it was written");
    }
}

}  // namespace

void query(std::string_view input) {
    const auto arguments = api::parse_query(input);
    if (!arguments) return;
    std::string again;
    for (const auto& [name, value] : *arguments) {
        read_time(value);
        again += "&" + percent_encoded(name) + "=" + percent_encoded(value);
    }
    must(api::parse_query(again) == arguments, "arguments are the same however they are encoded");
}

}  // namespace tidemark::tests::fuzz
