// Bytes that claim to be a mapping, and behind an empty line of "---" the cells of a row, one a line.
#include "api/import/build.hpp"
#include "api/import/mapping.hpp"
#include "tests/fuzz/targets.hpp"

namespace tidemark::tests::fuzz {
namespace {

std::vector<std::string> cells(std::string_view text, std::size_t count) {
    std::vector<std::string> all(count);
    for (std::string& cell : all) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        cell = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return all;
}

void build(const std::vector<api::CommandPlan>& plans, api::Scope& scope) {
    for (const api::CommandPlan& plan : plans) {
        const auto wanted = plan.when.holds(scope);
        if (!wanted || !*wanted) continue;
        const auto command = api::build_command(plan, scope);
        must(command.has_value() || !command.error().why.empty(), "an error says what is wrong");
    }
}

}  // namespace

void mapping(std::string_view input) {
    constexpr std::string_view mark = "\n---\n";
    const std::size_t end = input.find(mark);
    const std::string yaml(input.substr(0, end));
    const std::string_view row = end == std::string_view::npos ? std::string_view() : input.substr(end + mark.size());
    const auto mapping = api::Mapping::parse(yaml, "fuzz.yaml");
    if (!mapping) return must(!mapping.error().empty(), "an error says what is wrong");
    api::Scope none;
    none.names = &mapping->no_names.all();
    build(mapping->start, none);
    for (const api::FilePlan& file : mapping->files) {
        api::Scope scope;
        scope.values = cells(row, file.names.all().size());
        scope.names = &file.names.all();
        for (const api::Derived& derived : file.derived) {
            if (auto value = derived.value.eval(scope)) scope.values[derived.slot] = std::move(*value);
        }
        build(file.commands, scope);
    }
}

}  // namespace tidemark::tests::fuzz
