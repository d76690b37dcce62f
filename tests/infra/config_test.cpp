#include "infra/config/config.hpp"

#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>

using namespace tidemark;
using infra::Config;

namespace {

std::string mistake_in(const std::string& yaml) {
    Config config;
    const auto applied = infra::apply_yaml(config, yaml, "tidemark.yaml");
    REQUIRE_FALSE(applied.has_value());
    return applied.error();
}

auto environment(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    };
}

}  // namespace

TEST_CASE("a configuration file sets what it names and leaves the rest", "[config]") {
    Config config;
    REQUIRE(infra::apply_yaml(config, R"(
data: /var/lib/tidemark
http:
  port: 9090
cache:
  aggregates: 512 MiB
logging: {level: debug, format: json}
kpis:
  catalogue: my.yaml
tenants:
  shanghai: {time_zone: Asia/Shanghai, first_day_of_week: sunday}
  default: {}
)",
                              "tidemark.yaml"));
    CHECK(config.data == "/var/lib/tidemark");
    CHECK(config.http_port == 9090);
    CHECK(config.http_address == "127.0.0.1");
    CHECK(config.aggregate_cache_bytes == 512u << 20);
    CHECK(config.log_level == "debug");
    CHECK(config.log_format == infra::LogFormat::json);
    CHECK(config.kpi_catalogue == "my.yaml");
    CHECK(config.partitions == 16);
    CHECK(config.tenants.at("shanghai") == infra::TenantConfig{"Asia/Shanghai", infra::Weekday::sunday});
    CHECK(config.tenants.at("default") == infra::TenantConfig{"UTC", infra::Weekday::monday});
}

TEST_CASE("an empty configuration file is a good one", "[config]") {
    Config config;
    CHECK(infra::apply_yaml(config, "# nothing yet\n", "tidemark.yaml"));
}

TEST_CASE("an unknown key is refused with its place and the key that was meant", "[config]") {
    CHECK(mistake_in("data: x\nhttp:\n  prot: 1\n") ==
          "tidemark.yaml:3: unknown key \"http.prot\"; did you mean \"http.port\"?");
    CHECK(mistake_in("tenant: {}\n") == "tidemark.yaml:1: unknown key \"tenant\"; did you mean \"tenants\"?");
    CHECK(mistake_in("tenants:\n  a:\n    timezone: UTC\n") ==
          "tidemark.yaml:3: unknown key \"timezone\"; did you mean \"time_zone\"?");
    CHECK(mistake_in("weather_in_shanghai_tomorrow: fine\n") ==
          "tidemark.yaml:1: unknown key \"weather_in_shanghai_tomorrow\"");
}

TEST_CASE("a wrong value is refused with its place and what is taken", "[config]") {
    const auto [yaml, says] = GENERATE(table<std::string, std::string>({
        {"http: {port: 70000}", "tidemark.yaml:1: \"http.port\": takes a whole number from 0 to 65535, not \"70000\""},
        {"\nhttp:\n  address: 0.0.0.0", "tidemark.yaml:3: \"http.address\": takes a loopback address"},
        {"partitions: 0", "\"partitions\": takes a whole number from 1 to 4096"},
        {"partitions: -1", "not \"-1\""},
        {"cache: {tail: 5 apples}", "\"cache.tail\": takes a size as 4096, 64KiB, 256MiB or 2GiB"},
        {"cache: {tail: 99999999999999GiB}", "\"cache.tail\": takes a size"},
        {"accept_missing_mark: perhaps", "takes true or false"},
        {"logging: {level: loud}", "takes one of trace, debug, info"},
        {"tenants: {a: {time_zone: Mars/Olympus}}", "takes the IANA name of a time zone"},
        {"tenants: {a: {time_zone: ../passwd}}", "takes the IANA name of a time zone"},
        {"tenants: {a: {first_day_of_week: someday}}", "takes one of monday, tuesday"},
        {"tenants: 5", "\"tenants\" holds tenants"},
        {"http: 8080", "\"http\" holds keys with values"},
        {"data: [a, b]", "\"data\" takes one value"},
        {"data: a\ndata: b", "tidemark.yaml:2: \"data\" is given twice"},
        {"- a", "the file holds keys with values"},
        {"http: {port: 1", "this is not YAML"},
    }));
    CAPTURE(yaml);
    CHECK_THAT(mistake_in(yaml), Catch::Contains(says));
}

TEST_CASE("the environment overrides the file", "[config]") {
    const tests::TemporaryDirectory directory;
    const auto file = directory.path() / "tidemark.yaml";
    std::ofstream(file) << "data: from-file\nhttp: {port: 1}\npartitions: 4\n";
    Config config;
    REQUIRE(infra::apply_file(config, file));
    REQUIRE(infra::apply_environment(
        config, environment({{"TIDEMARK_DATA", "from-environment"}, {"TIDEMARK_LISTEN", "127.0.0.2:7000"}})));
    CHECK(config.data == "from-environment");
    CHECK(config.http_address == "127.0.0.2");
    CHECK(config.http_port == 7000);
    CHECK(config.partitions == 4);
    CHECK_FALSE(infra::apply_file(config, directory.path() / "absent.yaml"));
}

TEST_CASE("a wrong variable is refused by its name", "[config]") {
    Config config;
    CHECK(infra::apply_environment(config, environment({{"TIDEMARK_PARTITIONS", "many"}})).error() ==
          "TIDEMARK_PARTITIONS: takes a whole number from 1 to 4096, not \"many\"");
    CHECK(infra::apply_environment(config, environment({{"TIDEMARK_LISTEN", "8080"}})).error() ==
          "TIDEMARK_LISTEN: takes ADDRESS:PORT");
    CHECK_THAT(infra::apply_environment(config, environment({{"TIDEMARK_LISTEN", "10.0.0.1:80"}})).error(),
               Catch::StartsWith("TIDEMARK_LISTEN: \"http.address\": takes a loopback address"));
}

TEST_CASE("every option takes back the value that it shows", "[config]") {
    for (const infra::ConfigOption& option : infra::config_options()) {
        CAPTURE(option.key);
        Config config;
        const std::string shown = option.show(config);
        CHECK(infra::set_option(config, option.key, shown));
        CHECK(option.show(config) == shown);
        CHECK(option.environment.starts_with("TIDEMARK_"));
        CHECK_FALSE(option.meaning.empty());
    }
    Config config;
    CHECK(infra::set_option(config, "http.prot", "1").error() ==
          "unknown key \"http.prot\"; did you mean \"http.port\"?");
}
