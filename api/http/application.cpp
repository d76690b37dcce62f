#include "api/http/application.hpp"

#include "api/http/answers.hpp"
#include "api/json/parse.hpp"
#include "api/json/tables.hpp"
#include "events/ids.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace tidemark::api {
namespace {

std::optional<Response> check_query(const Request& request) {
    for (const auto& [name, value] : request.query) {
        std::vector<std::string_view> known;
        for (const Param& param : request.route->params) {
            if (param.in == In::query) {
                known.push_back(param.name);
            }
        }
        if (!json::is_utf8(name) || !json::is_utf8(value)) {
            return problem(400, "BadUtf8", "parameters are UTF-8, percent-encoded");
        }
        if (std::ranges::find(known, name) == known.end()) {
            const std::string_view near = json::nearest_of(name, known);
            return problem(400, "UnknownParameter",
                           "this endpoint has no such parameter" +
                               (near.empty() ? std::string() : "; did you mean \"" + std::string(near) + "\"?"),
                           name.substr(0, 64));
        }
    }
    return std::nullopt;
}

std::optional<Response> check_headers(const Request& request) {
    for (const auto& [name, value] : request.headers) {
        if (!json::is_utf8(value)) {
            return problem(400, "BadUtf8", "header fields are UTF-8", name);
        }
    }
    return std::nullopt;
}

std::optional<Response> check_content(const Request& request) {
    const Route& route = *request.route;
    if (request.header("content-encoding")) {
        return problem(415, "UnsupportedEncoding", "bodies are taken as they are, without Content-Encoding");
    }
    // A body may be absent, and what says its type with it; from a web page the type is what makes the browser ask
    // first.
    const bool absent = request.body.empty() && !route.streams && !request.header("origin");
    if (route.request_types.empty() || absent) {
        return std::nullopt;
    }
    const std::string type = media_type(request.header("content-type").value_or(""));
    if (std::ranges::find(route.request_types, type) != route.request_types.end()) {
        return std::nullopt;
    }
    std::string all;
    for (const std::string& known : route.request_types) {
        all += (all.empty() ? "" : " or ") + known;
    }
    return problem(415, "UnsupportedMediaType", "send Content-Type: " + all, "Content-Type");
}

// A page of another site must not change anything through the browser of somebody who is at this machine.
bool of_other_site(const Request& request) {
    if (request.method == "GET" || request.method == "HEAD") {
        return false;
    }
    if (request.header("sec-fetch-site") == "cross-site") {
        return true;
    }
    const auto origin = request.header("origin");  // "http://localhost:3000", or "null"
    if (!origin) {
        return false;
    }
    const std::size_t scheme = origin->find("://");
    return scheme == std::string_view::npos || !names_loopback(origin->substr(scheme + 3));
}

// An address, not a name that begins like one (127.example.com).
bool is_127(std::string_view host) {
    return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

// What is no id may be anything, a name too.
std::vector<consumers::LogField> ids_of(const Request& request) {
    std::vector<consumers::LogField> ids{{"request", request.id}};
    if (events::valid_id(request.command_id)) {
        ids.emplace_back("command", request.command_id);
    }
    return ids;
}

bool names_loopback(std::string_view host) {
    if (host.starts_with('[')) {
        return host.substr(0, host.find(']') + 1) == "[::1]";
    }
    const std::string_view name = host.substr(0, host.find(':'));
    return name == "localhost" || is_127(name) || name.ends_with(".localhost");
}

bool RoutedApplication::streams(Request& head) {
    auto match = routes_.match(head.method, head.path);
    head.route = match.route;
    head.path_params = std::move(match.path_params);
    return head.route != nullptr && head.route->streams;
}

Response RoutedApplication::no_route(const Request& request) const {
    const auto match = routes_.match(request.method, request.path);
    if (match.allowed.empty()) {
        return api::problem(404, "NoSuchEndpoint", "there is no such path; GET /openapi.json lists all of them");
    }
    std::string allow;
    for (const std::string& method : match.allowed) {
        allow += (allow.empty() ? "" : ", ") + method + (method == "GET" ? ", HEAD" : "");
    }
    auto response = api::problem(405, "MethodNotAllowed", "this path takes " + allow);
    response.headers.emplace_back("Allow", allow);
    return response;
}

std::optional<Response> RoutedApplication::refusal(const Request& request) const {
    if (const auto host = request.header("host"); host && !names_loopback(*host)) {
        return api::problem(421, "MisdirectedRequest",
                            "without authentication only names of this machine for itself are served: localhost, "
                            "127.0.0.1, [::1]",
                            "Host");
    }
    if (of_other_site(request)) {
        return api::problem(403, "CrossSite", "pages of other sites may not issue commands here", "Origin");
    }
    if (request.route == nullptr) {
        return no_route(request);
    }
    if (auto wrong = check_headers(request)) {
        return wrong;
    }
    if (auto wrong = check_query(request)) {
        return wrong;
    }
    return check_content(request);
}

void RoutedApplication::handle(RequestPtr request, Responder responder) {
    if (auto refused = refusal(*request)) {
        responder.respond(std::move(*refused));
        return;
    }
    try {
        request->route->handler(request, std::move(responder));
    } catch (const std::exception& error) {  // the responder answers 500 where it ends
        spdlog::error("{}", consumers::with_fields("http: " + request->method + " " + request->route->pattern +
                                                       " ended in an exception: " + error.what(),
                                                   ids_of(*request)));
    }
}

Response RoutedApplication::problem(unsigned status, std::string_view code, std::string_view detail) {
    return api::problem(status, code, detail);
}

// Neither path nor parameters are logged: they may hold names of people.
void RoutedApplication::answered(const Request& request, unsigned status, std::size_t bytes) {
    const std::string_view route = request.route != nullptr ? std::string_view(request.route->pattern) : "none";
    const auto took = std::chrono::steady_clock::now() - request.began;
    // Methods come from outside: only those that we route become a label.
    metrics_.request(request.route != nullptr ? std::string_view(request.route->method) : "other", route, status, took,
                     bytes);
    const auto level = status >= 500 ? spdlog::level::warn : spdlog::level::debug;
    if (!spdlog::should_log(level)) {
        return;
    }
    const auto left_out =
        status == 503 ? refusals_.tell(std::chrono::steady_clock::now()) : std::optional<std::size_t>(0);
    if (!left_out) {
        return;
    }
    const std::string_view method = request.route != nullptr ? std::string_view(request.method) : "?";
    std::string message = "http: " + std::string(method) + " " + std::string(route) + " -> " + std::to_string(status);
    if (*left_out != 0) {
        message += "; " + std::to_string(*left_out) + " refusals before it are not told";
    }
    auto fields = ids_of(request);
    fields.emplace_back("us", std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    fields.emplace_back("bytes", std::to_string(bytes));
    spdlog::log(level, "{}", consumers::with_fields(message, fields));
}

std::optional<std::size_t> Sparing::tell(std::chrono::steady_clock::time_point now) {
    constexpr std::size_t most_in_a_second = 5;
    const std::lock_guard lock(mutex_);
    if (now - second_ >= std::chrono::seconds(1)) {
        second_ = now;
        told_ = 0;
    }
    if (told_ == most_in_a_second) {
        ++left_out_;
        return std::nullopt;
    }
    ++told_;
    return std::exchange(left_out_, 0);
}

}  // namespace tidemark::api
