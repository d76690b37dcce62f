#include "projections/kpi/fold.hpp"

#include "projections/kpi/bins.hpp"
#include "projections/kpi/restate.hpp"

#include <optional>
#include <span>

namespace tidemark::projections::kpi {

namespace pb = google::protobuf;

namespace {

const pb::Message* message_of(const events::Payload& payload) {
    return std::visit(
        []<class P>(const P& message) -> const pb::Message* {
            if constexpr (std::is_same_v<P, std::monostate>) {
                return nullptr;
            } else {
                return &message;
            }
        },
        payload);
}

// Number of the event in its oneof; 0 for what has none.
int event_number(const events::Payload& payload) {
    return std::visit(
        []<class P>(const P& message) -> int {
            if constexpr (requires { message.event_case(); }) {
                return message.event_case();
            } else {
                return 0;
            }
        },
        payload);
}

// value * bp / 10,000, without overflow; rounded half away from zero, so that the parts of many sales do not all err to
// one side, and what is taken back is what was added.
std::int64_t times_basis_points(std::int64_t value, std::int64_t bp) {
    const std::int64_t rest = value % 10'000 * bp;
    return value / 10'000 * bp + (rest + (rest < 0 ? -5'000 : 5'000)) / 10'000;
}

CellTime time_of(const Calendar& calendar, events::Micros time) {
    const auto day = calendar.bucket(Grain::day, time);
    return {calendar.bucket(Grain::hour, time), day, calendar.widen(Grain::day, day, Grain::month)};
}

}  // namespace

bool Fold::is_money(int family, int measure) const {
    return money_.at(static_cast<std::size_t>(family)).measures.at(static_cast<std::size_t>(measure));
}

void Fold::apply(const Event& event, const Calendar& calendar, Rows& rows) const {
    const auto& restated = listeners_[restated_place];
    if (!restated.empty())
        restate(event, calendar, rows,
                [&](const v1::Restated& what) { add(restated, what.event_case(), what, event, calendar, rows); });
    if (const pb::Message* payload = message_of(event.payload))
        add(listeners_[event.payload.index()], event_number(event.payload), *payload, event, calendar, rows);
}

void Fold::add(const std::vector<OfEvent>& listeners, int number, const pb::Message& payload, const Event& event,
               const Calendar& calendar, Rows& rows) const {
    if (static_cast<std::size_t>(number) >= listeners.size()) return;
    const auto& of_event = listeners[static_cast<std::size_t>(number)];
    if (of_event.groups.empty()) return;
    const pb::Message& message =
        of_event.field == nullptr ? payload : of_event.reflection->GetMessage(payload, of_event.field);
    if (!rows.gathered()) rows.gathered() = std::make_unique<Pending>(families_);
    auto& pending = static_cast<Pending&>(*rows.gathered());

    std::vector<Change> what;
    std::vector<std::optional<Pending::Combination>> combinations(of_event.dimensions.size());
    const auto occurred_at = event.header.occurred_at;
    std::optional<CellTime> when_it_occurred;
    for (const auto& group : of_event.groups) {
        if (group.first_of_command && event.header.index != 0) continue;
        changes(group, event, message, what);
        if (what.empty()) continue;
        auto at = occurred_at;
        if (group.at.type() == Field::Type::date) {
            at = calendar.midnight(group.at.integer(event, message));
        } else if (group.at.type() != Field::Type::none) {
            at = group.at.integer(event, message);
        }
        at -= group.at_minus.integer(event, message);
        if (at == occurred_at && !when_it_occurred) when_it_occurred = time_of(calendar, at);
        auto& combination_of = combinations[group.dimensions];
        if (!combination_of)
            combination_of = combination(of_event.dimensions[group.dimensions], event, message, pending);
        auto sums = pending.sums(*combination_of, at == occurred_at ? *when_it_occurred : time_of(calendar, at));
        for (const auto& change : what) {
            sums.value(change.slot.value) += change.value;
            if (change.slot.bins < 0) continue;
            sums.value(change.slot.value + 1) += change.sum;
            sums.add_to_bin({change.slot.bins, change.bin, change.value});
        }
    }
}

Pending::Combination Fold::combination(const Dimensions& dimensions, const Event& event, const pb::Message& message,
                                       Pending& pending) {
    std::array<std::string, max_dimensions> scratch;
    std::array<std::string_view, max_dimensions> dims;
    const auto count = dimensions.dims.size();
    for (std::size_t i = 0; i < count; ++i) dims[i] = dimensions.dims[i].text(event, message, scratch[i]);
    std::string currency_scratch;
    return pending.combination(event.header.tenant, dimensions.family, std::span(dims).first(count),
                               dimensions.currency.text(event, message, currency_scratch));
}

bool Fold::holds(const Test& test, const Event& event, const pb::Message& message) {
    std::string scratch;
    switch (test.is) {
        case Test::Is::text: return test.field.text(event, message, scratch) == test.text;
        case Test::Is::at_most: return test.field.integer(event, message) <= test.number;
        case Test::Is::at_most_field: return test.field.integer(event, message) <= test.other.integer(event, message);
        case Test::Is::set: return test.field.integer(event, message) != 0;
        case Test::Is::unset: return test.field.integer(event, message) == 0;
    }
    return false;
}

void Fold::changes(const Group& group, const Event& event, const pb::Message& message, std::vector<Change>& into) {
    into.clear();
    for (const auto& addition : group.additions) {
        bool all = true;
        for (const auto& test : addition.tests) all = all && holds(test, event, message);
        if (!all) continue;
        std::int64_t value = 1;
        if (addition.value.type() != Field::Type::none) value = addition.value.integer(event, message);
        if (addition.times_bp.type() != Field::Type::none)
            value = times_basis_points(value, addition.times_bp.integer(event, message));
        value /= addition.divide_by;
        if (addition.kind == v1::HISTOGRAM) {
            into.push_back({addition.slot, addition.sign, addition.sign * value, bin_of(value)});
        } else if (value != 0) {
            into.push_back({addition.slot, addition.sign * value});
        }
    }
}

}  // namespace tidemark::projections::kpi
