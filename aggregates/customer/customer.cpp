#include "aggregates/customer/customer.hpp"

#include "aggregates/customer/rules.hpp"
#include "aggregates/decision.hpp"

#include <algorithm>

namespace tidemark::aggregates {
namespace customer {

// The same need, said twice, is one need.
Decision<Event> record_need(const State& state, const v1::RecordCustomerNeed& command) {
    const v1::Priority priority =
        command.priority() == v1::PRIORITY_UNSPECIFIED ? v1::PRIORITY_MEDIUM : command.priority();
    const bool known = std::ranges::any_of(state.needs(), [&](const v1::CustomerNeedRecorded& need) {
        return need.type() == command.type() && need.priority() == priority &&
               need.product_id() == command.product_id() && need.text() == command.text();
    });
    if (known) return unchanged<Event>();
    Event event;
    v1::CustomerNeedRecorded& need = *event.mutable_customer_need_recorded();
    need.set_type(command.type());
    need.set_text(command.text());
    need.set_product_id(command.product_id());
    need.set_priority(priority);
    return one(std::move(event));
}

namespace {

// An empty channel stands for all of them.
bool concerns(const std::string& purpose, const std::string& channel, const auto& other) {
    return purpose == other.purpose() && (channel.empty() || channel == other.channel());
}

template <class List, class Condition>
void remove_if(List& list, Condition condition) {
    list.erase(std::remove_if(list.begin(), list.end(), condition), list.end());
}

}  // namespace

Decision<Event> give_consent(const State& state, const v1::GiveConsent& command) {
    v1::ConsentGiven consent;
    consent.set_purpose(command.purpose());
    consent.set_channel(command.channel());
    consent.set_source(command.source());
    const bool withdrawn = std::ranges::any_of(state.withdrawals(), [&](const auto& taken_back) {
        return concerns(consent.purpose(), consent.channel(), taken_back);
    });
    const bool in_force =
        std::ranges::any_of(state.consents(), [&](const v1::ConsentGiven& known) { return same(known, consent); });
    if (in_force && !withdrawn) return unchanged<Event>();
    const bool replaces = std::ranges::any_of(state.consents(), [&](const v1::ConsentGiven& known) {
        return known.purpose() == consent.purpose() && known.channel() == consent.channel();
    });
    if (!replaces && state.consents_size() >= Customer::max_consents) {
        return refuse(Why::too_many_consents, "",
                      "A customer has at most " + std::to_string(Customer::max_consents) +
                          " consents in force; give one for all channels of a purpose, or withdraw what is not used.");
    }
    Event event;
    *event.mutable_consent_given() = std::move(consent);
    return one(std::move(event));
}

// What is not in force cannot be withdrawn, and needs not. A single channel can be withdrawn out of a
// consent for all of them.
Decision<Event> withdraw_consent(const State& state, const v1::WithdrawConsent& command) {
    const bool named = std::ranges::any_of(
        state.consents(), [&](const auto& consent) { return concerns(command.purpose(), command.channel(), consent); });
    const bool for_all = std::ranges::any_of(state.consents(), [&](const auto& consent) {
        return consent.purpose() == command.purpose() && consent.channel().empty();
    });
    const bool withdrawn_before = std::ranges::any_of(state.withdrawals(), [&](const auto& taken_back) {
        return taken_back.purpose() == command.purpose() && taken_back.channel() == command.channel();
    });
    if (!named && (!for_all || withdrawn_before)) return unchanged<Event>();
    const bool kept_apart = for_all && !command.channel().empty() && !withdrawn_before;
    if (kept_apart && state.withdrawals_size() >= Customer::max_withdrawals) {
        return refuse(Why::too_many_withdrawals, "withdraw_consent.channel",
                      "At most " + std::to_string(Customer::max_withdrawals) +
                          " single channels are withdrawn out of consents for all; withdraw the purpose, and give "
                          "consent to the channels that are left.");
    }
    Event event;
    event.mutable_consent_withdrawn()->set_purpose(command.purpose());
    event.mutable_consent_withdrawn()->set_channel(command.channel());
    return one(std::move(event));
}

// Each review is one of its own, whatever it finds.
Decision<Event> review(const v1::ReviewCustomerData& command) {
    Event event;
    event.mutable_customer_data_reviewed()->set_finding(command.finding());
    *event.mutable_customer_data_reviewed()->mutable_fields_to_mend() = command.fields_to_mend();
    return one(std::move(event));
}

Decision<Event> archive(const State& state, const v1::ArchiveCustomer& command) {
    if (state.archived()) return unchanged<Event>();
    Event event;
    v1::CustomerArchived& archived = *event.mutable_customer_archived();
    archived.set_reason(command.reason());
    archived.set_region(state.region());
    archived.set_owner(state.owner());
    archived.set_sector(state.sector());
    return one(std::move(event));
}

namespace {

void fold_need(State& state, const v1::CustomerNeedRecorded& need) {
    if (state.needs_size() == Customer::needs_kept) state.mutable_needs()->erase(state.needs().begin());
    *state.add_needs() = need;
}

void fold_consent(State& state, const v1::ConsentGiven& given) {
    remove_if(*state.mutable_withdrawals(),
              [&](const auto& withdrawal) { return concerns(given.purpose(), given.channel(), withdrawal); });
    remove_if(*state.mutable_consents(), [&](const auto& consent) {
        return consent.purpose() == given.purpose() && consent.channel() == given.channel();
    });
    *state.add_consents() = given;
}

void fold_withdrawal(State& state, const v1::ConsentWithdrawn& withdrawn) {
    remove_if(*state.mutable_consents(),
              [&](const auto& consent) { return concerns(withdrawn.purpose(), withdrawn.channel(), consent); });
    remove_if(*state.mutable_withdrawals(),
              [&](const auto& before) { return concerns(withdrawn.purpose(), withdrawn.channel(), before); });
    const bool for_all = std::ranges::any_of(state.consents(), [&](const auto& consent) {
        return consent.purpose() == withdrawn.purpose() && consent.channel().empty();
    });
    if (for_all) *state.add_withdrawals() = withdrawn;
}

}  // namespace
}  // namespace customer

RejectionFact fact_of(CustomerRejection why) {
    using Why = CustomerRejection;
    switch (why) {
        case Why::customer_not_found: return {"CustomerNotFound", v1::NOT_FOUND};
        case Why::customer_already_exists: return {"CustomerAlreadyExists", v1::STATE_CONFLICT};
        case Why::customer_archived: return {"CustomerArchived", v1::STATE_CONFLICT};
        case Why::name_missing: return {"NameMissing", v1::RULE_VIOLATED};
        case Why::birth_date_in_future: return {"BirthDateInFuture", v1::RULE_VIOLATED};
        case Why::birth_date_set_and_cleared: return {"BirthDateSetAndCleared", v1::RULE_VIOLATED};
        case Why::attribute_repeated: return {"AttributeRepeated", v1::RULE_VIOLATED};
        case Why::attribute_set_and_removed: return {"AttributeSetAndRemoved", v1::RULE_VIOLATED};
        case Why::too_many_attributes: return {"TooManyAttributes", v1::RULE_VIOLATED};
        case Why::external_system_repeated: return {"ExternalSystemRepeated", v1::RULE_VIOLATED};
        case Why::too_many_external_ids: return {"TooManyExternalIds", v1::RULE_VIOLATED};
        case Why::too_many_consents: return {"TooManyConsents", v1::STATE_CONFLICT};
        case Why::too_many_withdrawals: return {"TooManyWithdrawals", v1::STATE_CONFLICT};
    }
    return {};
}

std::vector<Need> Customer::needs(const State& state, const Command& command) {
    const std::string& product = command.record_customer_need().product_id();
    if (product.empty() || !state.created() || state.archived()) return {};
    return {{.kind = "product", .id = product, .field = "record_customer_need.product_id"}};
}

Decision<Customer::Event> Customer::decide(const State& state, const Command& command, const Context& context) {
    if (!state.created() && !command.has_create_customer()) {
        return refuse(CustomerRejection::customer_not_found, "",
                      "There is no customer " + quoted(context.stream_id) + "; create it first.");
    }
    if (state.archived() && !command.has_archive_customer()) {
        return refuse(CustomerRejection::customer_archived, "",
                      "The customer " + quoted(context.stream_id) + " is archived and takes no further commands.");
    }
    switch (command.command_case()) {
        case Command::kCreateCustomer: return customer::create(state, command.create_customer(), context);
        case Command::kChangeCustomerDetails:
            return customer::change_details(state, command.change_customer_details(), context);
        case Command::kRecordCustomerNeed: return customer::record_need(state, command.record_customer_need());
        case Command::kGiveConsent: return customer::give_consent(state, command.give_consent());
        case Command::kWithdrawConsent: return customer::withdraw_consent(state, command.withdraw_consent());
        case Command::kReviewCustomerData: return customer::review(command.review_customer_data());
        case Command::kArchiveCustomer: return customer::archive(state, command.archive_customer());
        case Command::COMMAND_NOT_SET: break;
    }
    nothing_inside("customer command");
}

void Customer::evolve(State& state, const Event& event, events::Micros) {
    switch (event.event_case()) {
        case Event::kCustomerCreated: customer::fold_created(state, event.customer_created()); return;
        case Event::kCustomerDetailsChanged: customer::fold_details(state, event.customer_details_changed()); return;
        case Event::kCustomerNeedRecorded: customer::fold_need(state, event.customer_need_recorded()); return;
        case Event::kConsentGiven: customer::fold_consent(state, event.consent_given()); return;
        case Event::kConsentWithdrawn: customer::fold_withdrawal(state, event.consent_withdrawn()); return;
        case Event::kCustomerDataReviewed: state.set_reviews(state.reviews() + 1); return;
        case Event::kCustomerArchived: state.set_archived(true); return;
        case Event::EVENT_NOT_SET: break;
    }
    nothing_inside("customer event");
}

}  // namespace tidemark::aggregates
