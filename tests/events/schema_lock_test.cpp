// events/schema.lock lists every message, field and enum value that a stored event is made of. What is in it
// never changes: stored bytes are read by it for ever. Adding is allowed, and only together with the lock.
#include "events/v1/common.pb.h"
#include "events/v1/customer.pb.h"
#include "events/v1/delivery.pb.h"
#include "events/v1/outcome.pb.h"
#include "events/v1/pipeline.pb.h"
#include "events/v1/product.pb.h"
#include "events/v1/sale.pb.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace tidemark;
namespace pb = google::protobuf;

namespace {

// "v1.CustomerCreated 5" -> "kind: enum v1.CustomerKind"; a reserved number -> "reserved".
using Schema = std::map<std::string, std::string>;

const std::string reserved = "reserved";

std::string place(const std::string& owner, int number) {
    std::string digits = std::to_string(number);
    digits.insert(0, digits.size() < 4 ? 4 - digits.size() : 0,
                  '0');  // so that the file is in the order of the numbers
    return owner + " " + digits;
}

std::string describe(const pb::FieldDescriptor& field) {
    std::string text = std::string(field.name()) + ": ";
    if (field.is_repeated()) text += "repeated ";
    if (field.has_optional_keyword()) text += "optional ";
    text += field.type_name();
    if (field.message_type() != nullptr) text += " " + field.message_type()->full_name();
    if (field.enum_type() != nullptr) text += " " + field.enum_type()->full_name();
    if (field.real_containing_oneof() != nullptr) text += " in oneof " + field.real_containing_oneof()->name();
    return text;
}

void add_message(const pb::Descriptor& message, Schema& schema) {
    for (int i = 0; i < message.field_count(); ++i) {
        const auto& field = *message.field(i);
        schema[place(message.full_name(), field.number())] = describe(field);
    }
    for (int i = 0; i < message.reserved_range_count(); ++i) {
        const auto& range = *message.reserved_range(i);
        for (int number = range.start; number < range.end; ++number)
            schema[place(message.full_name(), number)] = reserved;
    }
    for (int i = 0; i < message.nested_type_count(); ++i) add_message(*message.nested_type(i), schema);
}

void add_file(const pb::FileDescriptor& file, Schema& schema) {
    for (int i = 0; i < file.message_type_count(); ++i) add_message(*file.message_type(i), schema);
    for (int i = 0; i < file.enum_type_count(); ++i) {
        const auto& type = *file.enum_type(i);
        for (int j = 0; j < type.value_count(); ++j) {
            schema[place(type.full_name(), type.value(j)->number())] = std::string(type.value(j)->name()) + ": value";
        }
        for (int j = 0; j < type.reserved_range_count(); ++j) {
            const auto& range = *type.reserved_range(j);
            for (int number = range.start; number <= range.end; ++number)
                schema[place(type.full_name(), number)] = reserved;
        }
    }
}

// Everything but the rules on fields (events/v1/rules.proto), which no event holds.
Schema schema_of_today() {
    Schema schema;
    for (const pb::Descriptor* message :
         {v1::Money::descriptor(), v1::CustomerEvent::descriptor(), v1::DeliveryEvent::descriptor(),
          v1::Rejection::descriptor(), v1::PipelineEvent::descriptor(), v1::ProductEvent::descriptor(),
          v1::SaleEvent::descriptor()}) {
        add_file(*message->file(), schema);
    }
    return schema;
}

// Why today's schema breaks the locked one; empty: it does not.
std::vector<std::string> breaches(const Schema& locked, const Schema& today) {
    std::vector<std::string> found;
    for (const auto& [where, was] : locked) {
        const auto now = today.find(where);
        const bool gone = now == today.end();
        if (!gone && (now->second == was || now->second == reserved)) continue;
        if (was == reserved) {
            found.push_back(where + " is reserved and must stay so: old events hold the field that it once was");
        } else if (gone) {
            found.push_back(where + " (" + was +
                            ") is gone: mark the number `reserved`, so that nobody gives it another meaning");
        } else {
            found.push_back(where + " was \"" + was + "\" and is \"" + now->second +
                            "\": stored events hold the old one; leave it, add a field with a new number, and upcast");
        }
    }
    return found;
}

std::string text_of(const Schema& schema) {
    std::string text =
        "# Every message field and enum value of the stored events, by number. Written by "
        "tests/events/schema_lock_test.cpp:\n"
        "# UPDATE_GOLDEN=1 adds what is new; what is here may only ever become `reserved`.\n";
    for (const auto& [where, what] : schema) text += where + " " + what + "\n";
    return text;
}

Schema parse(std::istream& in) {
    Schema schema;
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line.starts_with('#')) continue;
        const std::size_t number = line.find(' ');
        const std::size_t what = line.find(' ', number + 1);
        REQUIRE(what != std::string::npos);
        schema[line.substr(0, what)] = line.substr(what + 1);
    }
    return schema;
}

}  // namespace

TEST_CASE("the schema of the events is the locked one", "[schema]") {
    const std::string path = std::string(TIDEMARK_SOURCE_DIR) + "/events/schema.lock";
    const Schema today = schema_of_today();
    std::ifstream file(path);
    const Schema locked = parse(file);
    file.close();
    for (const std::string& breach : breaches(locked, today)) FAIL_CHECK(breach);
    if (!breaches(locked, today).empty()) return;  // not even UPDATE_GOLDEN locks a breach
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << text_of(today);
        return;
    }
    for (const auto& [where, what] : today) {
        const auto known = locked.find(where);
        if (known == locked.end() || known->second != what) {
            FAIL_CHECK(where << " (" << what
                             << ") is not in events/schema.lock: run the test with UPDATE_GOLDEN=1 and commit");
        }
    }
}

TEST_CASE("the lock tells a schema that has grown from one that breaks old events", "[schema]") {
    const Schema locked = {
        {"v1.Sale 0001", "owner: string"}, {"v1.Sale 0002", "amount: int64"}, {"v1.Sale 0003", reserved}};
    const auto broken = [&](const std::string& where, const char* what) {
        Schema today = locked;
        if (what == nullptr) {
            today.erase(where);
        } else {
            today[where] = what;
        }
        const auto found = breaches(locked, today);
        return found.empty() ? "" : found.front();
    };
    CHECK(broken("v1.Sale 0001", "owner: string").empty());
    CHECK(broken("v1.Sale 0004", "region: string").empty());
    CHECK(broken("v1.Sale 0002", "reserved").empty());
    CHECK_THAT(broken("v1.Sale 0002", nullptr), Catch::Contains("mark the number `reserved`"));
    CHECK_THAT(broken("v1.Sale 0002", "amount: int32"),
               Catch::Contains("was \"amount: int64\" and is \"amount: int32\""));
    CHECK_THAT(broken("v1.Sale 0001", "salesperson: string"), Catch::Contains("add a field with a new number"));
    CHECK_THAT(broken("v1.Sale 0003", nullptr), Catch::Contains("must stay so"));
    CHECK_THAT(broken("v1.Sale 0003", "urgent: bool"), Catch::Contains("must stay so"));
}

TEST_CASE("the lock reads back as it was written", "[schema]") {
    std::istringstream text(text_of(schema_of_today()));
    CHECK(parse(text) == schema_of_today());
    CHECK(schema_of_today().at("tidemark.v1.CustomerNeedRecorded 0004") == reserved);
}
