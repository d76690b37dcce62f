// Makes a command out of a row, as a plan says. Pure; one thread.
#pragma once

#include "api/import/mapping.hpp"

namespace tidemark::api {

// Everything but tenant, actor and command id. A field whose text comes out empty stays unset; so does a
// message (or an element of a list) that was to be filled from columns when all of those are empty.
[[nodiscard]] std::expected<v1::Command, Fault> build_command(const CommandPlan& plan, Scope& scope);

// The column behind a field that somebody found fault with ("sale.open_sale.lines[0].quantity"); empty: none.
[[nodiscard]] std::string column_of(const CommandPlan& plan, std::string_view field, const FilePlan& file);

}  // namespace tidemark::api
