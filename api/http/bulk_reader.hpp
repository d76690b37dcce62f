// Cuts a stream of bytes into commands: NDJSON lines, or Protobuf messages with their length (a varint) before them.
#pragma once

#include "aggregates/command.pb.h"
#include "api/json/parse.hpp"

#include <functional>
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

// One thread.
class BulkReader {
public:
    BulkReader(BulkFormat format, std::size_t most_bytes) : format_(format), most_bytes_(most_bytes) {}

    // Calls `take` for each command that is whole; what is left over waits for the next call.
    void feed(std::string_view bytes, const std::function<void(BulkItem)>& take);
    // The input has ended: what is left over is a last line, or a message that was cut off.
    void finish(const std::function<void(BulkItem)>& take);

private:
    std::size_t take_lines(std::string_view bytes, const std::function<void(BulkItem)>& take);
    std::size_t take_messages(std::string_view bytes, const std::function<void(BulkItem)>& take);
    void take_line(std::string_view line, const std::function<void(BulkItem)>& take);

    BulkFormat format_;
    std::size_t most_bytes_;
    std::string rest_;
    bool skipping_ = false;  // the rest of a line that was too long
    bool lost_ = false;
    json::Parser parser_;
};

// Appends an answer in the format of its stream.
void append_outcome(BulkFormat format, const v1::Outcome& outcome, std::string& out);

}  // namespace tidemark::api
