#include "api/import/mapping.hpp"

#include "api/json/tables.hpp"
#include "events/ids.hpp"
#include "events/v1/rules.pb.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

namespace tidemark::api {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr const char* what_a_mapping_is =
    "A mapping is a YAML file with `source` and `files`: docs/sales-operations.md tells its format, and "
    "api/import/mappings holds two";

// Which columns of a file belong to persons: those that the mapping says so, those that feed a field of a command that
// the rules call personal, and whatever they derive from or is derived from them; but for those that the mapping says
// to be of no person. Written into the file's plan.
class PersonalColumns {
public:
    PersonalColumns(FilePlan& file, const std::set<std::size_t>& not_personal)
        : file_(file), not_personal_(not_personal) {
        for (const std::size_t slot : file.personal) why_[slot] = "is listed under personal";
        for (const CommandPlan& plan : file.commands) add_fed(plan.set, false);
        for (std::size_t before = 0; before != file.personal.size();) {
            before = file.personal.size();
            for (const Derived& derived : file.derived) add_derived(derived);
        }
    }

    // Why no id may be made of these; empty: one may.
    [[nodiscard]] std::string behind(const std::vector<std::size_t>& slots) const {
        const auto found = std::ranges::find_if(slots, [&](std::size_t slot) { return file_.personal.contains(slot); });
        if (found == slots.end()) return {};
        return "ids never derive from personal columns, and '" + file_.names.all()[*found] + "' " + why_.at(*found) +
               "; take another column, or list it under not_personal if it belongs to no person";
    }

private:
    void add(const std::vector<std::size_t>& slots, const std::string& why) {
        for (const std::size_t slot : slots) {
            if (!not_personal_.contains(slot) && file_.personal.insert(slot).second) why_[slot] = why;
        }
    }
    void add_fed(const MessagePlan& plan, bool inside) {
        for (const MessagePlan::Field& field : plan.fields) {
            const bool personal = inside || field.field->options().GetExtension(v1::rule).personal();
            for (const Value& value : field.values) {
                if (personal) add(value.slots(), "feeds " + field.path + ", which is personal");
            }
            for (const MessagePlan& message : field.messages) add_fed(message, personal);
        }
    }
    void add_derived(const Derived& derived) {
        const std::string& name = file_.names.all()[derived.slot];
        const auto slots = derived.value.slots();
        if (file_.personal.contains(derived.slot)) add(slots, "is behind '" + name + "', which is personal");
        const auto source =
            std::ranges::find_if(slots, [&](std::size_t slot) { return file_.personal.contains(slot); });
        if (source != slots.end())
            add({derived.slot}, "derives from '" + file_.names.all()[*source] + "', which is personal");
    }

    FilePlan& file_;
    const std::set<std::size_t>& not_personal_;
    std::map<std::size_t, std::string> why_;
};

// Every command as a mapping writes it: sale.open_sale.
std::vector<std::string> every_command() {
    std::vector<std::string> all;
    const auto* bodies = v1::Command::descriptor()->FindOneofByName("body");
    for (int i = 0; i < bodies->field_count(); ++i) {
        const auto* kind = bodies->field(i);
        for (int j = 0; j < kind->message_type()->field_count(); ++j) {
            all.push_back(kind->name() + "." + kind->message_type()->field(j)->name());
        }
    }
    return all;
}

std::string perhaps(std::string_view name, const std::vector<std::string_view>& names) {
    const std::string_view near = json::nearest_of(name, names);
    return near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?";
}

// Reads one mapping; throws std::runtime_error with line and key, turned into an error by parse().
class MappingReader {
public:
    explicit MappingReader(std::string name) : name_(std::move(name)) {}

    Mapping read(const YAML::Node& root) {
        if (!root.IsMap()) fail(root, std::string("this is no mapping. ") + what_a_mapping_is);
        known_keys(root, "the mapping",
                   {"source", "about", "tenant", "actor", "reason", "dates", "maps", "lookups", "start", "files"});
        Mapping mapping;
        tables_ = mapping.tables.get();
        mapping.source = text(root, "source");
        if (!events::valid_id(mapping.source) || mapping.source.size() > 24) {
            fail(root["source"], "source: is 1 to 24 of [A-Za-z0-9._:-]");
        }
        mapping.tenant = optional_text(root, "tenant");
        mapping.actor = optional_text(root, "actor", "import:" + mapping.source);
        mapping.reason = optional_text(root, "reason");
        read_tables(root);
        for (const auto& command : list(root, "start"))
            mapping.start.push_back(read_command(command, mapping.no_names));
        if (!mapping.no_names.all().empty()) {
            fail(root["start"],
                 "start: belongs to no row, so {" + mapping.no_names.all().front() + "} has no value there");
        }
        if (!root["files"]) fail(root, "files: is missing: it says what the rows become");
        for (const auto& file : list(root, "files")) mapping.files.push_back(read_file(file));
        return mapping;
    }

private:
    [[noreturn]] void fail(const YAML::Node& at, const std::string& what) const {
        const YAML::Mark mark = at.IsDefined() ? at.Mark() : YAML::Mark::null_mark();
        throw std::runtime_error(name_ + ":" + std::to_string(mark.line + 1) + ": " + what);
    }

    void known_keys(const YAML::Node& node, const std::string& where,
                    std::initializer_list<std::string_view> keys) const {
        if (!node.IsMap()) fail(node, where + ": must be keys with values");
        for (const auto& entry : node) {
            const auto key = entry.first.as<std::string>();
            if (std::ranges::find(keys, key) != keys.end()) continue;
            std::string known;
            for (const std::string_view one : keys) known += (known.empty() ? "" : ", ") + std::string(one);
            fail(entry.first, where + ": unknown key '" + key + "'; known are " + known);
        }
    }

    std::string scalar(const YAML::Node& node, const std::string& key) const {
        if (!node.IsScalar()) fail(node, key + ": must be a single value");
        return node.Scalar();
    }
    std::string text(const YAML::Node& node, const std::string& key) const {
        if (!node[key]) fail(node, key + ": is missing");
        return scalar(node[key], key);
    }
    std::string optional_text(const YAML::Node& node, const std::string& key, std::string otherwise = {}) const {
        return node[key] ? scalar(node[key], key) : std::move(otherwise);
    }
    // As YAML writes it: true, yes, on and their opposites.
    bool flag(const YAML::Node& node, const std::string& key, const std::string& where) const {
        bool value = false;
        if (node[key] && !YAML::convert<bool>::decode(node[key], value)) {
            fail(node[key], where + "." + key + ": is true or false");
        }
        return value;
    }
    std::vector<YAML::Node> list(const YAML::Node& node, const std::string& key) const {
        if (!node[key]) return {};
        if (!node[key].IsSequence()) fail(node[key], key + ": must be a list");
        return elements(node[key]);
    }
    static std::vector<YAML::Node> elements(const YAML::Node& sequence) {
        std::vector<YAML::Node> found;
        for (const auto& one : sequence) found.push_back(one);
        return found;
    }
    // One value, or a list of them.
    std::vector<std::string> texts(const YAML::Node& node, const std::string& key) const {
        std::vector<std::string> found;
        if (!node.IsSequence()) return {scalar(node, key)};
        for (const auto& one : node) found.push_back(scalar(one, key));
        return found;
    }

    void read_tables(const YAML::Node& root) const {
        for (const auto& entry : section(root, "dates")) {
            tables_->dates[entry.first.as<std::string>()] = texts(entry.second, "dates");
        }
        for (const auto& entry : section(root, "maps")) {
            const auto name = entry.first.as<std::string>();
            const YAML::Node& node = entry.second;
            known_keys(node, "maps." + name, {"mend", "otherwise", "values"});
            ValueMap map{.name = name};
            for (const auto& pair : section(node, "values"))
                map.values[scalar(pair.first, name)] = scalar(pair.second, name);
            map.mends = flag(node, "mend", "maps." + name);
            const std::string otherwise = optional_text(node, "otherwise", "reject");
            if (otherwise == "keep") {
                map.otherwise = ValueMap::Otherwise::keep;
            } else if (otherwise == "empty") {
                map.otherwise = ValueMap::Otherwise::empty;
            } else if (otherwise != "reject") {
                fail(node["otherwise"], "maps." + name + ".otherwise: is keep, reject or empty");
            }
            tables_->maps.emplace(name, std::move(map));
        }
        for (const auto& entry : section(root, "lookups")) {
            const auto name = entry.first.as<std::string>();
            known_keys(entry.second, "lookups." + name, {"file", "key"});
            tables_->lookups[name] = {
                .name = name, .file = text(entry.second, "file"), .key = text(entry.second, "key")};
        }
    }
    YAML::Node section(const YAML::Node& node, const std::string& key) const {
        if (!node[key]) return YAML::Node(YAML::NodeType::Map);
        if (!node[key].IsMap()) fail(node[key], key + ": must be keys with values");
        return node[key];
    }

    Template read_template(const YAML::Node& node, const std::string& key, Names& names) const {
        auto made = Template::compile(scalar(node, key), *tables_, names);
        if (!made) fail(node, key + ": " + made.error());
        return std::move(*made);
    }

    Value read_value(const YAML::Node& node, const std::string& key, Names& names) const {
        Value value;
        if (!node.IsMap()) {
            value.templates.push_back(read_template(node, key, names));
            return value;
        }
        known_keys(node, key, {"first", "least", "greatest"});
        if (node.size() != 1) fail(node, key + ": takes one of first, least, greatest");
        const auto choice = node.begin()->first.as<std::string>();
        value.choice = choice == "first"   ? Value::Choice::first
                       : choice == "least" ? Value::Choice::least
                                           : Value::Choice::greatest;
        for (const auto& one : list(node, choice)) value.templates.push_back(read_template(one, key, names));
        return value;
    }

    Condition read_condition(const YAML::Node& node, const std::string& key, Names& names) const {
        Condition condition;
        if (!node.IsMap()) fail(node, key + ": must be columns with what they are compared to");
        for (const auto& entry : node) {
            const auto column = entry.first.as<std::string>();
            Condition::Test test{.slot = names.slot(column)};
            if (!entry.second.IsMap()) {
                test.one_of = texts(entry.second, key);
            } else {
                known_keys(entry.second, key + "." + column, {"not", "empty", "matches"});
                if (entry.second["not"]) test.none_of = texts(entry.second["not"], key);
                if (entry.second["empty"]) test.empty = flag(entry.second, "empty", key + "." + column);
                if (entry.second["matches"]) test.matches = read_regex(entry.second["matches"], key);
            }
            condition.tests.push_back(std::move(test));
        }
        return condition;
    }
    std::regex read_regex(const YAML::Node& node, const std::string& key) const {
        const std::string pattern = scalar(node, key);
        if (pattern.size() > Condition::most_pattern_bytes) {
            fail(node,
                 key + ": matches: a pattern has at most " + std::to_string(Condition::most_pattern_bytes) + " bytes");
        }
        try {
            return std::regex(pattern, std::regex::ECMAScript | std::regex::optimize);
        } catch (const std::regex_error& error) {
            fail(node, key + ": matches: " + error.what());
        }
    }

    std::vector<RowRule> read_rules(const YAML::Node& file, const std::string& key, Names& names) const {
        std::vector<RowRule> rules;
        for (const auto& node : list(file, key)) {
            known_keys(node, key, {"when", "because"});
            if (!node["when"]) fail(node, key + ": when is missing");
            rules.push_back(
                {.when = read_condition(node["when"], key + ".when", names), .because = text(node, "because")});
        }
        return rules;
    }

    FilePlan read_file(const YAML::Node& node) const {
        known_keys(node, "files", {"file", "key", "personal", "not_personal", "derive", "skip", "note", "commands"});
        FilePlan file;
        file.file = text(node, "file");
        if (!node["key"]) fail(node, "key: is missing: the columns that say which row it is");
        for (const std::string& column : texts(node["key"], "key")) file.key.push_back(file.names.slot(column));
        file.personal = columns(node, "personal", file.names);
        const std::set<std::size_t> not_personal = columns(node, "not_personal", file.names);
        for (const std::size_t slot : not_personal) {
            if (file.personal.contains(slot))
                fail(node["not_personal"], "not_personal: '" + file.names.all()[slot] + "' is under personal too");
        }
        for (const auto& entry : section(node, "derive")) {
            const auto name = entry.first.as<std::string>();
            Derived derived{.slot = file.names.slot(name),
                            .value = read_value(entry.second, "derive." + name, file.names)};
            file.derived.push_back(std::move(derived));
        }
        file.skip = read_rules(node, "skip", file.names);
        for (const RowRule& rule : file.skip) {
            for (const auto& test : rule.when.tests) {
                const bool derived =
                    std::ranges::any_of(file.derived, [&](const Derived& one) { return one.slot == test.slot; });
                if (derived)
                    fail(node["skip"], "skip: looks at columns only: rows are skipped before values are derived");
            }
        }
        file.note = read_rules(node, "note", file.names);
        for (const auto& command : list(node, "commands")) {
            CommandPlan plan = read_command(command, file.names);
            plan.number =
                static_cast<std::size_t>(std::ranges::count(file.commands, plan.command, &CommandPlan::command));
            file.commands.push_back(std::move(plan));
        }
        if (file.commands.empty()) fail(node, "commands: is missing or empty");
        const PersonalColumns personal(file, not_personal);
        if (const auto why = personal.behind(file.key); !why.empty()) fail(node["key"], "key: " + why);
        const auto nodes = list(node, "commands");
        for (std::size_t i = 0; i < file.commands.size(); ++i)
            refuse_personal_ids(file.commands[i], personal, nodes[i]);
        return file;
    }

    std::set<std::size_t> columns(const YAML::Node& file, const std::string& key, Names& names) const {
        std::set<std::size_t> slots;
        if (!file[key]) return slots;
        for (const std::string& column : texts(file[key], key)) slots.insert(names.slot(column));
        return slots;
    }

    void refuse_personal_ids(const CommandPlan& plan, const PersonalColumns& personal, const YAML::Node& at) const {
        if (const auto why = personal.behind(plan.stream.slots()); !why.empty())
            fail(at, plan.command->name() + ".stream: " + why);
        refuse_personal_ids(plan.set, personal, at);
    }
    void refuse_personal_ids(const MessagePlan& plan, const PersonalColumns& personal, const YAML::Node& at) const {
        for (const MessagePlan::Field& field : plan.fields) {
            const bool id = field.field->options().GetExtension(v1::rule).format() == v1::FORMAT_ID;
            for (const Value& value : field.values) {
                const auto why = id ? personal.behind(value.slots()) : std::string();
                if (!why.empty()) fail(at, field.path + ": is an id, and " + why);
            }
            for (const MessagePlan& message : field.messages) refuse_personal_ids(message, personal, at);
        }
    }

    CommandPlan read_command(const YAML::Node& node, Names& names) const {
        if (!node.IsMap() || node.size() != 1) fail(node, "commands: each is one KIND.COMMAND with what it is made of");
        const auto full = node.begin()->first.as<std::string>();
        const YAML::Node how = node.begin()->second;  // the iterator gives a temporary
        CommandPlan plan;
        const auto dot = full.find('.');
        plan.body = v1::Command::descriptor()->FindFieldByName(full.substr(0, dot));
        if (plan.body != nullptr && plan.body->message_type() != nullptr && dot != std::string::npos) {
            plan.command = plan.body->message_type()->FindFieldByName(full.substr(dot + 1));
        }
        if (plan.command == nullptr) {
            const auto all = every_command();
            fail(node, "'" + full + "' is no command; one is written as sale.open_sale" +
                           perhaps(full, {all.begin(), all.end()}));
        }
        known_keys(how, full, {"stream", "at", "when", "once", "set"});
        if (!how["stream"]) fail(how, full + ".stream: is missing: the id of what the command is for");
        plan.stream = read_value(how["stream"], full + ".stream", names);
        if (how["at"]) plan.at = read_value(how["at"], full + ".at", names);
        if (how["when"]) plan.when = read_condition(how["when"], full + ".when", names);
        plan.once = flag(how, "once", full);
        if (how["set"]) plan.set = read_message(how["set"], *plan.command->message_type(), plan.command->name(), names);
        return plan;
    }

    MessagePlan read_message(const YAML::Node& node, const Descriptor& type, const std::string& path,
                             Names& names) const {
        MessagePlan plan{.money = type.full_name() == v1::Money::descriptor()->full_name()};
        if (plan.money) known_keys(node, path, {"amount", "currency"});
        if (!node.IsMap()) fail(node, path + ": must be fields with values");
        for (const auto& entry : node) {
            const auto name = entry.first.as<std::string>();
            // `amount` is how people write what is stored as minor units.
            const FieldDescriptor* field = type.FindFieldByName(plan.money && name == "amount" ? "minor" : name);
            if (field == nullptr) {
                std::vector<std::string_view> names_there;
                for (int i = 0; i < type.field_count(); ++i) names_there.push_back(type.field(i)->name());
                fail(entry.first,
                     path + ": " + type.name() + " has no field '" + name + "'" + perhaps(name, names_there));
            }
            plan.fields.push_back(read_field(entry.second, *field, path + "." + name, names));
        }
        return plan;
    }

    MessagePlan::Field read_field(const YAML::Node& node, const FieldDescriptor& field, const std::string& path,
                                  Names& names) const {
        MessagePlan::Field plan{.field = &field, .path = path};
        std::vector<YAML::Node> given{node};
        if (field.is_repeated()) {
            if (!node.IsSequence()) fail(node, path + ": must be a list");
            given = elements(node);
        }
        for (const YAML::Node& element : given) {
            if (field.message_type() != nullptr) {
                plan.messages.push_back(read_message(element, *field.message_type(), path, names));
            } else {
                plan.values.push_back(read_value(element, path, names));
            }
        }
        return plan;
    }

    std::string name_;
    Tables* tables_ = nullptr;
};

}  // namespace

std::vector<std::size_t> MessagePlan::slots() const {
    std::vector<std::size_t> found;
    for (const Field& field : fields) {
        for (const Value& value : field.values) std::ranges::copy(value.slots(), std::back_inserter(found));
        for (const MessagePlan& message : field.messages) std::ranges::copy(message.slots(), std::back_inserter(found));
    }
    return found;
}

std::expected<Mapping, std::string> Mapping::parse(const std::string& yaml, const std::string& name) {
    try {
        return MappingReader(name).read(YAML::Load(yaml));
    } catch (const YAML::Exception& error) {
        return std::unexpected(name + ":" + std::to_string(error.mark.line + 1) + ": this is not YAML: " + error.msg +
                               ". " + what_a_mapping_is);
    } catch (const std::runtime_error& error) {
        return std::unexpected(error.what());
    }
}

std::expected<Mapping, std::string> Mapping::load(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream content;
    if (!(content << file.rdbuf())) return std::unexpected(path.string() + ": cannot be read");
    return parse(content.str(), path.string());
}

}  // namespace tidemark::api
