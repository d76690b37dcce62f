// Cuts a stream of bytes into commands: NDJSON lines, or Protobuf messages with their length (a varint) before them.
#pragma once

#include "aggregates/command.pb.h"
#include "api/json/parse.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::api {

enum class BulkFormat : std::uint8_t { ndjson, delimited };

// One command, or why there is none. `last`: where the next one begins can no longer be told.
struct BulkItem {
    v1::Command command;
    std::optional<json::Fault> fault;
    bool last = false;
};

// Bytes go in as they come, commands come out as there is room for them: what is not asked for stays as it is. One
// thread.
class BulkReader {
public:
    BulkReader(BulkFormat format, std::size_t most_bytes) : format_(format), most_bytes_(most_bytes) {}

    void add(std::string_view bytes);
    // The input has ended: what is left over is a last line, or a message that was cut off.
    void end() { ended_ = true; }
    // The next command that is whole. Nothing: it takes more input.
    [[nodiscard]] std::optional<BulkItem> next();

private:
    [[nodiscard]] std::optional<BulkItem> next_line();
    [[nodiscard]] std::optional<BulkItem> next_message();
    [[nodiscard]] std::optional<BulkItem> read_line(std::string_view line);
    [[nodiscard]] std::string_view left() const { return std::string_view(bytes_).substr(at_); }

    BulkFormat format_;
    std::size_t most_bytes_;
    std::string bytes_;
    std::size_t at_ = 0;        // commands before it are out
    std::size_t searched_ = 0;  // there is no end of a line between at_ and here
    bool skipping_ = false;     // the rest of a line that was too long
    bool lost_ = false;
    bool ended_ = false;
    json::Parser parser_;
};

// Appends an answer in the format of its stream.
void append_outcome(BulkFormat format, const v1::Outcome& outcome, std::string& out);

}  // namespace tidemark::api
