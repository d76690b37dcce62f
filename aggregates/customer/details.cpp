// What is known about a customer: created whole, changed field by field.
#include "aggregates/customer/rules.hpp"
#include "aggregates/decision.hpp"
#include "events/time.hpp"

#include <algorithm>
#include <optional>

namespace tidemark::aggregates::customer {
namespace {

// Of attributes and external ids: what tells them apart.
const std::string& key_of(const v1::Attribute& attribute) {
    return attribute.key();
}
const std::string& key_of(const v1::ExternalId& external) {
    return external.system();
}

template <class List>
auto find_by_key(const List& list, const std::string& key) {
    return std::find_if(list.begin(), list.end(), [&](const auto& item) { return key_of(item) == key; });
}

template <class List>
void set_by_key(List& into, const List& items) {
    for (const auto& item : items) {
        const auto known =
            std::find_if(into.begin(), into.end(), [&](const auto& it) { return key_of(it) == key_of(item); });
        *(known == into.end() ? into.Add() : &*known) = item;
    }
}

template <class List>
std::optional<std::string> repeated_key(const List& list) {
    for (int i = 1; i < list.size(); ++i) {
        const auto end = list.begin() + i;
        if (std::find_if(list.begin(), end, [&](const auto& it) { return key_of(it) == key_of(list.Get(i)); }) != end) {
            return key_of(list.Get(i));
        }
    }
    return std::nullopt;
}

void set_personal(const std::string& value, auto mutable_field) {
    if (!value.empty()) mutable_field()->set_clear(value);
}

// Rules that hold alike for CreateCustomer and ChangeCustomerDetails; `command_field` is the command's name.
template <class Command>
std::optional<std::unexpected<v1::Rejection>> broken_rule(const Command& command, const std::string& command_field,
                                                          const Context& context) {
    if (command.has_birth_date() && command.birth_date() > events::date_of(context.occurred_at)) {
        return refuse(Why::birth_date_in_future, command_field + ".birth_date",
                      "The birth date lies after the day of the command; correct one of the two.");
    }
    if (const auto key = repeated_key(command.attributes())) {
        return refuse(Why::attribute_repeated, command_field + ".attributes",
                      "The attribute " + quoted(*key) + " is given twice; give each one value.");
    }
    if (const auto system = repeated_key(command.external_ids())) {
        return refuse(Why::external_system_repeated, command_field + ".external_ids",
                      "Two ids of the system " + quoted(*system) + " are given; a customer has one in each system.");
    }
    return std::nullopt;
}

v1::CustomerCreated created_by(const v1::CreateCustomer& command) {
    v1::CustomerCreated created;
    set_personal(command.name(), [&] { return created.mutable_name(); });
    set_personal(command.phone(), [&] { return created.mutable_phone(); });
    set_personal(command.email(), [&] { return created.mutable_email(); });
    set_personal(command.address(), [&] { return created.mutable_address(); });
    created.set_kind(command.kind() == v1::CUSTOMER_KIND_UNSPECIFIED ? v1::COMPANY : command.kind());
    if (command.has_birth_date()) created.mutable_birth_date()->set_clear(events::format_date(command.birth_date()));
    created.set_gender(command.gender());
    created.set_sector(command.sector());
    created.set_region(command.region());
    created.set_owner(command.owner());
    *created.mutable_attributes() = command.attributes();
    *created.mutable_external_ids() = command.external_ids();
    return created;
}

// The details as they stand now, in the form in which they would be created.
v1::CustomerCreated details_of(const State& state) {
    v1::CustomerCreated details;
    if (state.has_name()) *details.mutable_name() = state.name();
    if (state.has_phone()) *details.mutable_phone() = state.phone();
    if (state.has_email()) *details.mutable_email() = state.email();
    if (state.has_address()) *details.mutable_address() = state.address();
    details.set_kind(state.kind());
    if (state.has_birth_date()) *details.mutable_birth_date() = state.birth_date();
    details.set_gender(state.gender());
    details.set_sector(state.sector());
    details.set_region(state.region());
    details.set_owner(state.owner());
    *details.mutable_attributes() = state.attributes();
    *details.mutable_external_ids() = state.external_ids();
    return details;
}

}  // namespace

Decision<Event> create(const State& state, const v1::CreateCustomer& command, const Context& context) {
    if (auto broken = broken_rule(command, "create_customer", context)) return *std::move(broken);
    Event event;
    *event.mutable_customer_created() = created_by(command);
    if (!state.created()) return one(std::move(event));
    if (same(event.customer_created(), details_of(state))) return unchanged<Event>();
    return refuse(Why::customer_already_exists, "",
                  "The customer " + quoted(context.stream_id) +
                      " exists with other details; use ChangeCustomerDetails to change them.");
}

namespace {

template <class Command>
std::optional<std::unexpected<v1::Rejection>> contradiction(const Command& command) {
    if (command.has_name() && command.name().empty()) {
        return refuse(Why::name_missing, "change_customer_details.name",
                      "A customer has a name: leave the field out to keep it, or give another.");
    }
    if (command.clear_birth_date() && command.has_birth_date()) {
        return refuse(Why::birth_date_set_and_cleared, "change_customer_details.clear_birth_date",
                      "The birth date is given and cleared at once; do one of the two.");
    }
    for (const std::string& removed : command.remove_attributes()) {
        if (find_by_key(command.attributes(), removed) != command.attributes().end()) {
            return refuse(Why::attribute_set_and_removed, "change_customer_details.remove_attributes",
                          "The attribute " + quoted(removed) + " is set and removed at once; do one of the two.");
        }
    }
    return std::nullopt;
}

void change_personal(bool given, const std::string& wanted, const v1::Personal& known, auto mutable_field) {
    if (given && wanted != known.clear()) mutable_field()->set_clear(wanted);
}

// Only what really changes.
v1::CustomerDetailsChanged changes(const State& state, const v1::ChangeCustomerDetails& command) {
    v1::CustomerDetailsChanged changed;
    change_personal(command.has_name(), command.name(), state.name(), [&] { return changed.mutable_name(); });
    change_personal(command.has_phone(), command.phone(), state.phone(), [&] { return changed.mutable_phone(); });
    change_personal(command.has_email(), command.email(), state.email(), [&] { return changed.mutable_email(); });
    change_personal(command.has_address(), command.address(), state.address(),
                    [&] { return changed.mutable_address(); });
    change_personal(command.has_birth_date() || command.clear_birth_date(),
                    command.has_birth_date() ? events::format_date(command.birth_date()) : "", state.birth_date(),
                    [&] { return changed.mutable_birth_date(); });
    if (command.has_kind()) {
        const v1::CustomerKind kind = command.kind() == v1::CUSTOMER_KIND_UNSPECIFIED ? v1::COMPANY : command.kind();
        if (kind != state.kind()) changed.set_kind(kind);
    }
    if (command.has_gender() && command.gender() != state.gender()) changed.set_gender(command.gender());
    if (command.has_sector() && command.sector() != state.sector()) changed.set_sector(command.sector());
    if (command.has_region() && command.region() != state.region()) changed.set_region(command.region());
    if (command.has_owner() && command.owner() != state.owner()) changed.set_owner(command.owner());
    for (const v1::Attribute& wanted : command.attributes()) {
        const auto known = find_by_key(state.attributes(), wanted.key());
        if (known == state.attributes().end() || !same(*known, wanted)) *changed.add_attributes() = wanted;
    }
    for (const std::string& key : command.remove_attributes()) {
        if (find_by_key(state.attributes(), key) == state.attributes().end()) continue;
        const auto& removed = changed.attributes_removed();
        if (std::ranges::find(removed, key) == removed.end()) changed.add_attributes_removed(key);  // named once
    }
    for (const v1::ExternalId& wanted : command.external_ids()) {
        const auto known = find_by_key(state.external_ids(), wanted.system());
        if (known == state.external_ids().end() || !same(*known, wanted)) *changed.add_external_ids() = wanted;
    }
    return changed;
}

// How many there will be once `set` is set, each in the place of the one with its key or behind the others.
template <class List>
int count_after(const List& known, const List& set) {
    const auto is_new = [&](const auto& item) { return find_by_key(known, key_of(item)) == known.end(); };
    return known.size() + static_cast<int>(std::ranges::count_if(set, is_new));
}

}  // namespace

Decision<Event> change_details(const State& state, const v1::ChangeCustomerDetails& command, const Context& context) {
    if (auto broken = broken_rule(command, "change_customer_details", context)) return *std::move(broken);
    if (auto contradicts = contradiction(command)) return *std::move(contradicts);
    Event event;
    v1::CustomerDetailsChanged& changed = *event.mutable_customer_details_changed();
    changed = changes(state, command);
    if (changed.ByteSizeLong() == 0) return unchanged<Event>();

    const int attributes = count_after(state.attributes(), changed.attributes()) - changed.attributes_removed_size();
    if (attributes > Customer::max_attributes) {
        return refuse(
            Why::too_many_attributes, "change_customer_details.attributes",
            "A customer has at most " + std::to_string(Customer::max_attributes) + " attributes; remove some.");
    }
    if (count_after(state.external_ids(), changed.external_ids()) > Customer::max_external_ids) {
        return refuse(Why::too_many_external_ids, "change_customer_details.external_ids",
                      "A customer has at most " + std::to_string(Customer::max_external_ids) + " external ids.");
    }
    changed.set_former_region(state.region());
    changed.set_former_owner(state.owner());
    changed.set_former_sector(state.sector());
    return one(std::move(event));
}

void fold_created(State& state, const v1::CustomerCreated& created) {
    state.set_created(true);
    if (created.has_name()) *state.mutable_name() = created.name();
    if (created.has_phone()) *state.mutable_phone() = created.phone();
    if (created.has_email()) *state.mutable_email() = created.email();
    if (created.has_address()) *state.mutable_address() = created.address();
    state.set_kind(created.kind());
    if (created.has_birth_date()) *state.mutable_birth_date() = created.birth_date();
    state.set_gender(created.gender());
    state.set_sector(created.sector());
    state.set_region(created.region());
    state.set_owner(created.owner());
    *state.mutable_attributes() = created.attributes();
    *state.mutable_external_ids() = created.external_ids();
}

namespace {

// A present, empty value means: cleared.
void fold_personal(bool present, const v1::Personal& value, auto mutable_field, auto clear_field) {
    if (!present) return;
    if (value.form_case() == v1::Personal::kClear && value.clear().empty()) {
        clear_field();
    } else {
        *mutable_field() = value;
    }
}

}  // namespace

void fold_details(State& state, const v1::CustomerDetailsChanged& changed) {
    fold_personal(
        changed.has_name(), changed.name(), [&] { return state.mutable_name(); }, [&] { state.clear_name(); });
    fold_personal(
        changed.has_phone(), changed.phone(), [&] { return state.mutable_phone(); }, [&] { state.clear_phone(); });
    fold_personal(
        changed.has_email(), changed.email(), [&] { return state.mutable_email(); }, [&] { state.clear_email(); });
    fold_personal(
        changed.has_address(), changed.address(), [&] { return state.mutable_address(); },
        [&] { state.clear_address(); });
    fold_personal(
        changed.has_birth_date(), changed.birth_date(), [&] { return state.mutable_birth_date(); },
        [&] { state.clear_birth_date(); });
    if (changed.has_kind()) state.set_kind(changed.kind());
    if (changed.has_gender()) state.set_gender(changed.gender());
    if (changed.has_sector()) state.set_sector(changed.sector());
    if (changed.has_region()) state.set_region(changed.region());
    if (changed.has_owner()) state.set_owner(changed.owner());
    set_by_key(*state.mutable_attributes(), changed.attributes());
    auto& attributes = *state.mutable_attributes();
    for (const std::string& removed : changed.attributes_removed()) {
        const auto known = std::find_if(attributes.begin(), attributes.end(),
                                        [&](const v1::Attribute& attribute) { return attribute.key() == removed; });
        if (known != attributes.end()) attributes.erase(known);
    }
    set_by_key(*state.mutable_external_ids(), changed.external_ids());
}

}  // namespace tidemark::aggregates::customer
