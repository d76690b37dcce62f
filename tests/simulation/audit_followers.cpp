#include "consumers/derived/generation.hpp"
#include "infra/memory/memory_kv.hpp"
#include "tests/simulation/audit.hpp"

#include <map>

namespace tidemark::tests::simulation {
namespace {

using consumers::DerivedTable;
using consumers::Table;

std::map<std::string, std::string> rows_of(consumers::KvStore& store, Table table) {
    std::map<std::string, std::string> rows;
    const auto scanned = store.snapshot()->scan(table, {}, {}, [&](std::string_view key, std::string_view value) {
        rows.emplace(key, value);
        return true;
    });
    if (!scanned) throw std::runtime_error(scanned.error().what);
    return rows;
}

void compare(consumers::KvStore& store, consumers::KvStore& fresh, Table table, const std::string& name,
             std::vector<std::string>& wrong) {
    const auto here = rows_of(store, table);
    const auto made = rows_of(fresh, table);
    if (here == made) return;
    std::size_t missing = 0, other = 0, extra = 0;
    for (const auto& [key, value] : made) {
        const auto found = here.find(key);
        missing += found == here.end();
        other += found != here.end() && found->second != value;
    }
    for (const auto& [key, value] : here) extra += !made.contains(key);
    wrong.push_back("table " + name + " differs from the one made afresh: " + std::to_string(missing) + " missing, " +
                    std::to_string(other) + " other, " + std::to_string(extra) + " too many");
}

void audit_derived(const Rest& rest, std::vector<std::string>& wrong) {
    for (const auto& fault : consumers::check_store(rest.log, rest.derived_rows, {}).faults) wrong.push_back(fault);
    infra::MemoryKv fresh(std::size(DerivedTable::names));
    consumers::DerivedOptions options;
    options.stepped = true;
    consumers::DerivedStores made(rest.log, fresh, options);
    if (auto done = made.catch_up({}); !done) return wrong.push_back(done.error());
    while (made.write().value()) {
    }
    // Snapshots are made at other versions; check_store() has held them to a fresh fold.
    for (const Table table :
         {DerivedTable::streams, DerivedTable::outcomes, DerivedTable::references, DerivedTable::merkle}) {
        compare(rest.derived_rows, fresh, table, DerivedTable::names[table], wrong);
    }
    // A place that has passed nothing but barriers since is not written.
    for (events::Partition partition = 0; partition < rest.log.identity().partitions; ++partition) {
        const auto end = rest.log.end(partition).tip.next_sequence;
        const auto row = rest.derived_rows.get(DerivedTable::meta, consumers::place_key(partition)).value();
        const auto place = row ? consumers::Place::decode(*row) : std::nullopt;
        if (end > 0 && (!place || place->next_sequence != end)) {
            wrong.push_back("the derived stores' place in partition " + std::to_string(partition) + " is not its end");
        }
    }
}

void audit_views(const Rest& rest, std::vector<std::string>& wrong) {
    for (const auto& stream : rest.views.parked()) {
        wrong.push_back("view " + stream.projection + " has parked " + stream.stream.id + ": " + stream.why);
    }
    infra::MemoryKv fresh(Views::tables());
    Views made(rest.log, fresh, 1'000'000, 64u << 20);
    made.fold_all();
    const auto names = consumers::Catalogue::table_names(projections_under_test());
    for (Table table = 0; table < names.size(); ++table) compare(rest.view_rows, fresh, table, names[table], wrong);
}

}  // namespace

std::vector<std::string> audit_followers(const Rest& rest) {
    std::vector<std::string> wrong;
    audit_derived(rest, wrong);
    audit_views(rest, wrong);
    return wrong;
}

}  // namespace tidemark::tests::simulation
