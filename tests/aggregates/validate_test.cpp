#include "aggregates/validate.hpp"

#include "aggregates/text.hpp"
#include "tests/support/given.hpp"

#include <catch2/catch.hpp>

using namespace tidemark;
using tidemark::tests::parse_text;

namespace {

// "Code at field"; empty: all rules hold.
std::string verdict(const v1::Command& command) {
    const auto broken = aggregates::validate(command);
    if (!broken) return {};
    CHECK(broken->category() == v1::RULE_VIOLATED);
    CHECK_FALSE(broken->detail().empty());
    return broken->code() + " at " + broken->field();
}
std::string verdict(const std::string& text) {
    return verdict(parse_text<v1::Command>(R"(stream_id: "s-1" command_id: "c-1" )" + text));
}
v1::Command named(const std::string& name) {
    return tests::create_customer("s-1", "c-1", name);
}

}  // namespace

TEST_CASE("a path names the place in a list", "[validate]") {
    const std::string open = R"(sale { open_sale { owner: "ada" pipeline_id: "p"
        lines { product_id: "a" quantity: 1 } lines { product_id: "b" quantity: 1 } lines { product_id: "c" quantity: )";
    CHECK(verdict(open + "1 } } }") == "");
    CHECK(verdict(open + "0 } } }") == "OutOfRange at sale.open_sale.lines[2].quantity");
    CHECK(verdict(open + "1 unit_price { minor: -1 currency: \"EUR\" } } } }") ==
          "NegativeAmount at sale.open_sale.lines[2].unit_price");
    CHECK(verdict(open + "1 unit_price { minor: 1 currency: \"EURO\" } } } }") ==
          "UnknownCurrency at sale.open_sale.lines[2].unit_price.currency");
}

TEST_CASE("a command without a body, or a body without a command, is refused", "[validate]") {
    CHECK(verdict("") == "Required at body");
    CHECK(verdict("sale {}") == "Required at sale.command");
    CHECK(verdict(R"(customer { create_customer { name: "x" attributes { key: "k" } } })") ==
          "Required at customer.create_customer.attributes[0].value");
}

TEST_CASE("the frame of a command has rules of its own", "[validate]") {
    const std::string body = R"(product { retire_product {} })";
    CHECK(verdict(body) == "");
    CHECK(verdict(R"(tenant: "a b" )" + body) == "BadFormat at tenant");
    CHECK(verdict(R"(actor: ")" + std::string(65, 'x') + "\" " + body) == "TooLong at actor");
    CHECK(verdict(R"(reason: ")" + std::string(256, 'x') + "\" " + body) == "TooLong at reason");
    CHECK(verdict(parse_text<v1::Command>(R"(command_id: "c" )" + body)) == "Required at stream_id");
    CHECK(verdict(parse_text<v1::Command>(R"(stream_id: "s" )" + body)) == "Required at command_id");
    CHECK(verdict("occurred_at: -2208988800000000 " + body) == "");
    CHECK(verdict("occurred_at: -2208988800000001 " + body) == "OutOfRange at occurred_at");
    CHECK(verdict("occurred_at: 7258118400000000 " + body) == "");
    CHECK(verdict("occurred_at: 7258118400000001 " + body) == "OutOfRange at occurred_at");
}

TEST_CASE("whoever acts fits into the header of a record, in characters and in bytes", "[validate]") {
    const auto acting = [](int wide, const std::string& narrow) {
        std::string name = narrow;
        for (int i = 0; i < wide; ++i) name += "😀";  // four bytes
        return verdict("actor: \"" + name + "\" product { retire_product {} }") + '|' +
               verdict("on_behalf_of: \"" + name + "\" product { retire_product {} }");
    };
    CHECK(acting(63, "abc") == "TooLong at actor|TooLong at on_behalf_of");  // 66 characters
    CHECK(acting(64, "") == "TooLong at actor|TooLong at on_behalf_of");     // 256 bytes
    CHECK(acting(63, "a") == "|");                                           // 253 bytes
}

// A length of one byte, of two for the reason (docs/format.md): nothing that passes may be too long for it.
TEST_CASE("every text of the frame has a bound that its place in a record can hold", "[validate]") {
    const auto* frame = v1::Command::descriptor();
    for (int i = 0; i < frame->field_count(); ++i) {
        const auto* field = frame->field(i);
        if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) continue;
        INFO(field->name());
        const v1::Rule& rule = field->options().GetExtension(v1::rule);
        const std::uint32_t most = rule.format() == v1::FORMAT_ID ? 64
                                   : rule.max_bytes() != 0        ? rule.max_bytes()
                                                                  : rule.max_chars() * 4;
        CHECK(most > 0);
        CHECK(most <= (field->name() == "reason" ? 65'535U : 255U));
    }
}

TEST_CASE("an amount has an end on both sides", "[validate]") {
    const auto impact = [](const std::string& minor) {
        return verdict(R"(delivery { request_change { change_id: "c" text: "x" cost_impact { minor: )" + minor +
                       R"( currency: "EUR" } } })");
    };
    for (const char* good : {"1000000000000000", "-1000000000000000"}) CHECK(impact(good) == "");
    for (const char* bad : {"1000000000000001", "-1000000000000001", "9223372036854775807", "-9223372036854775808"}) {
        CHECK(impact(bad) == "OutOfRange at delivery.request_change.cost_impact");
    }
}

TEST_CASE("a length is counted in characters, not in bytes", "[validate]") {
    std::string chinese;
    for (int i = 0; i < 100; ++i) chinese += "张";
    CHECK(verdict(named(chinese)) == "");
    CHECK(verdict(named(chinese + "三")) == "TooLong at customer.create_customer.name");
    CHECK(verdict(named("😀 Zoë")) == "");
}

TEST_CASE("what is not UTF-8 is refused", "[validate]") {
    for (const std::string bad : {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe5\xbc"}) {
        CHECK(verdict(named(bad)) == "BadUtf8 at customer.create_customer.name");
    }
    CHECK(verdict(named(std::string("a\0b", 3))) == "BadFormat at customer.create_customer.name");
    CHECK(verdict(named("two\nlines\tand a tab")) == "");
}

TEST_CASE("a text of blanks, of any script, is no text", "[validate]") {
    for (const char* blank : {" ", " \t\n", "\u00a0", "\u3000\u3000", "\u200b", "\u2028", "\ufeff"}) {
        CHECK(verdict(named(blank)) == "Required at customer.create_customer.name");
        v1::Command command = tests::command("s-1", "c-1");
        command.mutable_customer()->mutable_change_customer_details()->set_name(blank);
        CHECK(verdict(command) == "BadFormat at customer.change_customer_details.name");
        command.mutable_customer()->mutable_review_customer_data()->set_finding("x");
        command.mutable_customer()->mutable_review_customer_data()->add_fields_to_mend(blank);
        CHECK(verdict(command) == "BadFormat at customer.review_customer_data.fields_to_mend[0]");
    }
    CHECK(verdict(named("\u3000张 三 ")) == "");
}

TEST_CASE("a control character is found wherever it stands, and nothing else is taken for one", "[validate]") {
    for (std::size_t size = 1; size <= 20; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            for (int c = 0; c <= 0x7f; ++c) {
                std::string text(size, 'x');
                text[place] = static_cast<char>(c);
                const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
                if (aggregates::has_control_characters(text) != control) FAIL(size << ' ' << place << ' ' << c);
                if (aggregates::count_chars(text) != size) FAIL(size << ' ' << place << ' ' << c);
            }
            std::string wide(size, 'x');
            wide.replace(place, 1, "三");
            CHECK_FALSE(aggregates::has_control_characters(wide));
            CHECK(aggregates::count_chars(wide) == size);
        }
    }
    CHECK(aggregates::has_control_characters("三\x01"));
    CHECK(aggregates::has_control_characters("\x7f三"));
    CHECK_FALSE(aggregates::has_control_characters(""));
}

TEST_CASE("an e-mail address has one @ and a dotted host", "[validate]") {
    for (const char* good : {"a@b.cd", "ada.lovelace+crm@mail.example.org", "张三@例子.中国"}) {
        v1::Command command = named("x");
        command.mutable_customer()->mutable_create_customer()->set_email(good);
        CHECK(verdict(command) == "");
    }
    for (const char* bad : {"a", "@b.cd", "a@b", "a@@b.cd", "a@b.cd@e.fg", "a b@c.de", "a@.de", "a@b.", "a@b..de",
                            "a\u3000b@c.de", "a@c\u00a0.de", "a\u200b@c.de", "\u2028a@c.de"}) {
        v1::Command command = named("x");
        command.mutable_customer()->mutable_create_customer()->set_email(bad);
        CHECK(verdict(command) == "BadFormat at customer.create_customer.email");
    }
}

TEST_CASE("a phone number has digits", "[validate]") {
    for (const char* good : {"+86 10 6552-9988", "(030) 1234/56", "110", "(+49) 30 1234", " +49.30.1234"}) {
        v1::Command command = named("x");
        command.mutable_customer()->mutable_create_customer()->set_phone(good);
        CHECK(verdict(command) == "");
    }
    for (const char* bad : {"12", "none", "+-()", "123 ext 4", "1+2+3", "123+", "++49 30 123", "+49 +30 123"}) {
        v1::Command command = named("x");
        command.mutable_customer()->mutable_create_customer()->set_phone(bad);
        CHECK(verdict(command) == "BadFormat at customer.create_customer.phone");
    }
}

TEST_CASE("what is broken is said without the personal value", "[validate]") {
    v1::Command command = named("x");
    command.mutable_customer()->mutable_create_customer()->set_email("very-secret");
    const auto broken = aggregates::validate(command);
    REQUIRE(broken.has_value());
    CHECK(broken->ShortDebugString().find("very-secret") == std::string::npos);
}

TEST_CASE("present and empty is allowed where it means: cleared", "[validate]") {
    CHECK(verdict(R"(customer { change_customer_details { email: "" phone: "" gender: GENDER_UNSPECIFIED } })") == "");
}
