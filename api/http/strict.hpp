// Checks the head of a request before anything else reads it. Where two programs on the way could
// read one request differently (request smuggling), it is refused; Boost.Beast lets such shapes pass.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::api {

struct HeadFault {
    unsigned status = 400;
    std::string code;    // BadRequest, TooManyHeaders, VersionNotSupported ...
    std::string detail;  // the rule, for people
};

// `head` reaches from the request line to the empty line, both included. Nothing: it is well formed
// (RFC 9112), says its length in one way at most, and names one host. After a fault the connection must be closed.
[[nodiscard]] std::optional<HeadFault> check_head(std::string_view head, std::size_t max_fields);

}  // namespace tidemark::api
