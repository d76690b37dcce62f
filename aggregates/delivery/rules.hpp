// One named function per command to a delivery, and what they share; only for the .cpp files of this folder.
#pragma once

#include "aggregates/delivery/delivery.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>

namespace tidemark::aggregates::delivery {

using State = Delivery::State;
using Event = Delivery::Event;
using Why = DeliveryRejection;
using Refusal = std::optional<std::unexpected<v1::Rejection>>;  // nothing: the rule holds

// planning.cpp: what is agreed, and how the agreement changes.
Decision<Event> capture_requirement(const State& state, const v1::CaptureRequirement& command, const Context& context);
Decision<Event> baseline_requirements(const State& state, const Context& context);
Decision<Event> plan(const State& state, const v1::PlanDelivery& command, const Context& context);
Decision<Event> request_change(const State& state, const v1::RequestChange& command, const Context& context);
Decision<Event> rebaseline(const State& state, const v1::RebaselineDelivery& command, const Context& context);

// work.cpp: what is done.
Decision<Event> start(const State& state, const Context& context);
Decision<Event> assign_resource(const State& state, const v1::AssignResource& command, const Context& context);
Decision<Event> start_task(const State& state, const v1::StartTask& command, const Context& context);
Decision<Event> complete_task(const State& state, const v1::CompleteTask& command, const Context& context);
Decision<Event> report_work(const State& state, const v1::ReportWork& command, const Context& context);
Decision<Event> record_cost(const State& state, const v1::RecordDeliveryCost& command, const Context& context);
Decision<Event> hit_milestone(const State& state, const v1::HitDeliveryMilestone& command, const Context& context);

// watching.cpp: risks, measurements, reviews.
Decision<Event> raise_risk(const State& state, const v1::RaiseRisk& command, const Context& context);
Decision<Event> close_risk(const State& state, const v1::CloseRisk& command, const Context& context);
Decision<Event> record_monitoring(const State& state, const v1::RecordMonitoring& command, const Context& context);
Decision<Event> record_review(const State& state, const v1::RecordReview& command, const Context& context);

// closing.cpp: how it ends.
Decision<Event> deliver(const State& state, const v1::DeliverToCustomer& command, const Context& context);
Decision<Event> evaluate(const State& state, const v1::EvaluateOutcome& command, const Context& context);
Decision<Event> close(const State& state, const Context& context);
Decision<Event> cancel(const State& state, const v1::CancelDelivery& command, const Context& context);

// Refuses, by the fact that stands in the way, unless the delivery is in one of these.
[[nodiscard]] Refusal refuse_unless(const State& state, std::initializer_list<v1::DeliveryStatus> allowed,
                                    const Context& context);
// All money of a delivery (budget, costs, impacts of risks and changes) is in one currency: that of the first amount
// that was said. `currency` is empty as long as none was.
[[nodiscard]] Refusal refuse_other_currency(const std::string& currency, const v1::Money& amount,
                                            std::string_view field);
// A date on which something was reached: not before the delivery was started, nor after the command; a day is left on
// both sides, for dates are local and times are UTC.
[[nodiscard]] Refusal refuse_wrong_date(const State& state, std::int32_t date, std::string_view field,
                                        const Context& context);
[[nodiscard]] Refusal refuse_unknown_task(const State& state, const std::string& task_id, std::string_view field);

// The item with this id; nullptr: there is none.
template <class List>
[[nodiscard]] auto* find_id(List& list, const std::string& id) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.id() == id; });
    return found == list.end() ? nullptr : &*found;
}
template <class List>
[[nodiscard]] bool contains(const List& list, const std::string& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace tidemark::aggregates::delivery
