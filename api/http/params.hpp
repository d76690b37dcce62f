// Parameters of a request, typed. The first that is wrong is kept as the fault; after it the values do not matter.
#pragma once

#include "api/http/message.hpp"
#include "events/ids.hpp"
#include "projections/kpi/calendar.hpp"
#include "projections/page.hpp"

#include <google/protobuf/descriptor.h>

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::api {

// What OpenAPI says of a parameter that Params::time reads.
inline constexpr std::string_view date_is_its_end = "A date alone is the end of that day in the tenant's time zone";

class Params {
public:
    explicit Params(const Request& request) : request_(request) {}

    [[nodiscard]] std::string text(std::string_view name) const;  // empty: not given
    [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name);
    [[nodiscard]] std::optional<bool> flag(std::string_view name);  // true, false
    // RFC 3339, or a date: the last moment of that day, as the tenant's calendar has it.
    [[nodiscard]] std::optional<events::Micros> time(std::string_view name, const projections::kpi::Calendar& calendar);
    // The number of a name of the enum; 0: not given.
    [[nodiscard]] int choice(std::string_view name, const google::protobuf::EnumDescriptor& names);
    [[nodiscard]] std::vector<std::string> list(std::string_view name) const;  // "a,b"; the parameter may be repeated
    [[nodiscard]] projections::Page page();                                    // limit, cursor
    [[nodiscard]] std::string tenant();                                        // of the header Tidemark-Tenant

    void fault(std::string_view name, std::string detail);
    // The answer to the first fault; nothing: all is well.
    [[nodiscard]] const std::optional<Response>& problem() const { return problem_; }

private:
    const Request& request_;
    std::optional<Response> problem_;
};

}  // namespace tidemark::api
