#include "api/http/message.hpp"

#include <stdexcept>

namespace tidemark::api {
namespace {

std::optional<std::string_view> find(const std::vector<std::pair<std::string, std::string>>& pairs,
                                     std::string_view name) {
    for (const auto& [key, value] : pairs) {
        if (key == name) {
            return value;
        }
    }
    return std::nullopt;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view lower_case_name) const {
    return find(headers, lower_case_name);
}

std::optional<std::string_view> Request::argument(std::string_view name) const {
    return find(query, name);
}

const std::string& Request::path_param(std::string_view name) const {
    const auto found = path_params.find(name);
    if (found == path_params.end()) {
        throw std::logic_error("the route has no parameter " + std::string(name));
    }
    return found->second;
}

Responder::~Responder() {
    if (exchange_) {
        Response lost;
        lost.status = 500;
        lost.content_type = "application/problem+json";
        lost.body = R"({"type":"about:blank","title":"Internal Server Error","status":500,"code":"Unanswered",)"
                    R"("detail":"the request found no answer; this is a defect of the server"})";
        exchange_->respond(std::move(lost));
    }
}

void Responder::respond(Response response) {
    if (const auto exchange = std::exchange(exchange_, nullptr)) {
        exchange->respond(std::move(response));
    }
}

void Responder::respond_with(std::move_only_function<Response()> make) {
    if (const auto exchange = std::exchange(exchange_, nullptr)) {
        exchange->post([exchange, make = std::move(make)]() mutable { exchange->respond(make()); });
    }
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0) {
            return std::nullopt;
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view part = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
        if (part.empty()) {
            continue;
        }
        const std::size_t equals = part.find('=');
        auto name = percent_decoded(part.substr(0, equals), true);
        auto value = equals == std::string_view::npos ? std::string{} : percent_decoded(part.substr(equals + 1), true);
        if (!name || !value) {
            return std::nullopt;
        }
        out.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

}  // namespace tidemark::api
