// The catalogue, made into the fold; and everything that can be wrong with it.
#include "projections/kpi/fold.hpp"
#include "projections/kpi/restated.pb.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <set>

namespace tidemark::projections::kpi {

namespace pb = google::protobuf;

namespace {

struct EventPlace {
    std::size_t payload;               // place in events::Payload, or restated_place
    const pb::FieldDescriptor* field;  // in the oneof; nullptr: the payload itself
    const pb::Descriptor* message;
};

template <std::size_t I = 1>
void each_place(const std::function<void(const EventPlace&)>& visit) {
    if constexpr (I < std::variant_size_v<events::Payload>) {
        using Message = std::variant_alternative_t<I, events::Payload>;
        const auto* descriptor = Message::descriptor();
        if (const auto* events = descriptor->FindOneofByName("event")) {
            for (int i = 0; i < events->field_count(); ++i)
                visit({I, events->field(i), events->field(i)->message_type()});
        } else {
            visit({I, nullptr, descriptor});
        }
        each_place<I + 1>(visit);
    } else {
        const auto* restated = v1::Restated::descriptor()->FindOneofByName("event");
        for (int i = 0; i < restated->field_count(); ++i)
            visit({restated_place, restated->field(i), restated->field(i)->message_type()});
    }
}

std::vector<EventPlace> places_of(const std::string& event) {
    std::vector<EventPlace> places;
    each_place([&](const EventPlace& place) {
        const bool accepted = place.field != nullptr && place.payload != restated_place;
        if (event == "Accepted" ? accepted : place.message->name() == event) places.push_back(place);
    });
    return places;
}

bool valid_name(std::string_view name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos &&
           (name.front() < '0' || name.front() > '9');
}

// The first step `dims` of a dimension's path, replaced.
std::string redirected(const std::string& path, const std::string& dims) {
    if (dims.empty() || !path.starts_with("dims.")) return path;
    return dims + path.substr(4);
}

}  // namespace

class Fold::Compiler {
public:
    explicit Compiler(const v1::KpiCatalogue& catalogue) : catalogue_(catalogue) {}

    std::expected<Fold, std::string> compile() {
        std::set<std::string> names;
        for (int f = 0; f < catalogue_.families_size() && error_.empty(); ++f) {
            where_ = "family " + catalogue_.families(f).name();
            if (!names.insert(catalogue_.families(f).name()).second) fail("name", "is there twice");
            family(f);
        }
        if (!error_.empty()) return std::unexpected(error_);
        return std::move(fold_);
    }

private:
    void fail(const std::string& field, const std::string& why) {
        if (error_.empty()) error_ = where_ + ": " + field + ": " + why;
    }

    Field field(const pb::Descriptor& event, const std::string& name, const std::string& path) {
        auto compiled = Field::compile(event, path);
        if (!compiled) {
            fail(name, "\"" + path + "\": " + compiled.error());
            return {};
        }
        return std::move(*compiled);
    }

    void family(int f) {
        const auto& family = catalogue_.families(f);
        if (!valid_name(family.name())) fail("name", "must be of a-z, 0-9 and _");
        if (family.dimensions_size() > max_dimensions) fail("dimensions", "are more than 16");
        if (family.measures_size() == 0) fail("measures", "are missing");
        std::set<std::string> names = {"currency"};
        for (const auto& dimension : family.dimensions())
            if (!valid_name(dimension.name()) || !names.insert(dimension.name()).second)
                fail("dimensions",
                     "\"" + dimension.name() + "\" must be of a-z, 0-9 and _, there once, and not currency");
        fold_.families_.push_back({layout_of(family), tables_of(family)});
        fold_.money_.emplace_back();
        for (int m = 0; m < family.measures_size(); ++m) {
            where_ = "family " + family.name() + ", measure " + family.measures(m).name();
            if (!valid_name(family.measures(m).name()) || !names.insert(family.measures(m).name()).second)
                fail("name", "must be of a-z, 0-9 and _, and no other measure's or dimension's");
            measure(f, m);
        }
        where_ = "family " + family.name();
        if (fold_.money_.back().any) check_currencies(f);
    }

    void measure(int f, int m) {
        const auto& measure = catalogue_.families(f).measures(m);
        if (measure.kind() == v1::MEASURE_KIND_UNSPECIFIED) fail("kind", "is missing");
        if (measure.divide_by() < 0) fail("divide_by", "is negative");
        if (measure.on_size() == 0) fail("on", "is missing: no event adds to it");
        bool money = false, other = false;
        for (const auto& contribution : measure.on()) {
            const auto places = places_of(contribution.event());
            if (places.empty()) fail("event", "\"" + contribution.event() + "\" is no event");
            for (const auto& place : places) {
                const auto type = contribute(f, m, contribution, place);
                (type == Field::Type::money ? money : other) = true;
            }
        }
        if (money && other) fail("value", "is Money in one event and not in another");
        if (money && measure.kind() == v1::HISTOGRAM)
            fail("value", "histograms of Money are not kept: currencies differ");
        fold_.money_.back().measures.push_back(money);
        fold_.money_.back().any = fold_.money_.back().any || money;
    }

    Field::Type contribute(int f, int m, const v1::Contribution& c, const EventPlace& place) {
        const auto& family = catalogue_.families(f);
        const auto& measure = family.measures(m);
        const auto& event = *place.message;
        Dimensions dimensions{.family = f, .identity = std::to_string(f)};
        Group group{.first_of_command = c.event() == "Accepted"};
        group.at = field(event, "at", c.at());
        if (!c.at().empty() && group.at.type() != Field::Type::integer && group.at.type() != Field::Type::date)
            fail("at", "\"" + c.at() + "\" is no time");
        group.at_minus = field(event, "at_minus", c.at_minus());
        group.identity = c.event() + ' ' + c.at() + ' ' + c.at_minus();
        for (const auto& dimension : family.dimensions()) {
            std::string path = redirected(dimension.field(), c.dims());
            for (const auto& other : c.dim())
                if (other.name() == dimension.name()) path = other.field();
            dimensions.dims.push_back(field(event, "dimension " + dimension.name(), path));
            dimensions.identity += ' ' + path;
        }
        for (const auto& other : c.dim())
            if (std::ranges::none_of(family.dimensions(), [&](const auto& d) { return d.name() == other.name(); }))
                fail("dim", "\"" + other.name() + "\" is no dimension of the family");

        Addition addition{.slot = fold_.families_.back().layout.slots[static_cast<std::size_t>(m)],
                          .kind = measure.kind()};
        addition.value = field(event, "value", c.value());
        const auto type = addition.value.type();
        if ((measure.kind() == v1::COUNT) != c.value().empty()) fail("value", "a COUNT has none, the others need one");
        if (type == Field::Type::text || type == Field::Type::enumeration) fail("value", "cannot be summed");
        addition.times_bp = field(event, "times_bp", c.times_bp());
        addition.divide_by = measure.divide_by() == 0 ? 1 : measure.divide_by();
        if (c.sign() < -1 || c.sign() > 1) fail("sign", "must be 1 or -1");
        addition.sign = c.sign() == 0 ? 1 : c.sign();
        for (const auto& condition : c.when()) addition.tests.push_back(test(event, condition));

        const std::string currency = !c.currency().empty() ? c.currency() : type == Field::Type::money ? c.value() : "";
        dimensions.currency = field(event, "currency", currency);
        if (!currency.empty() && dimensions.currency.type() != Field::Type::money) fail("currency", "is no Money");
        dimensions.identity += " in " + currency;
        group.identity += ' ' + dimensions.identity;
        if (error_.empty()) into_group(std::move(group), std::move(dimensions), std::move(addition), place);
        return type;
    }

    Test test(const pb::Descriptor& event, const v1::Condition& condition) {
        Test test{.field = field(event, "when", condition.field()), .is = Test::Is::set};
        if (condition.field().empty()) fail("when", "names no field");
        switch (condition.is_case()) {
            case v1::Condition::kEquals:
                test.is = Test::Is::text;
                test.text = condition.equals();
                break;
            case v1::Condition::kAtMost:
                test.is = Test::Is::at_most;
                test.number = condition.at_most();
                break;
            case v1::Condition::kAtMostField:
                test.is = Test::Is::at_most_field;
                test.other = field(event, "when", condition.at_most_field());
                break;
            case v1::Condition::kSet: test.is = condition.set() ? Test::Is::set : Test::Is::unset; break;
            case v1::Condition::IS_NOT_SET: fail("when", "says nothing about " + condition.field());
        }
        return test;
    }

    void into_group(Group group, Dimensions dimensions, Addition addition, const EventPlace& place) {
        auto& listeners = fold_.listeners_[place.payload];
        const auto number = static_cast<std::size_t>(place.field == nullptr ? 0 : place.field->number());
        if (listeners.size() <= number) listeners.resize(number + 1);
        listeners[number].field = place.field;
        if (place.field != nullptr)
            listeners[number].reflection =
                pb::MessageFactory::generated_factory()->GetPrototype(place.field->containing_type())->GetReflection();
        auto& known = listeners[number].dimensions;
        auto equal = std::ranges::find(known, dimensions.identity, &Dimensions::identity);
        if (equal == known.end()) equal = known.insert(known.end(), std::move(dimensions));
        group.dimensions = static_cast<std::size_t>(equal - known.begin());
        auto& groups = listeners[number].groups;
        auto same = std::ranges::find(groups, group.identity, &Group::identity);
        if (same == groups.end()) {
            groups.push_back(std::move(group));
            same = groups.end() - 1;
        }
        same->additions.push_back(std::move(addition));
    }

    // Where money is summed, every count beside it is of one currency too: averages divide like by like.
    void check_currencies(int f) {
        for (const auto& of_payload : fold_.listeners_)
            for (const auto& of_event : of_payload)
                for (const auto& group : of_event.groups) {
                    const auto& dimensions = of_event.dimensions[group.dimensions];
                    if (dimensions.family == f && dimensions.currency.type() == Field::Type::none)
                        fail("currency", "is missing in what is counted on event " + group.identity);
                }
    }

    const v1::KpiCatalogue& catalogue_;
    Fold fold_;
    std::string where_, error_;
};

std::expected<Fold, std::string> Fold::compile(const v1::KpiCatalogue& catalogue) {
    return Compiler(catalogue).compile();
}

}  // namespace tidemark::projections::kpi
