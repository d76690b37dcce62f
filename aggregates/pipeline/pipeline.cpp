#include "aggregates/pipeline/pipeline.hpp"

#include "aggregates/decision.hpp"

namespace tidemark::aggregates {
namespace {

using State = v1::PipelineState;
using Event = v1::PipelineEvent;
using Why = PipelineRejection;

// That there is a stage at all is a rule on the field.
template <class Definition>
bool as_it_stands(const State& state, const Definition& wanted) {
    return state.name() == wanted.name() && same(state.stages(), wanted.stages());
}

auto repeated_stage(std::string_view field, const std::string& id) {
    return refuse(Why::stage_repeated, field,
                  "The stage " + quoted(id) + " is named twice; within a pipeline each stage has an id of its own.");
}

Decision<Event> define(const State& state, const v1::DefinePipeline& command, const Context& context) {
    if (state.defined()) {
        if (as_it_stands(state, command)) return unchanged<Event>();
        return refuse(Why::pipeline_already_exists, "",
                      "The pipeline " + quoted(context.stream_id) +
                          " exists with another name or other stages; use ChangePipeline to change it.");
    }
    if (const std::string id = repeated_id(command.stages()); !id.empty()) {
        return repeated_stage("define_pipeline.stages", id);
    }
    Event event;
    event.mutable_pipeline_defined()->set_name(command.name());
    *event.mutable_pipeline_defined()->mutable_stages() = command.stages();
    return one(std::move(event));
}

// The new definition is taken whole; sales keep the history that they have.
Decision<Event> change(const State& state, const v1::ChangePipeline& command, const Context& context) {
    if (!state.defined()) {
        return refuse(Why::pipeline_not_found, "",
                      "There is no pipeline " + quoted(context.stream_id) + "; define it first.");
    }
    if (const std::string id = repeated_id(command.stages()); !id.empty()) {
        return repeated_stage("change_pipeline.stages", id);
    }
    if (as_it_stands(state, command)) return unchanged<Event>();
    Event event;
    event.mutable_pipeline_changed()->set_name(command.name());
    *event.mutable_pipeline_changed()->mutable_stages() = command.stages();
    return one(std::move(event));
}

}  // namespace

RejectionFact fact_of(PipelineRejection why) {
    switch (why) {
        case Why::pipeline_not_found: return {"PipelineNotFound", v1::NOT_FOUND};
        case Why::pipeline_already_exists: return {"PipelineAlreadyExists", v1::STATE_CONFLICT};
        case Why::stage_repeated: return {"StageRepeated", v1::RULE_VIOLATED};
    }
    return {};
}

std::vector<Need> Pipeline::needs(const State&, const Command&) {
    return {};
}

Decision<Pipeline::Event> Pipeline::decide(const State& state, const Command& command, const Context& context) {
    switch (command.command_case()) {
        case Command::kDefinePipeline: return define(state, command.define_pipeline(), context);
        case Command::kChangePipeline: return change(state, command.change_pipeline(), context);
        case Command::COMMAND_NOT_SET: break;
    }
    nothing_inside("pipeline command");
}

void Pipeline::evolve(State& state, const Event& event, events::Micros) {
    const auto take = [&state](const auto& definition) {
        state.set_defined(true);
        state.set_name(definition.name());
        *state.mutable_stages() = definition.stages();
    };
    switch (event.event_case()) {
        case Event::kPipelineDefined: take(event.pipeline_defined()); return;
        case Event::kPipelineChanged: take(event.pipeline_changed()); return;
        case Event::EVENT_NOT_SET: break;
    }
    nothing_inside("pipeline event");
}

}  // namespace tidemark::aggregates
