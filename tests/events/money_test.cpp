#include "events/money.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace tidemark::events;
namespace v1 = tidemark::v1;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

v1::Money money(std::int64_t minor, const char* currency) {
    v1::Money money;
    money.set_minor(minor);
    money.set_currency(currency);
    return money;
}

}  // namespace

TEST_CASE("a currency has the decimal places that ISO 4217 gives it", "[money]") {
    CHECK(minor_digits("EUR") == 2);
    CHECK(minor_digits("CNY") == 2);
    CHECK(minor_digits("JPY") == 0);
    CHECK(minor_digits("KWD") == 3);
    CHECK(minor_digits("CLF") == 4);
    CHECK(minor_digits("AED") == 2);
    CHECK(minor_digits("ZWL") == 2);
    for (const char* unknown : {"", "eur", "EURO", "EU", "XXX", "AAA", "ZZZ"}) CHECK_FALSE(minor_digits(unknown));
}

TEST_CASE("an amount is read exactly", "[money]") {
    CHECK(parse_minor("1234.50", "EUR") == 123450);
    CHECK(parse_minor("1234.5", "EUR") == 123450);
    CHECK(parse_minor("1234", "EUR") == 123400);
    CHECK(parse_minor("1234.5000", "EUR") == 123450);
    CHECK(parse_minor("-0.01", "EUR") == -1);
    CHECK(parse_minor("0", "JPY") == 0);
    CHECK(parse_minor("12.00", "JPY") == 12);
    CHECK(parse_minor("1.234", "KWD") == 1234);
    CHECK(parse_minor("0.1", "CLF") == 1000);
    CHECK(parse_minor("92233720368547758.07", "EUR") == most);
    CHECK(parse_minor("-92233720368547758.08", "EUR") == least);
}

TEST_CASE("an amount that is written otherwise, too fine or too great is refused", "[money]") {
    for (const char* bad : {"", "-", ".", ".5", "5.", "1,234.50", "1 234", "+5", "--5", "1e3", "0x10", "1.2.3", "NaN",
                            "1.005", "92233720368547758.08", "-92233720368547758.09", " 1", "1 ", "１"}) {
        INFO(bad);
        CHECK_FALSE(parse_minor(bad, "EUR"));
    }
    CHECK_FALSE(parse_minor("1.5", "JPY"));
    CHECK_FALSE(parse_minor("1", "XXX"));
}

TEST_CASE("an amount is written with the places of its currency", "[money]") {
    CHECK(format_minor(123450, "EUR") == "1234.50");
    CHECK(format_minor(5, "EUR") == "0.05");
    CHECK(format_minor(-5, "EUR") == "-0.05");
    CHECK(format_minor(0, "EUR") == "0.00");
    CHECK(format_minor(1234, "JPY") == "1234");
    CHECK(format_minor(1, "KWD") == "0.001");
    CHECK(format_minor(least, "EUR") == "-92233720368547758.08");
    CHECK(format_minor(1234, "") == "1234");
}

TEST_CASE("what is written is read back", "[money]") {
    for (const char* currency : {"EUR", "JPY", "KWD", "CLF"}) {
        for (const std::int64_t minor :
             {std::int64_t{0}, std::int64_t{1}, std::int64_t{-99}, std::int64_t{100'000}, most, least}) {
            CHECK(parse_minor(format_minor(minor, currency), currency) == minor);
        }
    }
}

TEST_CASE("money adds up in one currency and without overflow", "[money]") {
    CHECK(add(money(150, "EUR"), money(-50, "EUR"))->minor() == 100);
    CHECK(add(money(150, "EUR"), money(1, "EUR"))->currency() == "EUR");
    CHECK_FALSE(add(money(1, "EUR"), money(1, "USD")));
    CHECK_FALSE(add(money(most, "EUR"), money(1, "EUR")));
    CHECK_FALSE(add(money(least, "EUR"), money(-1, "EUR")));
    CHECK(add(v1::Money(), money(7, "USD"))->currency() == "USD");
    CHECK(add(money(7, "USD"), v1::Money())->minor() == 7);
    CHECK(add(v1::Money(), v1::Money())->currency().empty());
    CHECK_FALSE(add(money(7, ""), money(7, "USD")));  // an amount without a currency is not unset
}

TEST_CASE("a price times a quantity does not overflow", "[money]") {
    CHECK(times(money(250, "EUR"), 4)->minor() == 1000);
    CHECK(times(money(250, "EUR"), 4)->currency() == "EUR");
    CHECK(times(money(250, "EUR"), 0)->minor() == 0);
    CHECK_FALSE(times(money(most / 2 + 1, "EUR"), 2));
    CHECK_FALSE(times(money(least, "EUR"), -1));
}
