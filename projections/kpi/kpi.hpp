// KPIs: additive measures per bucket of time and dimension, kept by one generic fold that the catalogue drives, and
// formulas over them. Adding a measure changes the projection's version, so that it is back-filled from history; adding
// or changing a formula does not.
#pragma once

#include "projections/kpi/calendar.hpp"
#include "projections/kpi/fold.hpp"
#include "projections/kpi/formula.hpp"
#include "projections/kpi/kpi.pb.h"
#include "projections/page.hpp"
#include "projections/projection.hpp"

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace tidemark::projections::kpi {

inline constexpr std::string_view view_name = "kpi";

// Time zone and first day of week: of each tenant that is named, and of all others.
struct TenantTimes {
    TimeSettings others;
    std::map<std::string, TimeSettings, std::less<>> of;
};

// The catalogue that Tidemark comes with, in Protobuf text format.
[[nodiscard]] std::string_view built_in_catalogue();

struct SeriesQuery {
    std::string tenant;
    // RFC 3339, or dates in the tenant's time zone; `to` is exclusive. Empty: from the first, to the last. Widened to
    // whole buckets.
    std::string from, to;
    std::string grain = "month";                              // hour day week month quarter year
    std::vector<std::string> by;                              // dimensions of the KPI's family, or currency
    std::vector<std::pair<std::string, std::string>> filter;  // dimension, value
};

// Measures of a family in a bucket, for certain dimension values.
struct Cell {
    Bucket bucket;
    std::vector<std::string> dims;  // in the order of `by`
    std::string currency;           // empty where currencies do not matter
    std::vector<Amount> amounts;    // by measure
    bool operator<(const Cell& other) const {
        return std::tie(bucket, dims, currency) < std::tie(other.bucket, other.dims, other.currency);
    }
};

// Immutable: any thread.
class Kpis {
public:
    // An error names the entry and field at fault. `catalogue`: Protobuf text format (projections/kpi/catalogue.proto).
    [[nodiscard]] static std::expected<std::shared_ptr<const Kpis>, std::string> make(
        std::string_view catalogue = built_in_catalogue(), const TenantTimes& times = {});

    [[nodiscard]] static Projection projection(std::shared_ptr<const Kpis> kpis);

    [[nodiscard]] v1::KpiList list() const;
    // Unknown names are `not_found`.
    [[nodiscard]] std::expected<v1::KpiSeries, QueryError> series(const ViewReader& view, std::string_view kpi,
                                                                  const SeriesQuery& query) const;

    // The cells behind a series, for reports; `levels`: with what stood before, at every bucket from the first to the
    // last.
    [[nodiscard]] std::expected<std::vector<Cell>, QueryError> cells(const ViewReader& view, std::string_view family,
                                                                     const SeriesQuery& query, bool by_currency,
                                                                     bool levels = false) const;
    [[nodiscard]] int measure(std::string_view family, std::string_view measure) const;  // its place in Cell::amounts

    [[nodiscard]] const Calendar& calendar(std::string_view tenant) const;
    [[nodiscard]] const v1::KpiCatalogue& catalogue() const { return catalogue_; }

private:
    struct Compiled {
        int family;
        Formula formula;
        bool by_currency;
        v1::KpiDescription description;
    };
    [[nodiscard]] std::uint64_t fingerprint() const;
    [[nodiscard]] std::expected<void, std::string> compile_kpis();
    void fill(v1::KpiPoint& point, const Compiled& kpi, const Cell& cell) const;

    v1::KpiCatalogue catalogue_;
    Fold fold_;
    std::map<std::string, Calendar, std::less<>> calendars_;
    Calendar calendar_;  // of all other tenants
    std::vector<Compiled> kpis_;
};

}  // namespace tidemark::projections::kpi
