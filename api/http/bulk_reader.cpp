#include "api/http/bulk_reader.hpp"

#include "api/http/command_intake.hpp"
#include "api/json/write.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <array>

namespace tidemark::api {
namespace {

json::Fault too_long(std::size_t most_bytes) {
    return {"TooLong", "", "a command has at most " + std::to_string(most_bytes) + " bytes"};
}

}  // namespace

void BulkReader::feed(std::string_view bytes, const std::function<void(BulkItem)>& take) {
    if (lost_) {
        return;
    }
    std::string joined;
    if (!rest_.empty()) {
        joined = std::move(rest_);
        joined += bytes;
        bytes = joined;
        rest_.clear();
    }
    const std::size_t used = format_ == BulkFormat::ndjson ? take_lines(bytes, take) : take_messages(bytes, take);
    if (!lost_) {
        rest_.assign(bytes.substr(used));
    }
}

void BulkReader::take_line(std::string_view line, const std::function<void(BulkItem)>& take) {
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos) {
        return;
    }
    BulkItem item;
    if (line.size() > most_bytes_) {
        item.fault = too_long(most_bytes_);
    } else if (auto parsed = parser_.parse(line, item.command); !parsed) {
        item.fault = std::move(parsed.error());
    }
    take(std::move(item));
}

std::size_t BulkReader::take_lines(std::string_view bytes, const std::function<void(BulkItem)>& take) {
    std::size_t used = 0;
    while (true) {
        const std::size_t end = bytes.find('\n', used);
        if (end == std::string_view::npos) {
            break;
        }
        if (!std::exchange(skipping_, false)) {
            take_line(bytes.substr(used, end - used), take);
        }
        used = end + 1;
    }
    if (skipping_) {
        return bytes.size();
    }
    if (bytes.size() - used > most_bytes_) {
        skipping_ = true;
        take({{}, too_long(most_bytes_), false});
        return bytes.size();
    }
    return used;
}

std::size_t BulkReader::take_messages(std::string_view bytes, const std::function<void(BulkItem)>& take) {
    std::size_t used = 0;
    while (used < bytes.size()) {
        const std::string_view left = bytes.substr(used);
        std::uint64_t length = 0;
        std::size_t digits = 0;
        bool whole = false;
        while (digits < left.size() && digits < 5 && !whole) {
            const auto byte = static_cast<unsigned char>(left[digits]);
            length |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * digits);
            whole = (byte & 0x80) == 0;
            ++digits;
        }
        if (!whole && digits < 5) {
            break;
        }
        if (!whole || length > most_bytes_) {
            lost_ = true;
            take({{},
                  json::Fault{"BadLength", "",
                              "expected a length (a varint) of at most " + std::to_string(most_bytes_) +
                                  "; the stream cannot be read further"},
                  true});
            break;
        }
        if (left.size() - digits < length) {
            break;
        }
        BulkItem item;
        item.fault = parse_protobuf(left.substr(digits, length), item.command);
        take(std::move(item));
        used += digits + length;
    }
    return used;
}

void BulkReader::finish(const std::function<void(BulkItem)>& take) {
    const std::string rest = std::exchange(rest_, {});
    if (lost_ || rest.empty()) {
        return;
    }
    if (format_ == BulkFormat::ndjson) {
        take_line(rest, take);
    } else {
        take({{}, json::Fault{"CutOff", "", "the stream ended in the middle of a message"}, true});
    }
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
