// How an aggregate says no: one enum of facts per aggregate, mapped once (`fact_of`) to the code and the
// category that everybody outside sees. Details are sentences (what, where, how to mend it) and never hold
// a personal value: a rejection is on record and outlives an erasure.
#pragma once

#include "events/v1/outcome.pb.h"

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::aggregates {

struct RejectionFact {
    std::string_view code;  // CamelCase: SaleAlreadyClosed; empty: there is no such rejection
    v1::RejectionCategory category = v1::REJECTION_CATEGORY_UNSPECIFIED;
};

// `field` is the path inside the aggregate's command ("open_sale.stage"); empty when no field is at fault.
template <class Enum>
[[nodiscard]] std::unexpected<v1::Rejection> refuse(Enum why, std::string_view field, std::string detail) {
    const RejectionFact fact = fact_of(why);
    v1::Rejection rejection;
    rejection.set_code(fact.code.data(), fact.code.size());
    rejection.set_category(fact.category);
    rejection.set_field(field.data(), field.size());
    rejection.set_detail(std::move(detail));
    return std::unexpected(std::move(rejection));
}

}  // namespace tidemark::aggregates
