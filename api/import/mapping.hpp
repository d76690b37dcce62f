// A mapping as it is written (YAML): how the rows of CSV files become commands. Mappings are data: a
// new source needs a new file, no code. docs/sales-operations.md describes the format.
#pragma once

#include "aggregates/command.pb.h"
#include "api/import/values.hpp"

#include <google/protobuf/descriptor.h>

#include <filesystem>

namespace tidemark::api {

// Which values go into which fields of a message.
struct MessagePlan {
    struct Field {
        const google::protobuf::FieldDescriptor* field = nullptr;
        std::string path;                   // "open_sale.lines.quantity"
        std::vector<Value> values;          // of a scalar field, one; of a repeated one, each element
        std::vector<MessagePlan> messages;  // of a message field likewise
    };
    std::vector<Field> fields;
    bool money = false;  // a v1.Money: fields `amount` (decimal text) and `currency`
    [[nodiscard]] std::vector<std::size_t> slots() const;
};

struct CommandPlan {
    const google::protobuf::FieldDescriptor* body = nullptr;     // of v1.Command: sale
    const google::protobuf::FieldDescriptor* command = nullptr;  // of v1.SaleCommand: win_sale
    Value stream;
    std::optional<Value> at;  // occurred_at: a date or an RFC 3339 time; none: when it is received
    Condition when;
    bool once = false;       // the same for many rows: sent for the first of them
    std::size_t number = 0;  // among the file's commands of that name: part of the command ids
    MessagePlan set;
};

// Rows to be skipped, or only to be told about, and why.
struct RowRule {
    Condition when;
    std::string because;
};

struct Derived {
    std::size_t slot = 0;
    Value value;
};

struct FilePlan {
    std::string file;  // its name, without directory and .gz
    Names names;
    std::vector<std::size_t> key;  // columns that say which row it is
    // Columns that belong to persons, by declaration or because they feed a personal field, and what derives from
    // them: never in an id, not shown.
    std::set<std::size_t> personal;
    std::vector<Derived> derived;  // in order: later ones may use earlier ones
    std::vector<RowRule> skip;
    std::vector<RowRule> note;
    std::vector<CommandPlan> commands;
};

struct Mapping {
    std::string source;  // where the data comes from: part of every command id
    std::string tenant;
    std::string actor;
    std::string reason;
    std::unique_ptr<Tables> tables = std::make_unique<Tables>();
    Names no_names;
    std::vector<CommandPlan> start;  // commands that belong to no row
    std::vector<FilePlan> files;     // in the order in which they are imported

    // An error names file, line and key.
    [[nodiscard]] static std::expected<Mapping, std::string> load(const std::filesystem::path& path);
    [[nodiscard]] static std::expected<Mapping, std::string> parse(const std::string& yaml, const std::string& name);
};

}  // namespace tidemark::api
