// One named function per command to a customer; only for the .cpp files of this folder.
#pragma once

#include "aggregates/customer/customer.hpp"

namespace tidemark::aggregates::customer {

using State = Customer::State;
using Event = Customer::Event;
using Why = CustomerRejection;

// details.cpp: what is known about the customer.
Decision<Event> create(const State& state, const v1::CreateCustomer& command, const Context& context);
Decision<Event> change_details(const State& state, const v1::ChangeCustomerDetails& command, const Context& context);
void fold_created(State& state, const v1::CustomerCreated& created);
void fold_details(State& state, const v1::CustomerDetailsChanged& changed);

// customer.cpp
Decision<Event> record_need(const State& state, const v1::RecordCustomerNeed& command);
Decision<Event> give_consent(const State& state, const v1::GiveConsent& command);
Decision<Event> withdraw_consent(const State& state, const v1::WithdrawConsent& command);
Decision<Event> review(const v1::ReviewCustomerData& command);
Decision<Event> archive(const State& state, const v1::ArchiveCustomer& command);

}  // namespace tidemark::aggregates::customer
