// Sums of money, one per currency: currencies are never added to each other.
#pragma once

#include "events/v1/common.pb.h"

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <map>
#include <string>

namespace tidemark::projections {

class Purse {
public:
    void add(const v1::Money& money) {
        if (money.minor() != 0 || !money.currency().empty()) sums_[money.currency()] += money.minor();
    }
    // In order of currency.
    void write(google::protobuf::RepeatedPtrField<v1::Money>& out) const {
        for (const auto& [currency, minor] : sums_) {
            auto& money = *out.Add();
            money.set_minor(minor);
            money.set_currency(currency);
        }
    }

private:
    std::map<std::string, std::int64_t> sums_;
};

}  // namespace tidemark::projections
