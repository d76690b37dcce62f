#include "projections/kpi/fold.hpp"

#include "projections/kpi/bins.hpp"
#include "projections/kpi/kpi.pb.h"

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

void append_text(std::string& key, std::string_view part) {
    if (part.find_first_of(std::string_view("\0\1", 2)) == part.npos) {
        key.append(part).push_back('\0');
    } else {
        key.append(Key({}).text(part).view().substr(1));
    }
}

}  // namespace

bool Fold::is_money(int family, int measure) const {
    return families_.at(static_cast<std::size_t>(family)).money_measures.at(static_cast<std::size_t>(measure));
}

void Fold::apply(const Event& event, const Calendar& calendar, Rows& rows) const {
    const auto& listeners = listeners_[event.payload.index()];
    const auto number = static_cast<std::size_t>(event_number(event.payload));
    if (number >= listeners.size() || listeners[number].groups.empty()) return;
    const auto& of_event = listeners[number];
    const pb::Message* payload = message_of(event.payload);
    const pb::Message& message =
        of_event.field == nullptr ? *payload : payload->GetReflection()->GetMessage(*payload, of_event.field);
    for (const auto& group : of_event.groups)
        if (!group.first_of_command || event.header.index == 0) fold(group, event, message, calendar, rows);
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

std::vector<Fold::Change> Fold::changes(const Group& group, const Event& event, const pb::Message& message) {
    std::vector<Change> changes;
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
            changes.push_back({addition.slot, addition.sign, addition.sign * value, bin_of(value)});
        } else if (value != 0) {
            changes.push_back({addition.slot, addition.sign * value});
        }
    }
    return changes;
}

void Fold::fold(const Group& group, const Event& event, const pb::Message& message, const Calendar& calendar,
                Rows& rows) const {
    const auto what = changes(group, event, message);
    if (what.empty()) return;
    events::Micros time = event.header.occurred_at;
    if (group.at.type() == Field::Type::date) {
        time = calendar.midnight(group.at.integer(event, message));
    } else if (group.at.type() != Field::Type::none) {
        time = group.at.integer(event, message);
    }
    time -= group.at_minus.integer(event, message);
    const Bucket hour = calendar.bucket(Grain::hour, time);
    const Bucket day = calendar.bucket(Grain::day, time);
    const std::array<Bucket, 3> buckets = {hour, day, calendar.widen(Grain::day, day, Grain::month)};

    std::array<std::string, max_dimensions> scratch;
    std::vector<std::string_view> dims;
    dims.reserve(group.dims.size());
    for (std::size_t i = 0; i < group.dims.size(); ++i) dims.push_back(group.dims[i].text(event, message, scratch[i]));
    std::string currency_scratch;
    add(group, buckets, dims, group.currency.text(event, message, currency_scratch), what, event.header.tenant, rows);
}

void Fold::add(const Group& group, const std::array<Bucket, 3>& buckets, const std::vector<std::string_view>& dims,
               std::string_view currency, const std::vector<Change>& changes, std::string_view tenant,
               Rows& rows) const {
    const auto& family = families_[static_cast<std::size_t>(group.family)];
    for (const auto& table : family.tables) {
        std::string key = cells_prefix(tenant, group.family, table);
        append_bucket(key, table.grain == Grain::hour  ? buckets[0]
                           : table.grain == Grain::day ? buckets[1]
                                                       : buckets[2]);
        if (table.set == cube) {
            for (const auto dim : dims) append_text(key, dim);
        } else if (table.set != total) {
            append_text(key, dims[table.set - 1u]);
        }
        append_text(key, currency);
        auto& cell = rows.row<v1::KpiCell>(0, key);
        if (cell.values_size() < family.layout.values) cell.mutable_values()->Resize(family.layout.values, 0);
        while (cell.bins_size() < family.layout.bins) cell.add_bins();
        for (const auto& change : changes) {
            cell.set_values(change.slot.value, cell.values(change.slot.value) + change.value);
            if (change.slot.bins < 0) continue;
            cell.set_values(change.slot.value + 1, cell.values(change.slot.value + 1) + change.sum);
            add_to_bin(*cell.mutable_bins(change.slot.bins), change.bin, change.value);
        }
    }
}

}  // namespace tidemark::projections::kpi
