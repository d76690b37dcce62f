// What is watched in a delivery: risks, measurements, reviews.
#include "aggregates/decision.hpp"
#include "aggregates/delivery/rules.hpp"

namespace tidemark::aggregates::delivery {

Decision<Event> raise_risk(const State& state, const v1::RaiseRisk& command, const Context& context) {
    const v1::Risk* known = find_id(state.risks_raised(), command.risk().id());
    if (known != nullptr && same(*known, command.risk())) return unchanged<Event>();
    if (auto refused = refuse_unless(state, {v1::PLANNED, v1::RUNNING, v1::DELIVERED}, context)) {
        return *std::move(refused);
    }
    if (known != nullptr) {
        return refuse(Why::risk_already_raised, "raise_risk.risk.id",
                      "The risk " + quoted(known->id()) + " was raised with other content; give it another id.");
    }
    if (command.risk().has_impact()) {
        if (auto other = refuse_other_currency(state.currency(), command.risk().impact(), "raise_risk.risk.impact")) {
            return *std::move(other);
        }
    }
    if (state.risks_raised_size() >= Delivery::max_risks) {
        return refuse(Why::too_many_risks, "",
                      "A delivery has at most " + std::to_string(Delivery::max_risks) +
                          " risks, those of its plans included; put several into one.");
    }
    Event event;
    *event.mutable_risk_raised()->mutable_risk() = command.risk();
    *event.mutable_risk_raised()->mutable_dims() = state.dims();
    return one(std::move(event));
}

Decision<Event> close_risk(const State& state, const v1::CloseRisk& command, const Context& context) {
    const v1::Risk* risk = find_id(state.risks_raised(), command.risk_id());
    const bool closed_before = risk != nullptr && !contains(state.risks_open(), command.risk_id());
    if (closed_before && contains(state.risks_occurred(), command.risk_id()) == command.occurred()) {
        return unchanged<Event>();
    }
    if (auto refused = refuse_unless(state, {v1::PLANNED, v1::RUNNING, v1::DELIVERED}, context)) {
        return *std::move(refused);
    }
    if (risk == nullptr) {
        return refuse(Why::risk_unknown, "close_risk.risk_id",
                      "No risk " + quoted(command.risk_id()) + " was planned or raised; name one that was.");
    }
    if (closed_before) {
        return refuse(Why::risk_already_closed, "close_risk.occurred",
                      "The risk " + quoted(command.risk_id()) + " was closed with the opposite result.");
    }
    Event event;
    v1::RiskClosed& closed = *event.mutable_risk_closed();
    closed.set_risk_id(command.risk_id());
    closed.set_occurred(command.occurred());
    *closed.mutable_risk() = *risk;
    *closed.mutable_dims() = state.dims();
    return one(std::move(event));
}

// Each measurement and each review is one of its own, even with the same result.
Decision<Event> record_monitoring(const State& state, const v1::RecordMonitoring& command, const Context& context) {
    if (auto refused = refuse_unless(state, {v1::RUNNING, v1::DELIVERED}, context)) return *std::move(refused);
    Event event;
    v1::MonitoringRecorded& recorded = *event.mutable_monitoring_recorded();
    recorded.set_kind(command.kind());
    recorded.set_metric(command.metric());
    recorded.set_value_milli(command.value_milli());
    return one(std::move(event));
}

Decision<Event> record_review(const State& state, const v1::RecordReview& command, const Context& context) {
    if (auto refused = refuse_unless(state, {v1::PLANNED, v1::RUNNING, v1::DELIVERED}, context)) {
        return *std::move(refused);
    }
    Event event;
    v1::ReviewRecorded& recorded = *event.mutable_review_recorded();
    recorded.set_subject(command.subject());
    recorded.set_verdict(command.verdict());
    recorded.set_note(command.note());
    return one(std::move(event));
}

}  // namespace tidemark::aggregates::delivery
