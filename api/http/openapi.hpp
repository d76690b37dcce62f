// /openapi.json (OpenAPI 3.1), made from the table of routes, the message descriptors and the rules on their fields.
#pragma once

#include "api/http/routes.hpp"

#include <string>

namespace tidemark::api {

// Indented, with a line break at the end; the same routes give the same bytes.
[[nodiscard]] std::string openapi_document(const Routes& routes);

}  // namespace tidemark::api
