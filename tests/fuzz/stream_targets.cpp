// Bytes that claim to be streams of commands. Where the network cuts them must not matter, and what was read as JSON
// must come back from JSON.
#include "api/http/bulk_reader.hpp"
#include "api/json/write.hpp"
#include "tests/fuzz/targets.hpp"

#include <vector>

namespace tidemark::tests::fuzz {
namespace {

constexpr std::size_t most_bytes = 2'000;

struct Item {
    std::string command;  // its bytes
    std::string fault;
    bool last = false;
    bool operator==(const Item&) const = default;
};

std::vector<Item> read(api::BulkFormat format, std::string_view bytes, std::size_t piece) {
    std::vector<Item> items;
    api::BulkReader reader(format, most_bytes);
    const auto take_all = [&] {
        while (const auto item = reader.next()) {
            const bool whole = !item->fault;
            items.push_back({whole ? item->command.SerializePartialAsString() : "",
                             whole ? "" : item->fault->code + " " + item->fault->field, item->last});
        }
    };
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        reader.add(bytes.substr(at, piece));
        take_all();
    }
    reader.end();
    take_all();
    return items;
}

// The first byte says how long the pieces are.
void read_in_pieces(api::BulkFormat format, std::string_view input) {
    if (input.empty()) return;
    const std::size_t piece = std::size_t{static_cast<unsigned char>(input.front())} + 1;
    input.remove_prefix(1);
    const auto whole = read(format, input, input.size() + 1);
    must(read(format, input, piece) == whole, "a stream is the same however it is cut");
    for (std::size_t i = 0; i < whole.size(); ++i) {
        must(!whole[i].last || i + 1 == whole.size(), "nothing comes after the last");
    }
}

void read_back(std::string_view line) {
    api::json::Parser parser;
    v1::Command command;
    if (!parser.parse(line, command)) return;
    std::string text;
    api::json::write(command, text);
    v1::Command again;
    must(parser.parse(text, again).has_value(), "what is written as JSON is JSON");
    must(again.SerializePartialAsString() == command.SerializePartialAsString(), "JSON says what was read from JSON");
}

}  // namespace

void ndjson(std::string_view input) {
    read_in_pieces(api::BulkFormat::ndjson, input);
    read_back(input.substr(input.empty() ? 0 : 1));
}

void delimited(std::string_view input) {
    read_in_pieces(api::BulkFormat::delimited, input);
}

}  // namespace tidemark::tests::fuzz
