// What the handlers of views share.
#pragma once

#include "api/http/answers.hpp"
#include "api/http/context.hpp"
#include "api/http/params.hpp"
#include "api/http/read_position.hpp"
#include "projections/kpi/kpi.hpp"

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::api {

// 400 with the parameter at fault, or 404.
[[nodiscard]] Response query_problem(const projections::QueryError& error);

// Opens the view and answers what `ask` says: an expected of a message and a QueryError.
template <class Ask>
Response answer_query(const Context& context, const Request& request, const Params& params, std::string_view projection,
                      const Ask& ask) {
    if (params.problem()) {
        return *params.problem();
    }
    auto view = open_view(context, projection);
    if (!view) {
        return std::move(view.error());
    }
    const auto asked = ask(**view);
    return asked ? answer(request, *asked) : query_problem(asked.error());
}

// Nothing found as a QueryError.
template <class Message>
std::expected<Message, projections::QueryError> found(std::optional<Message> message, std::string_view kind,
                                                      std::string_view id) {
    if (message) {
        return std::move(*message);
    }
    return std::unexpected(
        projections::QueryError{"id", "there is no " + std::string(kind) + " \"" + std::string(id) + "\"", true});
}

// A GET of views on the query pool, with the headers that all views take.
void add_view(Routes& routes, const Context& context, Sources views, std::string pattern, std::string group,
              std::string summary, const google::protobuf::Descriptor* response, std::vector<Param> params,
              Response (*handle)(const Context&, const Request&));

// Of a KPI, and of reports that are read like one.
[[nodiscard]] projections::kpi::SeriesQuery series_query(Params& params);
[[nodiscard]] std::vector<Param> series_params();

[[nodiscard]] std::vector<Param> with_page(std::vector<Param> params);  // and limit, cursor

}  // namespace tidemark::api
