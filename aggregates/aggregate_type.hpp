// An aggregate behind one face, for the loop that is written once for all of them (load, decide,
// append, answer). registry() is the list of all.
#pragma once

#include "aggregates/decider.hpp"
#include "events/record.hpp"

#include <google/protobuf/message.h>

#include <memory>
#include <span>

namespace tidemark::aggregates {

// An event that was decided: its type (field number in the oneof) and its serialised payload.
struct Decided {
    std::uint16_t type = 0;
    std::string payload;
};

// The current state of one stream. One thread at a time.
class AggregateState {
public:
    virtual ~AggregateState() = default;
    // Decides, and folds its own events into the state. On a rejection the state is as before.
    [[nodiscard]] virtual std::expected<std::vector<Decided>, v1::Rejection> decide(const v1::Command& command,
                                                                                    const Context& context) = 0;
    [[nodiscard]] virtual std::vector<Need> needs(const v1::Command& command) const = 0;
    // Folds a stored event; an error is a record that this program cannot read.
    [[nodiscard]] virtual std::expected<void, events::DecodeError> evolve(const events::RecordView& record) = 0;
    [[nodiscard]] virtual const google::protobuf::Message& message() const = 0;
    [[nodiscard]] virtual bool restore(std::string_view snapshot) = 0;  // bytes of message(); false: they do not parse
    [[nodiscard]] virtual std::unique_ptr<AggregateState> clone() const = 0;
    [[nodiscard]] virtual std::size_t memory_bytes() const = 0;
};

struct AggregateType {
    std::string_view kind;       // "sale"
    std::string_view plural;     // "sales", as in a URL
    v1::Command::BodyCase body;  // which body of a Command is for it
    std::uint32_t fold_version;
    const google::protobuf::Descriptor* command;  // v1.SaleCommand: its oneof lists the commands
    const google::protobuf::Descriptor* event;    // v1.SaleEvent
    const google::protobuf::Descriptor* state;    // v1.SaleState
    std::unique_ptr<AggregateState> (*make)();
    int (*command_case)(const v1::Command& command);  // which command is inside the body: its field number; 0: none
};

[[nodiscard]] std::span<const AggregateType> registry();
[[nodiscard]] const AggregateType* find_kind(std::string_view kind);
[[nodiscard]] const AggregateType* find_plural(std::string_view plural);
[[nodiscard]] const AggregateType* type_of(const v1::Command& command);  // nullptr: no body

// "WinSale": the name of the command inside the body; empty when there is none.
[[nodiscard]] std::string_view command_name(const v1::Command& command);

}  // namespace tidemark::aggregates
