#include "events/money.hpp"
#include "events/time.hpp"
#include "projections/kpi/kpi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace tidemark::projections::kpi {

namespace {

constexpr std::size_t max_points = 100'000;
constexpr Bucket no_bucket = std::numeric_limits<Bucket>::max();

std::unexpected<QueryError> wrong(std::string field, std::string what) {
    return std::unexpected(QueryError{std::move(field), std::move(what)});
}

std::expected<events::Micros, QueryError> time_of(const Calendar& calendar, const char* field,
                                                  const std::string& text) {
    if (const auto date = events::parse_date(text)) return calendar.midnight(*date);
    if (const auto time = events::parse_time(text)) return *time;
    return wrong(field, "\"" + text + "\" is neither a date (2026-01-31) nor a time (2026-01-31T09:30:00Z)");
}

// What a question means for the cells: where to look, what to keep.
struct Plan {
    int family = 0;
    Grain grain = Grain::month;         // of the answer
    CellTable table{};                  // that is read
    Bucket first = 0, end = no_bucket;  // of the answer's grain; end exclusive
    bool from_start = true;
    std::vector<int> by;  // dimensions, in the order asked
    bool by_currency = false;
    std::vector<std::pair<int, std::string>> filter;
    std::string currency;  // filter; empty: any
};

Grain kept_grain(Grain grain, DimensionSet set) {
    if (grain == Grain::hour) return Grain::hour;
    if (grain == Grain::day || grain == Grain::week) return set == cube ? Grain::hour : Grain::day;
    return Grain::month;
}

std::expected<int, QueryError> dimension(const v1::MeasureFamily& family, bool money, const char* field,
                                         const std::string& name) {
    for (int i = 0; i < family.dimensions_size(); ++i)
        if (family.dimensions(i).name() == name) return i;
    std::string known;
    for (const auto& d : family.dimensions()) known += (known.empty() ? "" : ", ") + d.name();
    if (money) known += ", currency";
    return wrong(field, "\"" + name + "\" is no dimension here; there are " + known);
}

std::expected<void, QueryError> plan_dimensions(Plan& plan, const v1::MeasureFamily& family, bool money,
                                                const SeriesQuery& query) {
    std::vector<int> needed;
    for (const auto& name : query.by) {
        if (name == "currency" && money) {
            plan.by_currency = true;
            continue;
        }
        auto d = dimension(family, money, "by", name);
        if (!d) return std::unexpected(d.error());
        plan.by.push_back(*d);
        needed.push_back(*d);
    }
    for (const auto& [name, value] : query.filter) {
        if (name == "currency" && money) {
            plan.currency = value;
            continue;
        }
        auto d = dimension(family, money, "filter", name);
        if (!d) return std::unexpected(d.error());
        plan.filter.emplace_back(*d, value);
        needed.push_back(*d);
    }
    std::ranges::sort(needed);
    needed.erase(std::ranges::unique(needed).begin(), needed.end());
    plan.table.set = needed.empty() ? total : needed.size() == 1 ? static_cast<DimensionSet>(1 + needed.front()) : cube;
    const bool single = plan.table.set != total && plan.table.set != cube;
    if (single && (family.dimensions(needed.front()).from_cube() || plan.grain == Grain::hour)) plan.table.set = cube;
    plan.table.grain = kept_grain(plan.grain, plan.table.set);
    return {};
}

std::expected<void, QueryError> plan_range(Plan& plan, const Calendar& calendar, const SeriesQuery& query) {
    if (!query.from.empty()) {
        auto from = time_of(calendar, "from", query.from);
        if (!from) return std::unexpected(from.error());
        plan.first = calendar.bucket(plan.grain, *from);
        plan.from_start = false;
    }
    if (!query.to.empty()) {
        auto to = time_of(calendar, "to", query.to);
        if (!to) return std::unexpected(to.error());
        plan.end = calendar.next(plan.grain, calendar.bucket(plan.grain, *to - 1));
        if (!plan.from_start && plan.end <= plan.first) return wrong("to", "must be after `from`");
    }
    return {};
}

using Group = std::pair<std::vector<std::string>, std::string>;  // dimension values, currency

// Reads cells of one table from bucket `first` up to `end`; both nothing: all.
class CellScan {
public:
    CellScan(const ViewReader& view, const Plan& plan, std::string_view tenant, int dimensions, CellLayout layout)
        : view_(view), plan_(plan), tenant_(tenant), dimensions_(dimensions), layout_(std::move(layout)) {}

    using Visit = std::function<void(Bucket, const Group&, const v1::KpiCell&)>;
    void operator()(Grain grain, std::optional<Bucket> first, std::optional<Bucket> end, const Visit& visit) const {
        const std::string prefix = cells_prefix(tenant_, plan_.family, {plan_.table.set, grain});
        std::string from = prefix;
        if (first) append_bucket(from, *first);
        std::string to = prefix;
        if (end) append_bucket(to, *end);
        v1::KpiCell cell;
        view_.scan(0, from, end ? to : range_end(prefix), [&](std::string_view key, std::string_view value) {
            key.remove_prefix(prefix.size());
            const Bucket bucket = take_time(key);
            const auto group = group_of(key);
            if (!group) return true;
            if (!cell.ParseFromArray(value.data(), static_cast<int>(value.size())))
                throw std::runtime_error("a row of view kpi does not parse");
            visit(bucket, *group, cell);
            return true;
        });
    }

    // While a new measure is back-filled, the cells of the former catalogue answer: they end before it.
    void add(std::vector<Amount>& to, const v1::KpiCell& cell) const {
        to.resize(layout_.slots.size());
        for (std::size_t m = 0; m < to.size(); ++m) {
            const auto& slot = layout_.slots[m];
            if (slot.value >= cell.values_size()) continue;
            to[m].value += cell.values(slot.value);
            if (slot.bins < 0) continue;
            to[m].sum += cell.values(slot.value + 1);
            merge(to[m].bins, cell.bins(slot.bins));
        }
    }

private:
    static std::string take_dimension(std::string_view& key) {
        if (key.empty())
            throw std::runtime_error(
                "a KPI cell has fewer dimensions than the catalogue: the view is still made again");
        return take_text(key);
    }
    // Nothing: a filter keeps it out.
    std::optional<Group> group_of(std::string_view key) const {
        std::vector<std::string> values(static_cast<std::size_t>(dimensions_));
        if (plan_.table.set == cube) {
            for (auto& value : values) value = take_dimension(key);
        } else if (plan_.table.set != total) {
            values[plan_.table.set - 1u] = take_text(key);
        }
        Group group{{}, take_dimension(key)};
        for (const auto& [d, wanted] : plan_.filter)
            if (values[static_cast<std::size_t>(d)] != wanted) return {};
        if (!plan_.currency.empty() && group.second != plan_.currency) return {};
        for (const int d : plan_.by) group.first.push_back(values[static_cast<std::size_t>(d)]);
        if (!plan_.by_currency) group.second.clear();
        return group;
    }

    const ViewReader& view_;
    const Plan& plan_;
    std::string_view tenant_;
    int dimensions_;
    CellLayout layout_;
};

using Amounts = std::vector<Amount>;
using ByBucket = std::map<std::pair<Bucket, Group>, Amounts>;

// What stood at the start of the first bucket: whole months before, and the rest of its month.
std::map<Group, Amounts> stock_before(const CellScan& scan, const Plan& plan, const Calendar& calendar) {
    std::map<Group, Amounts> stock;
    const auto add = [&](Bucket, const Group& group, const v1::KpiCell& cell) { scan.add(stock[group], cell); };
    const auto start = calendar.start(plan.grain, plan.first);
    const auto month = calendar.bucket(Grain::month, start);
    scan(Grain::month, {}, month, add);
    if (plan.table.grain != Grain::month)
        scan(plan.table.grain, calendar.bucket(plan.table.grain, calendar.start(Grain::month, month)),
             calendar.bucket(plan.table.grain, start), add);
    return stock;
}

// Gives every group a cell in every bucket, with its levels.
std::expected<ByBucket, QueryError> with_levels(ByBucket flows, std::map<Group, Amounts> stock, Plan plan,
                                                const Calendar& calendar) {
    ByBucket all;
    for (const auto& [place, amounts] : flows) stock.try_emplace(place.second, amounts.size());
    if (stock.empty()) return all;
    if (plan.from_start) plan.first = flows.begin()->first.first;
    if (plan.end == no_bucket)
        plan.end = flows.empty() ? calendar.next(plan.grain, plan.first)
                                 : calendar.next(plan.grain, flows.rbegin()->first.first);
    for (Bucket bucket = plan.first; bucket < plan.end; bucket = calendar.next(plan.grain, bucket)) {
        for (auto& [group, before] : stock) {
            if (all.size() == max_points)
                return wrong("from", "the answer has over 100,000 points: narrow the range or widen the grain");
            auto& now = all[{bucket, group}];
            if (const auto flow = flows.find({bucket, group}); flow != flows.end()) now = std::move(flow->second);
            now.resize(before.size());
            for (std::size_t m = 0; m < before.size(); ++m) now[m].level = before[m].value += now[m].value;
        }
    }
    return all;
}

}  // namespace

std::expected<std::vector<Cell>, QueryError> Kpis::cells(const ViewReader& view, std::string_view family_name,
                                                         const SeriesQuery& query, bool by_currency,
                                                         bool levels) const {
    const auto found = std::ranges::find(catalogue_.families(), family_name, &v1::MeasureFamily::name);
    if (found == catalogue_.families().end())
        return std::unexpected(QueryError{"family", "there is none named " + std::string(family_name), true});
    const auto& family = *found;
    const auto grain = parse_grain(query.grain);
    if (!grain) return wrong("grain", "must be one of hour, day, week, month, quarter, year");

    Plan plan{.family = static_cast<int>(found - catalogue_.families().begin()), .grain = *grain};
    plan.by_currency = by_currency;
    const auto& times = calendar(query.tenant);
    if (auto planned = plan_dimensions(plan, family, fold_.has_money(plan.family), query); !planned)
        return std::unexpected(planned.error());
    if (auto planned = plan_range(plan, times, query); !planned) return std::unexpected(planned.error());

    const CellScan scan(view, plan, query.tenant, family.dimensions_size(), layout_of(family));
    std::optional<Bucket> first, end;
    if (!plan.from_start) first = times.bucket(plan.table.grain, times.start(plan.grain, plan.first));
    if (plan.end != no_bucket) end = times.bucket(plan.table.grain, times.start(plan.grain, plan.end));
    ByBucket sums;
    bool too_many = false;
    scan(plan.table.grain, first, end, [&](Bucket bucket, const Group& group, const v1::KpiCell& cell) {
        if (sums.size() > max_points) too_many = true;
        if (!too_many) scan.add(sums[{times.widen(plan.table.grain, bucket, plan.grain), group}], cell);
    });
    if (too_many) return wrong("from", "the answer has over 100,000 points: narrow the range or widen the grain");
    if (levels) {
        auto stock = plan.from_start ? std::map<Group, Amounts>() : stock_before(scan, plan, times);
        auto filled = with_levels(std::move(sums), std::move(stock), plan, times);
        if (!filled) return std::unexpected(filled.error());
        sums = std::move(*filled);
    }
    std::vector<Cell> cells;
    for (auto& [place, amounts] : sums)
        cells.push_back({place.first, place.second.first, place.second.second, std::move(amounts)});
    return cells;
}

void Kpis::fill(v1::KpiPoint& point, const Compiled& kpi, const Cell& cell) const {
    const auto unit = kpi.description.unit();
    if (const auto value =
            kpi.formula.value(cell.amounts, std::pow(10, events::minor_digits(cell.currency).value_or(0)))) {
        if (unit == v1::MONEY || unit == v1::MONEY_PER_DAY) {
            point.mutable_money()->set_minor(std::llround(*value));
            point.mutable_money()->set_currency(cell.currency);
        } else {
            point.set_value(static_cast<double>(*value));
        }
    }
    const auto& measures = catalogue_.families(kpi.family).measures();
    for (const int m : kpi.formula.measures()) {
        const auto& amount = cell.amounts[static_cast<std::size_t>(m)];
        auto& shown = *point.add_measures();
        shown.set_name(measures[m].name());
        shown.set_cumulative(kpi.formula.is_level(m));
        shown.set_value(shown.cumulative() ? amount.level : amount.value);
        if (measures[m].kind() == v1::HISTOGRAM) shown.set_sum(amount.sum);
    }
}

std::expected<v1::KpiSeries, QueryError> Kpis::series(const ViewReader& view, std::string_view kpi_name,
                                                      const SeriesQuery& query) const {
    const auto kpi = std::ranges::find_if(kpis_, [&](const Compiled& k) { return k.description.name() == kpi_name; });
    if (kpi == kpis_.end())
        return std::unexpected(QueryError{"kpi", "there is none named " + std::string(kpi_name), true});
    auto found =
        cells(view, catalogue_.families(kpi->family).name(), query, kpi->by_currency, kpi->formula.reads_levels());
    if (!found) return std::unexpected(found.error());

    const auto& times = calendar(query.tenant);
    const auto grain = parse_grain(query.grain).value();
    v1::KpiSeries series;
    *series.mutable_kpi() = kpi->description;
    series.set_grain(query.grain);
    series.set_time_zone(times.settings().zone);
    std::vector<std::string> names;
    for (const auto& name : query.by) {
        series.add_by(name);
        if (name != "currency") names.push_back(name);
    }
    for (const auto& cell : *found) {
        const bool something = std::ranges::any_of(kpi->formula.measures(), [&](int m) {
            const auto& amount = cell.amounts[static_cast<std::size_t>(m)];
            return amount.value != 0 || amount.sum != 0 || amount.level != 0;
        });
        if (!something) continue;  // another measure of the family was there
        auto& point = *series.add_points();
        point.set_bucket(times.label(grain, cell.bucket));
        point.set_start(times.start(grain, cell.bucket));
        point.set_currency(cell.currency);
        for (std::size_t d = 0; d < names.size(); ++d) {
            auto& dim = *point.add_dims();
            dim.set_name(names[d]);
            dim.set_value(cell.dims[d]);
        }
        fill(point, *kpi, cell);
    }
    return series;
}

}  // namespace tidemark::projections::kpi
