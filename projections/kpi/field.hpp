// Paths of the catalogue, compiled to chains of field descriptors. Immutable: any thread.
#pragma once

#include "projections/projection.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::projections::kpi {

class Field {
public:
    enum class Type : std::uint8_t { none, text, integer, date, flag, enumeration, money };

    // `event` is the message whose fields the path names; an error says which step is not there.
    [[nodiscard]] static std::expected<Field, std::string> compile(const google::protobuf::Descriptor& event,
                                                                   std::string_view path);

    [[nodiscard]] Type type() const { return type_; }  // none: there is no path, the value is empty
    // Text; of an enum the value's name; of money the currency. Points into the message, the header or `scratch`.
    [[nodiscard]] std::string_view text(const Event& event, const google::protobuf::Message& message,
                                        std::string& scratch) const;
    // Integers, dates (days), flags (0 or 1), the number of an enum, minor units of money. Of text: 0 when empty,
    // else 1.
    [[nodiscard]] std::int64_t integer(const Event& event, const google::protobuf::Message& message) const;

private:
    enum class Header : std::uint8_t { no, actor, on_behalf_of, kind, event };
    // With its message's reflection, which costs more to ask a message for than to read a field with.
    struct Step {
        const google::protobuf::FieldDescriptor* field;
        const google::protobuf::Reflection* reflection;
    };
    using Chain = std::vector<Step>;
    static std::expected<Chain, std::string> chain_of(const google::protobuf::Descriptor& event, std::string_view path);
    static const google::protobuf::Message& holder(const google::protobuf::Message& message, const Chain& chain);
    [[nodiscard]] const Chain& chosen(const google::protobuf::Message& message) const;
    [[nodiscard]] std::string_view header_text(const Event& event, const google::protobuf::Message& message) const;

    Header header_ = Header::no;
    Type type_ = Type::none;
    std::vector<Chain> chains_;  // the first that is present counts; the last without being asked
};

}  // namespace tidemark::projections::kpi
