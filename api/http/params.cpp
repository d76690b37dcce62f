#include "api/http/params.hpp"

#include "api/http/answers.hpp"
#include "events/time.hpp"

#include <charconv>

namespace tidemark::api {

std::string Params::text(std::string_view name) const {
    return std::string(request_.argument(name).value_or(""));
}

std::optional<std::uint64_t> Params::number(std::string_view name) {
    const auto given = request_.argument(name);
    if (!given) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), value);
    if (error != std::errc{} || end != given->data() + given->size()) {
        fault(name, "expected a whole number, not negative");
        return std::nullopt;
    }
    return value;
}

std::optional<bool> Params::flag(std::string_view name) {
    const auto given = request_.argument(name);
    if (!given) {
        return std::nullopt;
    }
    if (*given != "true" && *given != "false") {
        fault(name, "expected true or false");
    }
    return *given == "true";
}

std::optional<events::Micros> Params::time(std::string_view name, const projections::kpi::Calendar& calendar) {
    const auto given = request_.argument(name);
    if (!given) {
        return std::nullopt;
    }
    if (const auto moment = events::parse_time(*given)) {
        return moment;
    }
    if (const auto day = events::parse_date(*given)) {
        return calendar.midnight(std::int64_t{*day} + 1) - 1;
    }
    fault(name, "expected a time as 2026-01-31T09:30:00Z (RFC 3339; in a URL + is %2B), or a date as 2026-01-31");
    return std::nullopt;
}

int Params::choice(std::string_view name, const google::protobuf::EnumDescriptor& names) {
    const auto given = request_.argument(name);
    if (!given) {
        return 0;
    }
    if (const auto* value = names.FindValueByName(std::string(*given))) {
        return value->number();
    }
    std::string all;
    for (int i = 0; i < names.value_count(); ++i) {
        if (names.value(i)->number() != 0) {
            all += (all.empty() ? "" : ", ") + names.value(i)->name();
        }
    }
    fault(name, "expected one of " + all);
    return 0;
}

std::vector<std::string> Params::list(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto& [key, value] : request_.query) {
        if (key != name) {
            continue;
        }
        std::string_view rest = value;
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            if (comma != 0) {
                out.emplace_back(rest.substr(0, comma));
            }
            rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        }
    }
    return out;
}

projections::Page Params::page() {
    projections::Page page;
    if (const auto limit = number("limit")) {
        if (*limit < 1 || *limit > 1'000) {
            fault("limit", "expected 1 to 1000");
        } else {
            page.limit = static_cast<std::uint32_t>(*limit);
        }
    }
    page.cursor = text("cursor");
    return page;
}

std::string Params::tenant() {
    const std::string_view tenant = request_.header("tidemark-tenant").value_or(events::default_tenant);
    if (!events::valid_id(tenant)) {
        fault("Tidemark-Tenant", "a tenant is 1 to 64 characters out of A-Z a-z 0-9 . _ : -");
    }
    return std::string(tenant);
}

void Params::fault(std::string_view name, std::string detail) {
    if (!problem_) {
        problem_ = api::problem(400, "BadParameter", detail, name);
    }
}

}  // namespace tidemark::api
