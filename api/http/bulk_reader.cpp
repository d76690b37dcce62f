#include "api/http/bulk_reader.hpp"

#include "api/http/command_intake.hpp"
#include "api/json/write.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tidemark::api {
namespace {

constexpr std::size_t keeps_bytes = 128 * 1024;  // of room, behind a long line

json::Fault too_long(std::size_t most_bytes) {
    return {"TooLong", "", "a command has at most " + std::to_string(most_bytes) + " bytes"};
}

}  // namespace

void BulkReader::add(std::string_view bytes) {
    if (at_ == bytes_.size() && bytes_.capacity() > keeps_bytes) {
        bytes_ = {};
    } else {
        bytes_.erase(0, at_);
    }
    searched_ -= std::min(searched_, at_);
    at_ = 0;
    bytes_ += bytes;
}

std::optional<BulkItem> BulkReader::next() {
    if (lost_) {
        return std::nullopt;
    }
    return format_ == BulkFormat::ndjson ? next_line() : next_message();
}

std::optional<BulkItem> BulkReader::next_line() {
    std::optional<BulkItem> item;
    while (!item && at_ < bytes_.size()) {
        const std::size_t end = bytes_.find('\n', std::max(at_, searched_));
        if (end != std::string::npos) {
            if (!std::exchange(skipping_, false)) {
                item = read_line(left().substr(0, end - at_));
            }
            at_ = end + 1;
            continue;
        }
        searched_ = bytes_.size();
        const bool too_much = left().size() > most_bytes_ + 1;  // it may end in a carriage return
        if (!skipping_ && !too_much && !ended_) {
            return std::nullopt;
        }
        if (!skipping_) {
            item = read_line(left());
        }
        skipping_ = skipping_ || too_much;
        at_ = bytes_.size();
    }
    return item;
}

// Nothing: the line is blank.
std::optional<BulkItem> BulkReader::read_line(std::string_view line) {
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    BulkItem item;
    if (line.size() > most_bytes_) {  // before it is looked at: of one that is cut, nobody knows what follows
        item.fault = too_long(most_bytes_);
    } else if (line.find_first_not_of(" \t") == std::string_view::npos) {
        return std::nullopt;
    } else if (auto parsed = parser_.parse(line, item.command); !parsed) {
        item.fault = std::move(parsed.error());
    }
    return item;
}

std::optional<BulkItem> BulkReader::next_message() {
    std::uint64_t length = 0;
    std::size_t digits = 0;
    bool whole = false;
    while (digits < left().size() && digits < 5 && !whole) {
        const auto byte = static_cast<unsigned char>(left()[digits]);
        length |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * digits);
        whole = (byte & 0x80) == 0;
        ++digits;
    }
    if ((!whole && digits == 5) || (whole && length > most_bytes_)) {
        lost_ = true;
        return BulkItem{{},
                        json::Fault{"BadLength", "",
                                    "expected a length (a varint) of at most " + std::to_string(most_bytes_) +
                                        "; the stream cannot be read further"},
                        true};
    }
    if (!whole || left().size() - digits < length) {
        if (!ended_ || left().empty()) {
            return std::nullopt;
        }
        lost_ = true;
        return BulkItem{{}, json::Fault{"CutOff", "", "the stream ended in the middle of a message"}, true};
    }
    BulkItem item;
    item.fault = parse_protobuf(left().substr(digits, length), item.command);
    at_ += digits + length;
    return item;
}

void append_outcome(BulkFormat format, const v1::Outcome& outcome, std::string& out) {
    if (format == BulkFormat::ndjson) {
        json::write(outcome, out);
        out += '\n';
        return;
    }
    // Not through a stream: that would stretch the text to all of its room for each outcome.
    std::array<std::uint8_t, 5> length{};
    const auto* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
        static_cast<std::uint32_t>(outcome.ByteSizeLong()), length.data());
    out.append(reinterpret_cast<const char*>(length.data()), static_cast<std::size_t>(end - length.data()));
    (void)outcome.AppendPartialToString(&out);
}

}  // namespace tidemark::api
