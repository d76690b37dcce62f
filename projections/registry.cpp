#include "projections/registry.hpp"

#include "projections/customer_360/customer_360.hpp"
#include "projections/customers/customers.hpp"
#include "projections/deliveries/deliveries.hpp"
#include "projections/pipelines/pipelines.hpp"
#include "projections/products/products.hpp"
#include "projections/rejections/rejections.hpp"
#include "projections/sales/sales.hpp"

namespace tidemark::projections {

std::vector<Projection> all(std::shared_ptr<const kpi::Kpis> kpis) {
    std::vector<Projection> list;
    list.push_back(customers::make());
    list.push_back(customer_360::make());
    list.push_back(products::make());
    list.push_back(pipelines::make());
    list.push_back(sales::make());
    list.push_back(deliveries::make());
    list.push_back(rejections::make());
    list.push_back(kpi::Kpis::projection(std::move(kpis)));
    return list;
}

}  // namespace tidemark::projections
