#include "projections/registry.hpp"

#include "projections/customers/customers.hpp"
#include "projections/sales/sales.hpp"

namespace tidemark::projections {

std::vector<Projection> all(const Settings& settings) {
    (void)settings;
    std::vector<Projection> list;
    list.push_back(customers::make());
    list.push_back(sales::make());
    return list;
}

}  // namespace tidemark::projections
