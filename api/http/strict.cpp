#include "api/http/strict.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace tidemark::api {
namespace {

// RFC 9110 5.6.2.
bool token_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, token_char);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

HeadFault fault(std::string detail) {
    return {400, "BadRequest", std::move(detail)};
}

struct RequestLine {
    bool http_1_0 = false;
};

std::optional<HeadFault> check_request_line(std::string_view line, RequestLine& parsed) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return fault("a request line is: method, one blank, target, one blank, version");
    }
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(line.substr(0, first))) {
        return fault("the method is not a token");
    }
    if (!target.starts_with('/') || !std::ranges::all_of(target, [](char c) {
            return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != '#';
        })) {
        return fault("the target is a path that begins with / and has no blanks, # or control characters");
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return HeadFault{505, "VersionNotSupported", "HTTP/1.1 is spoken here"};
    }
    parsed.http_1_0 = version == "HTTP/1.0";
    return std::nullopt;
}

// What may be said once only: those that frame a message or address it, and those that we read.
bool single(std::string_view name) {
    static constexpr std::array names{"host",         "content-length",  "transfer-encoding", "authorization",
                                      "content-type", "idempotency-key", "if-match",          "if-none-match",
                                      "expect",       "correlation-id",  "last-event-id",     "content-encoding"};
    return std::ranges::find(names, name) != names.end() || name.starts_with("tidemark-");
}

struct Framing {
    bool host = false;
    bool length = false;
    bool chunked = false;
};

std::optional<HeadFault> check_framing(std::string_view name, std::string_view value, Framing& framing) {
    if (name == "host") {
        framing.host = true;
        if (value.empty() || value.find_first_of(" \t,/@?#\\") != std::string_view::npos) {
            return fault("Host is one name or address, with a port if need be");
        }
    } else if (name == "content-length") {
        framing.length = true;
        const bool digits = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
        if (value.empty() || value.size() > 18 || !digits) {
            return fault("Content-Length is one number in decimal digits");
        }
    } else if (name == "transfer-encoding") {
        framing.chunked = true;
        if (lower(value) != "chunked") {
            return fault("the only Transfer-Encoding here is chunked, once");
        }
    }
    return std::nullopt;
}

std::optional<HeadFault> check_field(std::string_view line, std::vector<std::string>& seen, Framing& framing) {
    if (line.front() == ' ' || line.front() == '\t') {
        return fault("header fields are not folded over lines");
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return fault("a header field is a token, directly followed by a colon");
    }
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    const bool clean = std::ranges::all_of(value, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
    if (!clean) {
        return fault("a header field holds no control characters");
    }
    if (single(name) && std::ranges::find(seen, name) != seen.end()) {
        return fault("the header field " + name + " may be there once only");
    }
    seen.push_back(name);
    return check_framing(name, value, framing);
}

}  // namespace

std::optional<HeadFault> check_head(std::string_view head, std::size_t max_fields) {
    RequestLine request_line;
    Framing framing;
    std::vector<std::string> seen;
    bool first = true;
    while (true) {
        const std::size_t end = head.find("\r\n");
        if (end == std::string_view::npos) {
            return fault("lines end in CR LF");
        }
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(end + 2);
        if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
            return fault("lines end in CR LF, and hold neither alone");
        }
        if (first) {
            first = false;
            if (auto wrong = check_request_line(line, request_line)) {
                return wrong;
            }
            continue;
        }
        if (line.empty()) {
            break;
        }
        if (seen.size() == max_fields) {
            return HeadFault{431, "TooManyHeaders", "at most " + std::to_string(max_fields) + " header fields"};
        }
        if (auto wrong = check_field(line, seen, framing)) {
            return wrong;
        }
    }
    if (!framing.host && !request_line.http_1_0) {
        return fault("HTTP/1.1 needs a Host");
    }
    if (framing.chunked && (framing.length || request_line.http_1_0)) {
        return fault("a body has one length: Content-Length, or chunked in HTTP/1.1");
    }
    return std::nullopt;
}

}  // namespace tidemark::api
