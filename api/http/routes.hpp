// The table of endpoints: one row says what is routed, checked, documented (/openapi.json) and counted.
#pragma once

#include "api/http/message.hpp"

#include <google/protobuf/descriptor.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::api {

enum class In : std::uint8_t { path, query, header };
enum class Kind : std::uint8_t { text, id, integer, flag, time, date, choice };

struct Param {
    std::string name;
    In in = In::query;
    Kind kind = Kind::text;
    std::string about;
    std::vector<std::string> choices;  // of Kind::choice
    bool required = false;
};

using Handler = std::function<void(RequestPtr, Responder)>;

struct Route {
    std::string method;   // GET serves HEAD as well
    std::string pattern;  // "/v1/sales/{id}/history"
    std::string group;    // heading in the document: "sales"
    std::string summary;
    std::vector<Param> params;  // a path parameter that is not listed is an id
    const google::protobuf::Descriptor* request = nullptr;
    const google::protobuf::Descriptor* response = nullptr;  // nullptr: other content, as `response_types` say
    std::vector<std::string> request_types;
    std::vector<std::string> response_types;
    std::vector<unsigned> problems;         // statuses besides those that every route may answer
    std::vector<unsigned> other_responses;  // statuses that come with `response` too
    bool streams = false;                   // reads its body itself
    Handler handler;

    [[nodiscard]] std::string id() const;  // "get_v1_sales_id_history": unique
};

class Routes {
public:
    Route& add(Route route);  // valid until the next is added

    struct Match {
        const Route* route = nullptr;
        std::map<std::string, std::string, std::less<>> path_params;
        std::vector<std::string> allowed;  // methods of the path, when the method is not among them
    };
    // Literal segments go before parameters. Parameters are percent-decoded.
    [[nodiscard]] Match match(std::string_view method, std::string_view path) const;

    [[nodiscard]] const std::vector<Route>& all() const { return routes_; }

private:
    std::vector<Route> routes_;
    std::vector<std::vector<std::string>> segments_;  // of the patterns
};

[[nodiscard]] std::vector<std::string> split_path(std::string_view path);

}  // namespace tidemark::api
