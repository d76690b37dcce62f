// Old bytes: records and blocks as they were written once. Their .bin files are never rewritten; what they mean
// today is written beside them (.txt, by UPDATE_GOLDEN=1) and reviewed in the diff.
#include "events/event.hpp"
#include "tests/events/sample.hpp"
#include "tests/events/sample_event.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/text_format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace tidemark::events;
namespace v1 = tidemark::v1;
namespace fs = std::filesystem;

namespace {

const fs::path golden = fs::path(TIDEMARK_SOURCE_DIR) / "tests/golden";

bool updating() {
    return std::getenv("UPDATE_GOLDEN") != nullptr;
}

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

// Holds `text` to what is written beside the bytes.
void check_meaning(fs::path bytes, const std::string& text) {
    const fs::path path = bytes.replace_extension(".txt");
    if (updating()) write(path, text);
    CHECK(text == content(path));
}

std::string text_of(const Payload& payload) {
    std::string text;
    std::visit(
        [&]<class Message>(const Message& message) {
            if constexpr (!std::is_same_v<Message, std::monostate>) {
                google::protobuf::TextFormat::Printer printer;
                printer.SetUseUtf8StringEscaping(true);
                REQUIRE(printer.PrintToString(message, &text));
            }
        },
        payload);
    return text;
}

std::string text_of(const RecordHeader& header) {
    const auto line = [](const char* name, const auto& value) {
        std::ostringstream out;
        out << name << ": " << value << "\n";
        return out.str();
    };
    return line("kind", static_cast<int>(header.kind)) + line("type", header.type) +
           line("schema_version", header.schema_version) + line("index", header.index) + line("count", header.count) +
           line("partition", header.partition) + line("sequence", header.sequence) + line("version", header.version) +
           line("occurred_at", header.occurred_at) + line("recorded_at", header.recorded_at) +
           line("event_id", header.event_id.text()) + line("body_digest", hex(header.body_digest)) +
           line("tenant", header.tenant) + line("stream_kind", header.stream_kind) +
           line("stream_id", header.stream_id) + line("command_id", header.command_id) +
           line("correlation_id", header.correlation_id) + line("causation_id", header.causation_id) +
           line("actor", header.actor) + line("on_behalf_of", header.on_behalf_of) + line("reason", header.reason) +
           line("key_id", header.key_id);
}

std::vector<fs::path> bytes_in(const char* folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(golden / folder)) {
        if (entry.path().extension() == ".bin") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

// "records/sale.sale_won.v1.bin"
fs::path record_path(std::string_view kind, const google::protobuf::FieldDescriptor& event, std::uint16_t version) {
    return golden / "records" / (std::string(kind) + "." + event.name() + ".v" + std::to_string(version) + ".bin");
}

}  // namespace

TEST_CASE("old records decode to today's messages", "[golden]") {
    const auto files = bytes_in("records");
    CHECK(files.size() >= 44);
    for (const fs::path& file : files) {
        INFO(file);
        const std::string bytes = content(file);
        const auto record = decode_record(bytes);
        REQUIRE(record);
        const auto payload = decode_payload(*record);
        REQUIRE(payload);
        check_meaning(file, text_of(record->header) + "\n" + text_of(*payload));
    }
}

TEST_CASE("old blocks decode, with the digest and root that they had", "[golden]") {
    const auto files = bytes_in("blocks");
    CHECK(files.size() >= 3);
    ChainFold chain(sample::log_id, 5);
    for (const fs::path& file : files) {  // in the order of their numbers, as one chain
        INFO(file);
        const auto decoded = decode_block(content(file));
        REQUIRE(decoded);
        const Block& block = **decoded;
        CHECK(chain.fold(block, Verify::records) == Verdict::counts);
        std::string text = "previous: " + hex(block.header().previous) + "\ndigest: " + hex(block.digest()) +
                           "\nroot: " + hex(block.header().root) +
                           "\ntree_size: " + std::to_string(block.header().tree_size) +
                           "\ncompression: " + std::to_string(static_cast<int>(block.header().compression)) + "\n";
        for (std::size_t i = 0; i < block.size(); ++i) text += "leaf: " + hex(leaf_hash(block.record(i))) + "\n";
        check_meaning(file, text);
    }
}

TEST_CASE("every event has old bytes of its schema version", "[golden]") {
    const std::pair<std::string_view, const google::protobuf::Descriptor*> kinds[] = {
        {"customer", v1::CustomerEvent::descriptor()},
        {"product", v1::ProductEvent::descriptor()},
        {"pipeline", v1::PipelineEvent::descriptor()},
        {"sale", v1::SaleEvent::descriptor()},
        {"delivery", v1::DeliveryEvent::descriptor()}};
    for (const auto& [kind, descriptor] : kinds) {
        for (int i = 0; i < descriptor->field_count(); ++i) {
            const auto path = record_path(kind, *descriptor->field(i), schema_version_of(kind));
            if (updating() && !fs::exists(path))
                write(path, sample::event_record(kind, *descriptor, *descriptor->field(i)));
            INFO(path << ": an event without old bytes; UPDATE_GOLDEN=1 writes them once");
            CHECK(fs::exists(path));
        }
    }
}

TEST_CASE("needs of schema version 1 were urgent or not, and have a priority today", "[golden]") {
    const auto need = [](const char* file) {
        const std::string bytes = content(golden / "records" / file);
        const auto record = decode_record(bytes).value();
        CHECK(record.header.schema_version == 1);
        return std::get<v1::CustomerEvent>(decode_payload(record).value()).customer_need_recorded();
    };
    CHECK(need("customer.customer_need_recorded.urgent.v1.bin").priority() == v1::PRIORITY_URGENT);
    CHECK(need("customer.customer_need_recorded.not_urgent.v1.bin").priority() == v1::PRIORITY_MEDIUM);
    CHECK(need("customer.customer_need_recorded.urgent.v1.bin").text() == "交货更快");
}

TEST_CASE("every event is read as it was written", "[golden]") {
    for (const fs::path& file : bytes_in("records")) {
        const std::string bytes = content(file);
        const auto record = decode_record(bytes).value();
        if (record.header.schema_version != schema_version_of(record.header.stream_kind)) continue;
        std::string again;
        encode_record(record.header, record.payload, again);
        CHECK(again == bytes);
        const Payload payload = decode_payload(record).value();
        std::visit(
            [&]<class Message>(const Message& message) {
                if constexpr (!std::is_same_v<Message, std::monostate>) {
                    Message parsed;
                    CHECK(parsed.ParseFromString(message.SerializeAsString()));
                    CHECK(parsed.SerializeAsString() == message.SerializeAsString());
                    CHECK(message.ByteSizeLong() == record.payload.size());
                }
            },
            payload);
    }
}
