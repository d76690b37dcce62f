#include "aggregates/decider.hpp"

#include <stdexcept>

namespace tidemark::aggregates {

const v1::Reference* Facts::find(std::string_view kind, std::string_view id) const {
    for (std::size_t i = 0; i < needs_.size(); ++i) {
        if (needs_[i].kind == kind && needs_[i].id == id) return found_.at(i);
    }
    throw std::logic_error("a decision asked for a " + std::string(kind) + " that it had not named as a need");
}

const Need* Facts::missing() const {
    for (std::size_t i = 0; i < needs_.size(); ++i) {
        if (found_.at(i) == nullptr) return &needs_[i];
    }
    return nullptr;
}

}  // namespace tidemark::aggregates
