// POST /v1/backups: a backup of the log while it is served, into the directory that the server's settings name. What
// asks for one says only how it is called, never where it lies.
#include "api/http/answers.hpp"
#include "api/http/context.hpp"
#include "api/json/parse.hpp"

#include <algorithm>

namespace tidemark::api {
namespace {

constexpr std::chrono::hours longest_backup{12};

// A file name of its own: nothing that leads elsewhere, nothing that is hidden.
bool plain_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    return !name.empty() && name.size() <= 64 && name.front() != '.' && !name.ends_with(".partial") &&
           std::ranges::all_of(name, allowed);
}

std::optional<Response> read(const Request& request, v1::BackupRequest& body) {
    if (media_type(request.header("content-type").value_or("")) == protobuf_type) {
        if (!body.ParseFromString(request.body)) {
            return problem(400, "BadProtobuf", "expected a tidemark.v1.BackupRequest");
        }
    } else {
        json::Parser parser;
        if (const auto parsed = parser.parse(request.body, body); !parsed) {
            return problem(400, parsed.error().code, parsed.error().detail, parsed.error().field);
        }
    }
    if (!plain_name(body.name())) {
        return problem(422, "BadName", "expected letters, digits, - _ and . (not as the first), at most 64", "name");
    }
    return std::nullopt;
}

Response back_up(const Context& context, const Request& request) {
    v1::BackupRequest asked;
    if (auto wrong = read(request, asked)) {
        return std::move(*wrong);
    }
    if (!context.services.back_up) {
        return problem(404, "NoBackups", "this server makes no backups");
    }
    const auto made = context.services.back_up(asked.name());
    if (!made) {
        return problem(409, "BackupNotMade", made.error());
    }
    v1::BackupAnswer told;
    told.set_name(asked.name());
    told.set_directory(made->directory);
    told.set_log_id(context.services.log.identity().id.text());
    told.set_incarnation(context.services.log.identity().incarnation);
    told.set_blocks(made->blocks);
    told.set_records(made->records);
    return answer(request, told, 201);
}

}  // namespace

void add_backup_routes(Routes& routes, const Context& context) {
    Route route;
    route.method = "POST";
    route.pattern = "/v1/backups";
    route.group = "operations";
    route.summary =
        "Copies everything acknowledged so far into a directory on the server's machine, while it is served. "
        "`tidemark backup` does this and reads the copy back";
    route.request = v1::BackupRequest::descriptor();
    route.response = v1::BackupAnswer::descriptor();
    route.request_types = {std::string(json_type), std::string(protobuf_type)};
    route.response_types = {std::string(json_type), std::string(protobuf_type)};
    route.problems = {404, 409, 415, 422};
    route.handler = [&context](RequestPtr request, Responder responder) {
        // Not by a request's ordinary deadline: a copy onto another disk takes as long as it takes.
        auto exchange = responder.stream();
        exchange->after(longest_backup, [exchange] {
            exchange->respond(problem(503, "DeadlineExceeded", "the backup was not there in time; it goes on"));
        });
        answer_on_pool(context, std::move(request), Responder(exchange),
                       [&context](const Request& asked) { return back_up(context, asked); });
    };
    routes.add(std::move(route));
}

}  // namespace tidemark::api
