#include "projections/kpi/cells.hpp"

namespace tidemark::projections::kpi {

std::vector<CellTable> tables_of(const v1::MeasureFamily& family) {
    std::vector<CellTable> tables = {{total, Grain::hour}, {total, Grain::day}, {total, Grain::month}};
    if (family.dimensions_size() > 0) {
        tables.push_back({cube, Grain::hour});
        tables.push_back({cube, Grain::month});
    }
    for (int i = 0; i < family.dimensions_size(); ++i) {
        if (family.dimensions(i).from_cube()) continue;
        tables.push_back({static_cast<DimensionSet>(1 + i), Grain::day});
        tables.push_back({static_cast<DimensionSet>(1 + i), Grain::month});
    }
    return tables;
}

std::string cells_prefix(std::string_view tenant, int family, CellTable table) {
    std::string prefix;
    prefix.reserve(tenant.size() + 96);
    prefix.append(tenant).push_back('\0');
    prefix.push_back(static_cast<char>(family));
    prefix.push_back(static_cast<char>(table.set));
    prefix.push_back(static_cast<char>(table.grain));
    return prefix;
}

CellLayout layout_of(const v1::MeasureFamily& family) {
    CellLayout layout;
    for (const auto& measure : family.measures()) {
        const bool histogram = measure.kind() == v1::HISTOGRAM;
        layout.slots.push_back({layout.values, histogram ? layout.bins++ : -1});
        layout.values += histogram ? 2 : 1;
    }
    return layout;
}

}  // namespace tidemark::projections::kpi
