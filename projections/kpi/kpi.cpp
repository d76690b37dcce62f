#include "projections/kpi/kpi.hpp"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <stdexcept>

namespace tidemark::projections::kpi {

namespace {

// Raised when cells are laid out or worked out in another way: then all are made again.
constexpr std::uint64_t cells_version = 3;

class FirstError final : public google::protobuf::io::ErrorCollector {
public:
    void AddError(int line, int column, const std::string& message) override {
        if (text.empty())
            text = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " + message;
    }
    std::string text;
};

std::uint64_t fnv1a(std::uint64_t hash, std::string_view bytes) {
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ull;
    return hash;
}

}  // namespace

std::expected<std::shared_ptr<const Kpis>, std::string> Kpis::make(std::string_view catalogue,
                                                                   const TenantTimes& times) {
    auto kpis = std::make_shared<Kpis>();
    FirstError error;
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&error);
    if (!parser.ParseFromString(std::string(catalogue), &kpis->catalogue_))
        return std::unexpected("KPI catalogue: " + error.text);
    auto fold = Fold::compile(kpis->catalogue_);
    if (!fold) return std::unexpected("KPI catalogue: " + fold.error());
    kpis->fold_ = std::move(*fold);
    if (auto compiled = kpis->compile_kpis(); !compiled) return std::unexpected("KPI catalogue: " + compiled.error());

    auto others = Calendar::make(times.others);
    if (!others) return std::unexpected(others.error());
    kpis->calendar_ = std::move(*others);
    for (const auto& [tenant, settings] : times.of) {
        auto calendar = Calendar::make(settings);
        if (!calendar) return std::unexpected("tenant " + tenant + ": " + calendar.error());
        kpis->calendars_.emplace(tenant, std::move(*calendar));
    }
    return kpis;
}

std::expected<void, std::string> Kpis::compile_kpis() {
    for (const auto& kpi : catalogue_.kpis()) {
        const auto fail = [&](const std::string& why) { return std::unexpected("KPI " + kpi.name() + ": " + why); };
        const auto family = std::ranges::find(catalogue_.families(), kpi.family(), &v1::MeasureFamily::name);
        if (family == catalogue_.families().end()) return fail("family: there is none named " + kpi.family());
        const auto f = static_cast<int>(family - catalogue_.families().begin());
        if (kpi.unit() == v1::KPI_UNIT_UNSPECIFIED) return fail("unit: is missing");
        if (std::ranges::any_of(kpis_, [&](const Compiled& k) { return k.description.name() == kpi.name(); }))
            return fail("name: is there twice");
        auto formula = Formula::compile(*family, kpi.formula());
        if (!formula) return fail("formula: " + formula.error());
        Compiled compiled{f, std::move(*formula), false, {}};
        for (const int m : compiled.formula.measures()) compiled.by_currency |= fold_.is_money(f, m);
        for (const int m : compiled.formula.measures_in_units())
            if (!fold_.is_money(f, m)) return fail("formula: units(" + family->measures(m).name() + "): is no money");
        const bool money = kpi.unit() == v1::MONEY || kpi.unit() == v1::MONEY_PER_DAY;
        if (money && !compiled.by_currency) return fail("unit: is money, and no measure of the formula is");
        auto& description = compiled.description;
        description.set_name(kpi.name());
        description.set_description(kpi.description());
        description.set_unit(kpi.unit());
        description.set_formula(kpi.formula());
        for (const auto& dimension : family->dimensions()) description.add_dimensions(dimension.name());
        if (fold_.has_money(f)) description.add_dimensions("currency");
        description.set_by_currency(compiled.by_currency);
        kpis_.push_back(std::move(compiled));
    }
    return {};
}

const Calendar& Kpis::calendar(std::string_view tenant) const {
    const auto own = calendars_.find(tenant);
    return own == calendars_.end() ? calendar_ : own->second;
}

std::uint64_t Kpis::fingerprint() const {
    std::uint64_t hash = fnv1a(14'695'981'039'346'656'037ull, std::to_string(cells_version));
    for (const auto& family : catalogue_.families()) {
        v1::MeasureFamily kept = family;  // descriptions may change without a rebuild
        for (auto& measure : *kept.mutable_measures()) measure.clear_description();
        hash = fnv1a(hash, kept.SerializeAsString());
    }
    hash = fnv1a(hash, calendar_.rules());
    for (const auto& [tenant, calendar] : calendars_) hash = fnv1a(hash, tenant + "=" + calendar.rules());
    return hash;
}

Projection Kpis::projection(std::shared_ptr<const Kpis> kpis) {
    const auto version = kpis->fingerprint();
    return {.name = std::string(view_name),
            .version = version,
            .tables = {"cells", "sales", "deliveries"},  // Table in restate.hpp
            .apply = [kpis = std::move(kpis)](const Event& event, Rows& rows) {
                kpis->fold_.apply(event, kpis->calendar(event.header.tenant), rows);
            }};
}

v1::KpiList Kpis::list() const {
    v1::KpiList list;
    for (const auto& kpi : kpis_) *list.add_kpis() = kpi.description;
    return list;
}

int Kpis::measure(std::string_view family, std::string_view measure) const {
    for (const auto& f : catalogue_.families())
        for (int m = 0; f.name() == family && m < f.measures_size(); ++m)
            if (f.measures(m).name() == measure) return m;
    throw std::out_of_range("the KPI catalogue has no measure " + std::string(measure) + " in " + std::string(family));
}

}  // namespace tidemark::projections::kpi
