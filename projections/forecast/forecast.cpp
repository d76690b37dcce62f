#include "projections/forecast/forecast.hpp"

#include "events/time.hpp"
#include "projections/page.hpp"
#include "projections/sales/sales.hpp"

#include <map>
#include <tuple>

namespace tidemark::projections::forecast {

namespace {

constexpr std::int64_t whole_bp = 10'000;

struct Sum {
    std::uint64_t sales = 0;
    std::int64_t value = 0;
    std::int64_t weighted = 0;       // whole minor units
    std::int64_t weighted_rest = 0;  // and ten-thousandths of one
    void add(const v1::SaleRow& sale) {
        ++sales;
        value += sale.amount().minor();
        const auto bp = std::int64_t{sale.probability_bp()};
        weighted += sale.amount().minor() / whole_bp * bp;
        weighted_rest += sale.amount().minor() % whole_bp * bp;
        weighted += weighted_rest / whole_bp;
        weighted_rest %= whole_bp;
    }
};

using Place = std::tuple<v1::ForecastCategory, std::string, std::string>;  // category, month, currency
using Sums = std::map<Place, Sum>;

void write(const Sums& sums, google::protobuf::RepeatedPtrField<v1::ForecastLine>& lines) {
    for (const auto& [place, sum] : sums) {
        auto& line = *lines.Add();
        const auto& [category, month, currency] = place;
        line.set_category(category);
        line.set_month(month);
        line.set_currency(currency);
        line.set_sales(sum.sales);
        line.mutable_value()->set_minor(sum.value);
        line.mutable_value()->set_currency(currency);
        line.mutable_weighted()->set_minor(sum.weighted + (sum.weighted_rest * 2 >= whole_bp ? 1 : 0));
        line.mutable_weighted()->set_currency(currency);
    }
}

}  // namespace

v1::Forecast query_forecast(const ViewReader& sales_view, const Query& query) {
    Sums total, by_category, by_month, by_both;
    sales::each_sale(sales_view, query.tenant, [&](const v1::SaleRow& sale) {
        if (sale.status() != v1::OPEN || !passes(query.owner, sale.dims().owner()) ||
            !passes(query.region, sale.dims().region()) || !passes(query.product, sale.dims().product_id()) ||
            !passes(query.pipeline, sale.dims().pipeline_id()))
            return true;
        const auto category = sale.forecast_category();
        const auto& currency = sale.amount().currency();
        const auto month = sale.expected_close() == 0 ? "" : events::format_date(sale.expected_close()).substr(0, 7);
        by_category[{category, "", currency}].add(sale);
        by_both[{category, month, currency}].add(sale);
        if (category == v1::OMITTED) return true;
        total[{v1::FORECAST_CATEGORY_UNSPECIFIED, "", currency}].add(sale);
        by_month[{v1::FORECAST_CATEGORY_UNSPECIFIED, month, currency}].add(sale);
        return true;
    });
    v1::Forecast answer;
    write(total, *answer.mutable_total());
    write(by_category, *answer.mutable_by_category());
    write(by_month, *answer.mutable_by_month());
    write(by_both, *answer.mutable_by_category_and_month());
    return answer;
}

}  // namespace tidemark::projections::forecast
