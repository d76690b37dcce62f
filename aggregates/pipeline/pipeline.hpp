// The stages that sales go through, in order, with the probability of winning from each.
#pragma once

#include "aggregates/decider.hpp"
#include "aggregates/pipeline/pipeline.pb.h"
#include "aggregates/rejection.hpp"
#include "events/v1/pipeline.pb.h"

namespace tidemark::aggregates {

enum class PipelineRejection {
    pipeline_not_found,
    pipeline_already_exists,
    stage_repeated,
};
[[nodiscard]] RejectionFact fact_of(PipelineRejection why);

struct Pipeline {
    static constexpr std::string_view kind = "pipeline";
    static constexpr std::uint32_t fold_version = 1;
    using Command = v1::PipelineCommand;
    using Event = v1::PipelineEvent;
    using State = v1::PipelineState;
    using Rejection = PipelineRejection;

    static std::vector<Need> needs(const State& state, const Command& command);
    static Decision<Event> decide(const State& state, const Command& command, const Context& context);
    static void evolve(State& state, const Event& event, events::Micros occurred_at);
};
static_assert(Decider<Pipeline>);

}  // namespace tidemark::aggregates
