#include "projections/pipelines/pipelines.hpp"

#include "projections/keys.hpp"

#include <stdexcept>

namespace tidemark::projections::pipelines {

namespace {

enum Table : std::uint32_t { rows };

// Both events hold the definition whole.
template <class Definition>
void take_over(v1::ListedPipeline& row, const Definition& e) {
    row.set_name(e.name());
    *row.mutable_stages() = e.stages();
}

void apply(const Event& event, Rows& store) {
    const auto* what = std::get_if<v1::PipelineEvent>(&event.payload);
    if (what == nullptr) return;
    auto& row = store.row<v1::ListedPipeline>(rows, Key(event.header.tenant).id(event.header.stream_id));
    row.set_version(event.header.version);
    row.set_changed_at(event.header.occurred_at);
    switch (what->event_case()) {
        case v1::PipelineEvent::kPipelineDefined:
            row.set_id(std::string(event.header.stream_id));
            row.set_defined_at(event.header.occurred_at);
            return take_over(row, what->pipeline_defined());
        case v1::PipelineEvent::kPipelineChanged: return take_over(row, what->pipeline_changed());
        case v1::PipelineEvent::EVENT_NOT_SET: throw std::runtime_error("a pipeline event without an event");
    }
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name), .version = 1, .tables = {"rows"}, .apply = apply};
}

std::expected<v1::PipelineList, QueryError> query_list(const ViewReader& view, const ListQuery& query) {
    v1::PipelineList answer;
    const auto take = [&](std::string_view, std::string_view value) {
        *answer.add_pipelines() = parse_row<v1::ListedPipeline>(value);
        return true;
    };
    auto next = walk(view, rows, Key(query.tenant), query.page, Order::ascending, take);
    if (!next) return std::unexpected(next.error());
    answer.set_next_cursor(*next);
    return answer;
}

}  // namespace tidemark::projections::pipelines
