#include "projections/keys.hpp"
#include "projections/sales/sales.hpp"
#include "projections/sales/timeline.hpp"

#include <algorithm>

namespace tidemark::projections::sales {

namespace {

enum Table : std::uint32_t { rows, moments, pipelines, by_customer };

bool passes_filters(const v1::SaleRow& row, const ListQuery& query) {
    return (query.status == v1::SALE_STATUS_UNSPECIFIED || query.status == row.status()) &&
           passes(query.owner, row.dims().owner()) && passes(query.region, row.dims().region()) &&
           passes(query.pipeline, row.dims().pipeline_id()) && passes(query.stage, row.stage()) &&
           passes(query.customer, row.dims().customer_id()) && passes(query.product, row.dims().product_id());
}

void add_times(v1::SaleHistoryAnswer& answer) {
    for (const auto& visit : answer.visits()) {
        auto& stages = *answer.mutable_stages();
        auto stage = std::ranges::find_if(stages, [&](const auto& s) { return s.stage() == visit.stage(); });
        if (stage == stages.end()) {
            answer.add_stages()->set_stage(visit.stage());
            stage = stages.end() - 1;
        }
        stage->set_time_us(stage->time_us() + visit.time_in_stage_us());
        stage->set_visits(stage->visits() + 1);
    }
}

template <class Row>
void parse(Row& row, std::string_view value) {
    if (!row.ParseFromArray(value.data(), static_cast<int>(value.size())))
        throw std::runtime_error("a row of view sales does not parse");
}

// The histories of the sales whose moments lie in the range, one by one; false ends it. Encoded messages, one behind
// the other, are the message that they make together.
void each_history_in(const ViewReader& view, const Key& prefix,
                     const std::function<bool(const v1::SaleHistory&)>& visit) {
    v1::SaleHistory history;  // reused: its buffers are
    std::string of;           // whose pieces are gathered: the key without the version
    std::string pieces;
    bool more = true;
    const auto visit_gathered = [&] {
        if (pieces.empty()) return true;
        parse(history, pieces);
        pieces.clear();
        return visit(history);
    };
    view.scan(moments, prefix, range_end(prefix), [&](std::string_view key, std::string_view value) {
        const std::string_view sale = key.substr(0, key.size() - sizeof(events::Version));
        if (sale != of) {
            more = visit_gathered();
            of = sale;
        }
        pieces.append(value);
        return more;
    });
    if (more) visit_gathered();
}

}  // namespace

std::expected<v1::SaleList, QueryError> query_list(const ViewReader& view, const ListQuery& query) {
    v1::SaleList answer;
    const auto take = [&](v1::SaleRow row) {
        if (!passes_filters(row, query)) return false;
        *answer.add_sales() = std::move(row);
        return true;
    };
    // Both tables are in order of id, so that both give the same cursors.
    auto next =
        query.customer.empty()
            ? walk(view, rows, Key(query.tenant), query.page, Order::ascending,
                   [&](std::string_view, std::string_view value) { return take(parse_row<v1::SaleRow>(value)); })
            : walk(view, by_customer, Key(query.tenant).text(query.customer), query.page, Order::ascending,
                   [&](std::string_view id, std::string_view) {
                       auto row = query_one(view, query.tenant, id);
                       return row && take(std::move(*row));
                   });
    if (!next) return std::unexpected(next.error());
    answer.set_next_cursor(*next);
    return answer;
}

std::optional<v1::SaleRow> query_one(const ViewReader& view, std::string_view tenant, std::string_view id) {
    return view.row<v1::SaleRow>(rows, Key(tenant).id(id));
}

std::optional<v1::SaleHistoryAnswer> query_history(const ViewReader& view, std::string_view tenant, std::string_view id,
                                                   events::Micros now) {
    auto sale = query_one(view, tenant, id);
    v1::SaleHistory history;
    each_history_in(view, Key(tenant).text(id), [&](const v1::SaleHistory& found) {
        history = found;
        return true;
    });
    if (!sale || history.moments().empty()) return {};
    v1::SaleHistoryAnswer answer;
    *answer.mutable_sale() = std::move(*sale);
    for (auto& visit : stage_visits(timeline(history, {}))) {
        if (visit.exit() == v1::STILL_IN)
            visit.set_time_in_stage_us(std::max<events::Micros>(0, now - visit.entered_at()));
        *answer.add_visits() = std::move(visit);
    }
    add_times(answer);
    *answer.mutable_moments() = std::move(*history.mutable_moments());
    return answer;
}

void each_sale(const ViewReader& view, std::string_view tenant, const std::function<bool(const v1::SaleRow&)>& visit) {
    const Key prefix(tenant);
    v1::SaleRow row;  // reused: its buffers are
    view.scan(rows, prefix, range_end(prefix), [&](std::string_view, std::string_view value) {
        parse(row, value);
        return visit(row);
    });
}

void each_sale_of(const ViewReader& view, std::string_view tenant, std::string_view customer_id,
                  const std::function<bool(const v1::SaleRow&)>& visit) {
    const Key prefix = Key(tenant).text(customer_id);
    view.scan(by_customer, prefix, range_end(prefix), [&](std::string_view key, std::string_view) {
        const auto row = query_one(view, tenant, key.substr(prefix.view().size()));
        return !row || visit(*row);
    });
}

void each_history(const ViewReader& view, std::string_view tenant,
                  const std::function<bool(const v1::SaleHistory&)>& visit) {
    each_history_in(view, Key(tenant), visit);
}

std::optional<v1::PipelineRow> pipeline(const ViewReader& view, std::string_view tenant, std::string_view id) {
    return view.row<v1::PipelineRow>(pipelines, Key(tenant).id(id));
}

}  // namespace tidemark::projections::sales
