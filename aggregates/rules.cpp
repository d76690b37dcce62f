#include "aggregates/rules.hpp"

#include "events/v1/common.pb.h"

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace tidemark::aggregates {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Global, but written only once per message type, with what the descriptor says.
class Tables {
public:
    const RuleTable& of(const Descriptor* message) {
        {
            const std::shared_lock lock(mutex_);
            if (const auto known = tables_.find(message); known != tables_.end()) return *known->second;
        }
        const std::unique_lock lock(mutex_);
        return make(message);
    }

private:
    const RuleTable& make(const Descriptor* message) {
        auto& table = tables_[message];
        if (table) return *table;
        table = std::make_unique<RuleTable>();  // entered first: a message may contain itself
        RuleTable& made = *table;
        made.message = message;
        for (int i = 0; i < message->field_count(); ++i) {
            if (message->field(i)->real_containing_oneof() == nullptr) made.fields.push_back(make(message->field(i)));
        }
        for (int i = 0; i < message->real_oneof_decl_count(); ++i) {
            RuleTable::Choice choice{.oneof = message->oneof_decl(i), .fields = {}};
            for (int f = 0; f < choice.oneof->field_count(); ++f) choice.fields.push_back(make(choice.oneof->field(f)));
            made.choices.push_back(std::move(choice));
        }
        return made;
    }

    FieldRules make(const FieldDescriptor* field) {
        const v1::Rule& rule = field->options().GetExtension(v1::rule);
        FieldRules rules{.field = field,
                         .repeated = field->is_repeated(),
                         .required = rule.required(),
                         .presence = field->has_presence(),
                         .format = rule.format()};
        if (rule.max_chars() != 0) rules.max_chars = rule.max_chars();
        rules.max_bytes = rule.max_bytes();
        if (rule.max_items() != 0) rules.max_items = static_cast<int>(rule.max_items());
        rules.has_min = rule.has_min();
        rules.has_max = rule.has_max();
        rules.min = rule.min();
        rules.max = rule.max();
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            rules.inside = &make(field->message_type());
            rules.money = field->message_type() == v1::Money::descriptor();
        }
        return rules;
    }

    std::shared_mutex mutex_;
    std::unordered_map<const Descriptor*, std::unique_ptr<RuleTable>> tables_;
};

}  // namespace

const RuleTable& rules_of(const Descriptor* message) {
    static Tables tables;
    return tables.of(message);
}

}  // namespace tidemark::aggregates
