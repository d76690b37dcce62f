#include "aggregates/aggregate_type.hpp"

#include "aggregates/customer/customer.hpp"
#include "aggregates/delivery/delivery.hpp"
#include "aggregates/pipeline/pipeline.hpp"
#include "aggregates/product/product.hpp"
#include "aggregates/sale/sale.hpp"
#include "events/block.hpp"
#include "events/event.hpp"

#include <google/protobuf/arena.h>

#include <array>
#include <cstddef>

namespace tidemark::aggregates {
namespace {

// The one place where a reference to what does not exist becomes a rejection.
v1::Rejection reference_not_found(const Need& need) {
    v1::Rejection rejection;
    rejection.set_code("ReferenceNotFound");
    rejection.set_category(v1::REFERENCE_NOT_FOUND);
    rejection.set_field(std::string(need.field));
    rejection.set_detail("There is no " + std::string(need.kind) + " \"" + need.id +
                         "\"; create it first, or name one that exists.");
    return rejection;
}

// The rest of what one command may write is for the headers of its records.
constexpr std::size_t most_payload_bytes = events::max_decision_bytes / 2;

v1::Rejection too_large(const v1::Command& command) {
    v1::Rejection rejection;
    rejection.set_code("DecisionTooLarge");
    rejection.set_category(v1::RULE_VIOLATED);
    rejection.set_command(std::string(command_name(command)));
    rejection.set_detail("The events of one command must fit in 128 KiB; split it into several commands.");
    return rejection;
}

// A decoded message takes some three times its encoded size; to measure it exactly takes reflection, and longer than a
// decision.
constexpr std::size_t decoded_factor = 3;

// Aggregate A behind the face; Body reads its command out of a v1.Command.
template <Decider A, const typename A::Command& (v1::Command::*Body)() const>
class Erased final : public AggregateState {
public:
    std::expected<std::vector<Decided>, v1::Rejection> decide(const v1::Command& command,
                                                              const Context& context) override {
        auto decision = judge((command.*Body)(), context);
        if (!decision) {
            decision.error().set_command(std::string(command_name(command)));
            return std::unexpected(std::move(decision.error()));
        }
        std::vector<Decided> decided;
        decided.reserve(decision->size());
        std::size_t bytes = 0;
        for (const typename A::Event& event : *decision) {
            decided.push_back({static_cast<std::uint16_t>(event.event_case()), event.SerializeAsString()});
            bytes += decided.back().payload.size();
        }
        if (bytes > most_payload_bytes) return std::unexpected(too_large(command));
        for (const typename A::Event& event : *decision) A::evolve(state_, event, context.occurred_at);
        return decided;
    }

    std::vector<Need> needs(const v1::Command& command) const override { return A::needs(state_, (command.*Body)()); }

    std::expected<void, events::DecodeError> evolve(const events::RecordView& record) override {
        if (record.header.kind != events::RecordKind::event) return {};  // rejections change nothing
        // On an arena, which is dropped whole: an event is many small parts.
        alignas(std::max_align_t) std::array<char, 4096> room;
        google::protobuf::ArenaOptions options;
        options.initial_block = room.data();
        options.initial_block_size = room.size();
        google::protobuf::Arena arena(options);
        auto& event = *google::protobuf::Arena::CreateMessage<typename A::Event>(&arena);
        if (auto decoded = events::decode_event(record, event); !decoded) return decoded;
        A::evolve(state_, event, record.header.occurred_at);
        return {};
    }

    const google::protobuf::Message& message() const override { return state_; }

    bool restore(std::string_view snapshot) override {
        return state_.ParseFromArray(snapshot.data(), static_cast<int>(snapshot.size()));
    }

    std::unique_ptr<AggregateState> clone() const override { return std::make_unique<Erased>(*this); }

    std::size_t memory_bytes() const override { return sizeof(*this) + decoded_factor * state_.ByteSizeLong(); }

private:
    Decision<typename A::Event> judge(const typename A::Command& command, const Context& context) const {
        if (const Need* missing = context.facts.missing()) return std::unexpected(reference_not_found(*missing));
        return A::decide(state_, command, context);
    }

    typename A::State state_;
};

template <Decider A, const typename A::Command& (v1::Command::*Body)() const>
AggregateType entry(std::string_view plural, v1::Command::BodyCase body) {
    return {.kind = A::kind,
            .plural = plural,
            .body = body,
            .fold_version = A::fold_version,
            .command = A::Command::descriptor(),
            .event = A::Event::descriptor(),
            .state = A::State::descriptor(),
            .make = []() -> std::unique_ptr<AggregateState> { return std::make_unique<Erased<A, Body>>(); },
            .command_case = [](const v1::Command& command) -> int { return (command.*Body)().command_case(); }};
}

const AggregateType* find_by(auto condition) {
    for (const AggregateType& type : registry()) {
        if (condition(type)) return &type;
    }
    return nullptr;
}

// The name of every command, by aggregate and by its field number.
std::vector<std::vector<std::string_view>> names_of_commands() {
    std::vector<std::vector<std::string_view>> names;
    for (const AggregateType& type : registry()) {
        std::vector<std::string_view>& of_type = names.emplace_back();
        for (int i = 0; i < type.command->field_count(); ++i) {
            const auto* field = type.command->field(i);
            const auto number = static_cast<std::size_t>(field->number());
            if (of_type.size() <= number) of_type.resize(number + 1);
            of_type[number] = field->message_type()->name();
        }
    }
    return names;
}

}  // namespace

std::span<const AggregateType> registry() {
    static const std::array all{
        entry<Customer, &v1::Command::customer>("customers", v1::Command::kCustomer),
        entry<Product, &v1::Command::product>("products", v1::Command::kProduct),
        entry<Pipeline, &v1::Command::pipeline>("pipelines", v1::Command::kPipeline),
        entry<Sale, &v1::Command::sale>("sales", v1::Command::kSale),
        entry<Delivery, &v1::Command::delivery>("deliveries", v1::Command::kDelivery),
    };
    return all;
}

const AggregateType* find_kind(std::string_view kind) {
    return find_by([kind](const AggregateType& type) { return type.kind == kind; });
}

const AggregateType* find_plural(std::string_view plural) {
    return find_by([plural](const AggregateType& type) { return type.plural == plural; });
}

const AggregateType* type_of(const v1::Command& command) {
    return find_by([body = command.body_case()](const AggregateType& type) { return type.body == body; });
}

std::string_view command_name(const v1::Command& command) {
    static const auto names = names_of_commands();
    const AggregateType* type = type_of(command);
    if (type == nullptr) return {};
    return names[static_cast<std::size_t>(type - registry().data())]
                [static_cast<std::size_t>(type->command_case(command))];
}

}  // namespace tidemark::aggregates
