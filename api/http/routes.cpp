#include "api/http/routes.hpp"

#include <algorithm>
#include <stdexcept>

namespace tidemark::api {
namespace {

bool is_param(std::string_view segment) {
    return segment.starts_with('{');
}

// Whether the pattern takes the path.
bool takes(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
    if (pattern.size() != path.size()) {
        return false;
    }
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (!is_param(pattern[i]) && pattern[i] != path[i]) {
            return false;
        }
    }
    return true;
}

std::string literals(const std::vector<std::string>& pattern) {
    std::string mask;
    for (const std::string& segment : pattern) {
        mask += is_param(segment) ? '0' : '1';
    }
    return mask;
}

bool same_method(std::string_view asked, std::string_view route) {
    return asked == route || (asked == "HEAD" && route == "GET");
}

}  // namespace

std::string Route::id() const {
    std::string id = method;
    for (const char c : pattern) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain) {
            id += c;
        } else if (id.back() != '_' && c != '}') {
            id += '_';
        }
    }
    std::ranges::transform(id, id.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    while (id.back() == '_') {
        id.pop_back();
    }
    return id;
}

Route& Routes::add(Route route) {
    for (const Route& other : routes_) {
        if (other.method == route.method && other.pattern == route.pattern) {
            throw std::logic_error("two routes for " + route.method + " " + route.pattern);
        }
    }
    segments_.push_back(split_path(route.pattern));
    return routes_.emplace_back(std::move(route));
}

Routes::Match Routes::match(std::string_view method, std::string_view path) const {
    const std::vector<std::string> segments = split_path(path);
    Match match;
    std::string best;
    std::size_t at = 0;
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        if (!takes(segments_[i], segments)) {
            continue;
        }
        if (!same_method(method, routes_[i].method)) {
            match.allowed.push_back(routes_[i].method);
            continue;
        }
        if (match.route == nullptr || literals(segments_[i]) > best) {
            match.route = &routes_[i];
            best = literals(segments_[i]);
            at = i;
        }
    }
    if (match.route == nullptr) {
        return match;
    }
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const std::string& pattern = segments_[at][i];
        if (is_param(pattern)) {
            match.path_params.emplace(pattern.substr(1, pattern.size() - 2),
                                      percent_decoded(segments[i], false).value_or(segments[i]));
        }
    }
    return match;
}

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> segments;
    path.remove_prefix(path.starts_with('/') ? 1 : 0);
    while (true) {
        const std::size_t slash = path.find('/');
        segments.emplace_back(path.substr(0, slash));
        if (slash == std::string_view::npos) {
            return segments;
        }
        path.remove_prefix(slash + 1);
    }
}

}  // namespace tidemark::api
