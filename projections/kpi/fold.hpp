// The one fold behind all KPIs: what the catalogue says about each kind of event, compiled. Immutable: any thread.
#pragma once

#include "projections/kpi/calendar.hpp"
#include "projections/kpi/catalogue.pb.h"
#include "projections/kpi/cells.hpp"
#include "projections/kpi/field.hpp"
#include "projections/kpi/pending.hpp"
#include "projections/projection.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

namespace tidemark::projections::kpi {

inline constexpr std::size_t restated_place = std::variant_size_v<events::Payload>;

class Fold {
public:
    // An error names the family, measure and field that it found at fault.
    [[nodiscard]] static std::expected<Fold, std::string> compile(const v1::KpiCatalogue& catalogue);

    void apply(const Event& event, const Calendar& calendar, Rows& rows) const;

    // Whether any measure of the family is a sum of Money.
    [[nodiscard]] bool has_money(int family) const { return money_.at(static_cast<std::size_t>(family)).any; }
    [[nodiscard]] bool is_money(int family, int measure) const;

private:
    struct Test {
        Field field;
        enum class Is : std::uint8_t { text, at_most, at_most_field, set, unset } is;
        std::string text;
        std::int64_t number = 0;
        Field other;
    };
    struct Addition {
        Slot slot;
        v1::MeasureKind kind;
        Field value, times_bp;
        std::int64_t divide_by = 1;
        std::int64_t sign = 1;
        std::vector<Test> tests;
    };
    // Where the dimensions of a family are found in an event.
    struct Dimensions {
        int family = 0;
        Field currency;
        std::vector<Field> dims;
        std::string identity;  // equal for equal ones
    };
    // What goes into the same cells: one time, one way to find the dimensions.
    struct Group {
        std::size_t dimensions = 0;  // in OfEvent
        bool first_of_command = false;
        Field at, at_minus;
        std::vector<Addition> additions;
        std::string identity;  // equal for what belongs into one group
    };
    struct OfEvent {
        const google::protobuf::FieldDescriptor* field = nullptr;  // in the oneof; nullptr: the payload itself
        const google::protobuf::Reflection* reflection = nullptr;  // of the payload
        std::vector<Dimensions> dimensions;
        std::vector<Group> groups;
    };
    struct Money {  // in a family
        std::vector<bool> measures;
        bool any = false;
    };
    struct Change {  // to a cell
        Slot slot;
        std::int64_t value = 0;
        std::int64_t sum = 0;
        std::int32_t bin = 0;
    };
    class Compiler;

    void add(const std::vector<OfEvent>& listeners, int number, const google::protobuf::Message& payload,
             const Event& event, const Calendar& calendar, Rows& rows) const;
    [[nodiscard]] static bool holds(const Test& test, const Event& event, const google::protobuf::Message& message);
    static void changes(const Group& group, const Event& event, const google::protobuf::Message& message,
                        std::vector<Change>& into);
    [[nodiscard]] static Pending::Combination combination(const Dimensions& dimensions, const Event& event,
                                                          const google::protobuf::Message& message, Pending& pending);

    std::vector<FamilyCells> families_;
    std::vector<Money> money_;  // by family
    // By place of the message in events::Payload (the last: in v1::Restated), then by the number of the event in its
    // oneof (0: none).
    std::array<std::vector<OfEvent>, restated_place + 1> listeners_;
};

}  // namespace tidemark::projections::kpi
