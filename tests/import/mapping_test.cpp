#include "api/import/mapping.hpp"

#include <catch2/catch.hpp>

using namespace tidemark::api;

namespace {

// What a template makes of one column's value.
std::string eval(const std::string& text, const std::string& value, const Tables& tables = {}) {
    Names names;
    const auto compiled = Template::compile(text, tables, names);
    if (!compiled) return "error: " + compiled.error();
    Scope scope{.values = std::vector<std::string>(names.all().size(), value), .names = &names.all()};
    const auto made = compiled->eval(scope);
    return made ? *made : made.error().column + ": " + made.error().why;
}

std::string error_of(const std::string& yaml) {
    const auto mapping = Mapping::parse(yaml, "m.yaml");
    return mapping ? "" : mapping.error();
}

const std::string head = "source: s\nfiles:\n  - file: a.csv\n    key: id\n";

}  // namespace

TEST_CASE("templates put columns through filters") {
    CHECK(eval("{a}", "x") == "x");
    CHECK(eval("scms-{a|trim}", "  7 ") == "scms-7");
    CHECK(eval("{a|trim}", "\u00A0 à la voilà\u00A0\t") == "à la voilà");
    CHECK(eval("{a|trim}", " \u00A0 ") == "");
    CHECK(eval("{{{a}}", "x") == "{x}");
    CHECK(eval("{a|number}", "1,234.50") == "1234.50");
    CHECK(eval("{a|number}", " -1 234 567.5") == "-1234567.5");
    CHECK(eval("{a|number}", "123456") == "123456");
    CHECK(eval("{a|number}", "") == "");
    for (const char* other : {"1234,50", "1,23", "1.234,50", "12 kg", "1,234 567", "."}) {
        CHECK_THAT(eval("{a|number}", other), Catch::Contains("is not a number"));
    }
    CHECK(eval("{a|number}", std::string(300'000, '7')) == "a: is too long for a number");
    CHECK(eval("{a|default:none}", "") == "none");
    CHECK(eval("{a|lower}", "ÄÖ") == "äö");
    CHECK(eval("{a", "") == "error: '{' is not closed; write {{ for a brace");
    CHECK_THAT(eval("{a|shout}", ""), Catch::Contains("no filter 'shout'"));
}

TEST_CASE("a slug is made of plain letters, and keeps apart what has none") {
    CHECK(slug("Côte d'Ivoire") == "cote-d-ivoire");
    CHECK(slug("  GTX Plus Pro! ") == "gtx-plus-pro");
    CHECK(slug("张三") != slug("李四"));
    CHECK(slug("张三") == slug("张三"));
    CHECK(slug(std::string(200, 'x')).size() == 64);
}

TEST_CASE("dates are read in the formats that the mapping states, and only if there is such a day") {
    CHECK(read_date("2-Jun-06", {"%d-%b-%y"}) == "2006-06-02");
    CHECK(read_date("5/14/09", {"%m/%d/%y"}) == "2009-05-14");
    CHECK(read_date("2017-02-30", {"%Y-%m-%d"}) == std::nullopt);
    CHECK(read_date("2017-02-03 noon", {"%Y-%m-%d"}) == std::nullopt);
    CHECK(read_date(std::string("2017-02-03\0noon", 15), {"%Y-%m-%d"}) == std::nullopt);
    CHECK(read_date("67768036191676799", {"%s"}) == std::nullopt);
    CHECK(read_date("2017-02-03", {"%d-%b-%y", "%Y-%m-%d"}) == "2017-02-03");
    CHECK(eval("{a|date:%Y-%m-%d}", "") == "");
    CHECK(eval("{a|date:%Y-%m-%d}", "Date Not Captured") == "a: 'Date Not Captured' is not a date written as %Y-%m-%d");
}

TEST_CASE("a value that a map does not know is kept, emptied or refused as the map says") {
    Tables tables;
    tables.maps["keep"] = {.name = "keep", .values = {{"a", "b"}}, .otherwise = ValueMap::Otherwise::keep};
    tables.maps["empty"] = {.name = "empty", .values = {{"a", "b"}}, .otherwise = ValueMap::Otherwise::empty};
    tables.maps["reject"] = {.name = "reject", .values = {{"a", "b"}}, .otherwise = ValueMap::Otherwise::reject};
    CHECK(eval("{x|map:keep}", "a", tables) == "b");
    CHECK(eval("{x|map:keep}", "z", tables) == "z");
    CHECK(eval("{x|map:empty}", "z", tables) == "");
    CHECK(eval("{x|map:reject}", "z", tables) == "x: 'z' is not in the value map reject");
}

TEST_CASE("an error in a mapping names the line and the key") {
    CHECK(error_of("source: s\nfils: []\n") ==
          "m.yaml:2: the mapping: unknown key 'fils'; known are source, about, tenant, "
          "actor, reason, dates, maps, lookups, start, files");
    CHECK_THAT(error_of("files: []\n"), Catch::Contains("source: is missing"));
    CHECK_THAT(error_of("source: a b\nfiles: []\n"), Catch::StartsWith("m.yaml:1: source:"));
    CHECK_THAT(error_of(head), Catch::Contains("commands: is missing"));
    CHECK_THAT(error_of(head + "    commands:\n      - sale.sell_it: {stream: x}\n"),
               Catch::StartsWith("m.yaml:6: 'sale.sell_it' is no command"));
    CHECK_THAT(
        error_of(head + "    commands:\n      - sale.open_sale:\n          stream: x\n          set: {owwner: me}\n"),
        Catch::StartsWith("m.yaml:8: open_sale: OpenSale has no field 'owwner'"));
    CHECK_THAT(error_of(head + "    commands:\n      - sale.open_sale:\n          stream: \"{x|map:none}\"\n"),
               Catch::StartsWith("m.yaml:7: sale.open_sale.stream: there is no value map 'none'"));
    CHECK_THAT(error_of("source: [\n"), Catch::StartsWith("m.yaml:2: "));
    CHECK_THAT(error_of(head + "    commands:\n      - customer.create_custmer: {stream: x}\n"),
               Catch::EndsWith("did you mean 'customer.create_customer'?"));
    CHECK_THAT(error_of(head + "    commands:\n      - sale.open_sale: {stream: x, set: {ownr: me}}\n"),
               Catch::EndsWith("OpenSale has no field 'ownr'; did you mean 'owner'?"));
    // Another file than a mapping, such as one with the rows.
    CHECK_THAT(error_of("account: \"Acme\", 3: [x\n"),
               Catch::StartsWith("m.yaml:1: this is not YAML: ") && Catch::Contains("docs/sales-operations.md"));
    CHECK_THAT(error_of("account,sector\nAcme,retail\n"),
               Catch::StartsWith("m.yaml:1: this is no mapping. A mapping is a YAML file with"));
}

TEST_CASE("yes and no are written as YAML has them, and nothing else is taken for no") {
    const std::string map = "maps: {m: {mend: ";
    const std::string commands = "    commands:\n      - sale.open_sale: {stream: x, once: ";
    CHECK(Mapping::parse("source: s\n" + map + "True, values: {}}}\nfiles: []\n", "m")->tables->maps.at("m").mends);
    CHECK_THAT(error_of("source: s\n" + map + "perhaps, values: {}}}\nfiles: []\n"),
               Catch::StartsWith("m.yaml:2: maps.m.mend: is true or false"));
    CHECK(Mapping::parse(head + commands + "yes}\n", "m")->files[0].commands[0].once);
    CHECK_FALSE(Mapping::parse(head + commands + "no}\n", "m")->files[0].commands[0].once);
    CHECK_THAT(error_of(head + commands + "1}\n"), Catch::Contains("once: is true or false"));
    const std::string skip = "    skip: [{because: b, when: {c: {empty: ";
    CHECK(*Mapping::parse(head + skip + "yes}}}]\n" + commands + "no}\n", "m")->files[0].skip[0].when.tests[0].empty);
    CHECK_THAT(error_of(head + skip + "x}}}]\n" + commands + "no}\n"), Catch::Contains("empty: is true or false"));
}

TEST_CASE("ids never derive from personal columns, not even through a derived value") {
    const std::string file = "source: s\nfiles:\n  - file: a.csv\n    personal: [email]\n";
    const std::string commands = "    commands:\n      - customer.create_customer:\n          stream: ";
    CHECK_THAT(error_of(file + "    key: email\n" + commands + "x\n"),
               Catch::Contains("key: ids never derive from personal"));
    CHECK_THAT(error_of(file + "    key: id\n" + commands + "\"{email|slug}\"\n"),
               Catch::Contains("create_customer.stream: ids never derive from personal"));
    CHECK_THAT(error_of(file + "    key: id\n    derive: {who: \"{email}\"}\n" + commands + "\"{who|slug}\"\n"),
               Catch::Contains("create_customer.stream: ids never derive from personal"));
    CHECK_THAT(error_of(file + "    key: id\n    commands:\n      - sale.open_sale:\n          stream: x\n"
                               "          set: {customer_id: \"{email|slug}\"}\n"),
               Catch::Contains("open_sale.customer_id: is an id"));
    CHECK(error_of(file + "    key: id\n" + commands + "\"{id}\"\n          set: {email: \"{email}\"}\n") == "");
}

TEST_CASE("ids never derive from columns that feed personal fields, unless they are said to be of no person") {
    const std::string file = "source: s\nfiles:\n  - file: a.csv\n    key: ";
    const std::string create = "    commands:\n      - customer.create_customer:\n          stream: ";
    const std::string named = "          set: {name: \"{name}\"}\n";
    CHECK(error_of(file + "id\n" + create + "\"{name|slug}\"\n" + named) ==
          "m.yaml:6: create_customer.stream: ids never derive from personal columns, and 'name' feeds "
          "create_customer.name, which is personal; take another column, or list it under not_personal if it belongs "
          "to no person");
    CHECK_THAT(error_of(file + "name\n" + create + "\"{id}\"\n" + named),
               Catch::StartsWith("m.yaml:4: key: ids never derive from personal columns, and 'name' feeds"));
    // Through derived values, whichever of the two feeds the field.
    const std::string derive = "    derive: {who: \"{first} {last}\"}\n";
    CHECK_THAT(error_of(file + "id\n" + derive + create + "\"{last|slug}\"\n          set: {name: \"{who}\"}\n"),
               Catch::Contains("'last' is behind 'who', which is personal"));
    CHECK_THAT(error_of(file + "id\n" + derive + create + "\"{who|slug}\"\n          set: {name: \"{last}\"}\n"),
               Catch::Contains("'who' derives from 'last', which is personal"));
    // Of another command of the row; within a personal message; a reference.
    CHECK_THAT(error_of(file + "id\n" + create + "\"{id}\"\n" + named +
                        "      - sale.open_sale:\n          stream: s\n"
                        "          set: {customer_id: \"{name|slug}\"}\n"),
               Catch::Contains("open_sale.customer_id: is an id, and ids never derive"));
    CHECK_THAT(error_of(file + "id\n" + create +
                        "\"{pass}\"\n          set:\n            name: x\n"
                        "            external_ids: [{system: state, id: \"{pass}\"}]\n"),
               Catch::Contains("'pass' feeds create_customer.external_ids.id"));

    const std::string companies = "name\n    not_personal: [name]\n";
    CHECK(error_of(file + companies + create + "\"{name|slug}\"\n" + named) == "");
    CHECK_THAT(error_of(file + companies + "    personal: [name]\n" + create + "\"{id}\"\n" + named),
               Catch::Contains("not_personal: 'name' is under personal too"));
}

TEST_CASE("a value or a pattern that is too long to be matched is refused in words") {
    const std::string commands = "    commands:\n      - sale.win_sale: {stream: x}\n";
    const auto mapping = Mapping::parse(
        head + "    skip: [{when: {cost: {matches: \"See .*\"}}, because: elsewhere}]\n" + commands, "m.yaml");
    REQUIRE(mapping);
    const FilePlan& file = mapping->files.front();
    const auto skips = [&](std::string cost) {
        Scope scope{.values = std::vector<std::string>(file.names.all().size(), std::move(cost)),
                    .names = &file.names.all()};
        return file.skip.front().when.holds(scope);
    };
    CHECK(skips("See the other row").value());
    CHECK_FALSE(skips("12.50").value());
    const auto long_one = skips("See " + std::string(1'000'000, 'x'));
    REQUIRE_FALSE(long_one);
    CHECK(long_one.error().column == "cost");
    CHECK(long_one.error().why == "has more than 1000 bytes, which is too long for `matches`");
    CHECK_THAT(
        error_of(head + "    skip: [{when: {cost: {matches: \"" + std::string(600, '(') + "\"}}, because: x}]\n"),
        Catch::Contains("a pattern has at most 500 bytes"));
}
